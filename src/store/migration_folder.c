/* The folder of migrations: NNNN_name.sql. Files that neither begin with a digit nor end in .sql (a README)
   are nobody's business here. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/migration.h"

enum { LARGEST = 4 << 20 };

static int is_candidate(const struct dirent *entry) {
  size_t size = strlen(entry->d_name);
  bool sql = size > 4 && strcmp(entry->d_name + size - 4, ".sql") == 0;
  return entry->d_name[0] != '.' && (sql || isdigit((unsigned char)entry->d_name[0]));
}

/* The number in front; 0 when it is not NNNN_name.sql. */
static int number_of(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
  for (int i = 0; i < 4; i++)
    if (!isdigit((unsigned char)name[i])) return 0;
  size_t size = strspn(name + 4, letters);
  return name[4] == '_' && size > 1 && strcmp(name + 4 + size, ".sql") == 0 ? atoi(name) : 0;
}

static int read_one(struct orr_arena *arena, const char *folder, const char *name, int expected,
                    struct orr_migration *out, struct orr_err *err) {
  int number = number_of(name);
  if (number == 0)
    return orr_fail(err, ORR_INVALID,
                    "%s/%s is no name for a migration: NNNN_name.sql is, from 0001, the name in lower case",
                    folder, name);
  if (number < expected)
    return orr_fail(err, ORR_INVALID,
                    "there are two migrations %04d in %s, one is %s: give the newer one the "
                    "next free number",
                    number, folder, name);
  if (number > expected)
    return orr_fail(err, ORR_INVALID,
                    "migration %04d is missing in %s before %s: put it back, or close the gap", expected,
                    folder, name);
  struct orr_buf sql = {0};
  *out = (struct orr_migration){.number = number,
                                .file = orr_arena_dup(arena, name, strlen(name)),
                                .path = orr_arena_printf(arena, "%s/%s", folder, name)};
  int code = orr_file_read(out->path, LARGEST, &sql, err);
  if (code == ORR_OK && sql.size && memchr(sql.data, 0, sql.size))
    code = orr_fail(err, ORR_INVALID, "%s contains a NUL byte: it is no SQL", out->path);
  out->sql = orr_arena_dup(arena, sql.data, sql.size);
  orr_sha256_text(out->sql, sql.size, out->checksum);
  orr_buf_free(&sql);
  return code;
}

int orr_migrations_read(struct orr_arena *arena, const char *folder, struct orr_migration **list, int *count,
                        struct orr_err *err) {
  struct dirent **entries;
  int found = scandir(folder, &entries, is_candidate, alphasort), code = ORR_OK;
  if (found < 0)
    return orr_fail(err, ORR_IO, "cannot read the folder of migrations %s: %s", folder, strerror(errno));
  *list = orr_arena_zalloc(arena, (size_t)found * sizeof **list);
  *count = found;
  for (int i = 0; i < found; i++) {
    if (code == ORR_OK) code = read_one(arena, folder, entries[i]->d_name, i + 1, &(*list)[i], err);
    free(entries[i]);
  }
  free(entries);
  return code;
}
