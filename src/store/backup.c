/* Copying a live database. The copy reads one view of it from beginning to end: a backup over a connection
   without one begins again whenever somebody writes, which on a busy server is for ever. Writers are not
   held up, but the log cannot be emptied before the copy is done. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/filesystem.h"
#include "store/open.h"
#include "store/sqlite_error.h"
#include "store/store.h"

enum { PAGES_A_STEP = 1024 };

/* The copy is synced once, when it is whole, so it needs neither a journal nor syncs on the way. */
static int copy(sqlite3 *from, sqlite3 *to, const char *target, struct orr_err *err) {
  if (sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK)
    return orr_sqlite_fail(err, from, "cannot read the database");
  sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
  sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
  int step = SQLITE_OK;
  while (backup && step == SQLITE_OK) step = sqlite3_backup_step(backup, PAGES_A_STEP);
  sqlite3_backup_finish(backup); /* puts the error into `to` */
  return step == SQLITE_DONE ? ORR_OK : orr_sqlite_fail(err, to, "cannot write the backup %s", target);
}

static int copy_into(const char *path, const char *part, const char *target, struct orr_err *err) {
  sqlite3 *from, *to = NULL;
  int code = orr_database_open_reading(path, &from, err);
  if (code) return code;
  if (sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
    code = copy(from, to, target, err);
  else
    code = orr_sqlite_fail(err, to, "cannot write the backup %s", target);
  sqlite3_close(to);
  sqlite3_close(from);
  return code;
}

static bool sync_path(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced;
}

/* A rename that overwrites nothing; some network file systems, fine for a backup, do not have it. */
static bool put_in_place(const char *part, const char *target) {
  return renameat2(AT_FDCWD, part, AT_FDCWD, target, RENAME_NOREPLACE) == 0 ||
         (errno == EINVAL && rename(part, target) == 0);
}

static int finish(const char *part, const char *target, struct orr_err *err) {
  char *folder = orr_filesystem_folder(target);
  bool done =
      sync_path(part, O_RDONLY) && put_in_place(part, target) && sync_path(folder, O_RDONLY | O_DIRECTORY);
  int code =
      done ? ORR_OK : orr_fail(err, ORR_IO, "cannot put the backup to %s: %s", target, strerror(errno));
  free(folder);
  return code;
}

int orr_store_backup(const char *path, const char *target, struct orr_err *err) {
  if (access(target, F_OK) == 0)
    return orr_fail(err, ORR_INVALID, "there is a file %s already: name a new one for the backup", target);
  struct orr_buf name = {0};
  orr_buf_printf(&name, "%s.%d.part", target, (int)getpid());
  const char *part = orr_buf_text(&name);
  unlink(part); /* of a process of the same number that was killed */
  int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), code;
  if (fd < 0) {
    code = orr_fail(err, ORR_IO, "cannot make the backup %s: %s", target, strerror(errno));
  } else {
    close(fd);
    code = copy_into(path, part, target, err);
    if (code == ORR_OK) code = finish(part, target, err);
    unlink(part); /* gone already when all went well */
  }
  orr_buf_free(&name);
  return code;
}
