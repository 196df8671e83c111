#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

static int io_fail(struct orr_err *err, const char *what, const char *path) {
  enum orr_code code = errno == ENOSPC || errno == EDQUOT ? ORR_NO_SPACE
                       : errno == ENOENT                  ? ORR_NOT_FOUND
                                                          : ORR_IO;
  return orr_fail(err, code, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

/* The rename itself must be on the disk as well; a file system that cannot say so is taken at its word. */
static void sync_folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? orr_strndup(path, (size_t)(slash - path) + 1) : orr_strdup(".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(folder);
}

int orr_file_write(const char *path, const void *bytes, size_t size, int mode, struct orr_err *err) {
  struct orr_buf temporary = {0};
  orr_buf_printf(&temporary, "%s.%d.new", path, (int)getpid());
  const char *name = orr_buf_text(&temporary);
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode), code = ORR_OK;
  bool written = fd >= 0 && fchmod(fd, (mode_t)mode) == 0 && write_all(fd, bytes, size) && fsync(fd) == 0;
  if (!written || rename(name, path) != 0) {
    code = io_fail(err, "write", path);
    unlink(name);
  }
  if (fd >= 0) close(fd);
  orr_buf_free(&temporary);
  if (code == ORR_OK) sync_folder_of(path);
  return code;
}

int orr_file_read(const char *path, size_t limit, struct orr_buf *out, struct orr_err *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a named pipe must not block */
  return fd < 0 ? io_fail(err, "read", path) : orr_file_read_open(fd, path, limit, out, err);
}

int orr_file_read_open(int fd, const char *path, size_t limit, struct orr_buf *out, struct orr_err *err) {
  size_t before = out->size;
  ssize_t got;
  while ((got = read(fd, orr_buf_reserve(out, 16384), 16384)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    out->size += (size_t)got;
    if (out->size - before > limit) {
      close(fd);
      return orr_fail(err, ORR_TOO_LARGE, "%s is larger than %zu bytes", path, limit);
    }
  }
  close(fd);
  return got < 0 ? io_fail(err, "read", path) : ORR_OK;
}

/* The folder first, and those above it only where they are missing. */
static bool make_folders(char *path, mode_t mode) {
  if (mkdir(path, mode) == 0 || errno == EEXIST) return true;
  char *slash = strrchr(path, '/');
  if (errno != ENOENT || !slash || slash == path) return false;
  *slash = 0;
  if (!make_folders(path, mode)) return false;
  *slash = '/';
  return mkdir(path, mode) == 0 || errno == EEXIST;
}

int orr_file_folders(const char *path, int mode, struct orr_err *err) {
  char *copy = orr_strdup(path);
  int code = make_folders(copy, (mode_t)mode) ? ORR_OK : io_fail(err, "make the folder", copy);
  free(copy);
  if (code) return code;
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return ORR_OK;
  return orr_fail(err, ORR_IO, "%s is there and is no folder", path);
}
