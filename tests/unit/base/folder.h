/* A temporary folder, for tests that need files, and short ways to write and read them. */
#pragma once
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_ROOM = 64 };

/* The path of a file in a folder, in memory that lives as long as the caller's function. */
#define PATH_OF(folder, name) path_of((char[256]){0}, folder, name)
static inline const char *path_of(char *path, const char *folder, const char *name) {
  snprintf(path, 256, "%s/%s", folder, name);
  return path;
}

static inline void folder_make(char folder[FOLDER_ROOM]) {
  snprintf(folder, FOLDER_ROOM, "/tmp/orrery-test-XXXXXX");
  assert_non_null(mkdtemp(folder));
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)kind, (void)walk;
  return remove(path);
}
static inline void folder_remove(const char *folder) { nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static inline void write_file(const char *folder, const char *name, const char *text) {
  FILE *file = fopen(PATH_OF(folder, name), "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
  assert_int_equal(fclose(file), 0);
}

static inline void remove_file(const char *folder, const char *name) {
  assert_int_equal(unlink(PATH_OF(folder, name)), 0);
}

static inline void make_folder(const char *folder, const char *name) {
  assert_int_equal(mkdir(PATH_OF(folder, name), 0700), 0);
}

/* Links are not followed. */
static inline bool is_there(const char *folder, const char *name) {
  struct stat info;
  return lstat(PATH_OF(folder, name), &info) == 0;
}

static inline int count_entries(const char *folder) {
  int count = -2; /* . and .. */
  DIR *entries = opendir(folder);
  assert_non_null(entries);
  while (readdir(entries)) count++;
  closedir(entries);
  return count;
}

/* Descriptors that are open in this process. */
static inline int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 4096; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}
