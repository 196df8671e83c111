#include "base/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"

enum { PART_ROOM = 40 };

struct orr_arrival {
  int folder, fd;
  char *name;
  char part[PART_ROOM]; /* what it is called meanwhile; empty: it has no name */
};

static int refuse(const struct orr_arrival *arrival, struct orr_err *err) {
  if (errno == ENOSPC || errno == EDQUOT) return orr_fail(err, ORR_NO_SPACE, "the disk has no room for %s", arrival->name);
  if (errno == EISDIR) return orr_fail(err, ORR_CONFLICT, "%s is a folder", arrival->name);
  if (errno == ENAMETOOLONG) return orr_fail(err, ORR_INVALID, "%s is longer than a name may be", arrival->name);
  return orr_fail(err, ORR_IO, "cannot write %s: %s", arrival->name, strerror(errno));
}

static void make_part(struct orr_arrival *arrival) {
  unsigned long long word = 0;
  if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word) word = (unsigned long long)(size_t)arrival;
  snprintf(arrival->part, PART_ROOM, ".arriving-%016llx", word);
}

/* Not every file system has files without names. */
static int open_part(struct orr_arrival *arrival) {
  int fd = openat(arrival->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)) return fd;
  make_part(arrival);
  fd = openat(arrival->folder, arrival->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) *arrival->part = 0;
  return fd;
}

struct orr_arrival *orr_arrival_create(int folder, const char *name, struct orr_err *err) {
  struct orr_arrival *arrival = orr_zalloc(sizeof *arrival);
  *arrival = (struct orr_arrival){.folder = folder, .name = orr_strdup(name)};
  arrival->fd = open_part(arrival);
  if (arrival->fd >= 0) return arrival;
  refuse(arrival, err);
  orr_arrival_destroy(arrival);
  return NULL;
}

int orr_arrival_write(struct orr_arrival *arrival, const void *bytes, size_t size, struct orr_err *err) {
  for (const char *at = bytes; size > 0;) {
    ssize_t written = write(arrival->fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refuse(arrival, err);
    at += written;
    size -= (size_t)written;
  }
  return ORR_OK;
}

/* A name beside the one that it is to have, which may be taken. */
static bool name_part(struct orr_arrival *arrival) {
  char link[64];
  if (*arrival->part) return true;
  snprintf(link, sizeof link, "/proc/self/fd/%d", arrival->fd);
  make_part(arrival);
  if (linkat(AT_FDCWD, link, arrival->folder, arrival->part, AT_SYMLINK_FOLLOW) == 0) return true;
  *arrival->part = 0;
  return false;
}

/* A name is on the disk when its folder is. */
static bool settle(int folder) {
  int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool settled = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
  if (fd >= 0) close(fd);
  return settled;
}

int orr_arrival_keep(struct orr_arrival *arrival, struct stat *info, struct orr_err *err) {
  struct stat before;
  bool found = fstatat(arrival->folder, arrival->name, &before, AT_SYMLINK_NOFOLLOW) == 0;
  if (found && !S_ISREG(before.st_mode) && !S_ISLNK(before.st_mode))
    return orr_fail(err, ORR_CONFLICT, "%s is a %s", arrival->name, S_ISDIR(before.st_mode) ? "folder" : "special file");
  if (fsync(arrival->fd) != 0 || fstat(arrival->fd, info) != 0 || !name_part(arrival)) return refuse(arrival, err);
  if (renameat(arrival->folder, arrival->part, arrival->folder, arrival->name) != 0) return refuse(arrival, err);
  *arrival->part = 0;
  return settle(arrival->folder) ? !found : refuse(arrival, err);
}

void orr_arrival_destroy(struct orr_arrival *arrival) {
  if (!arrival) return;
  if (*arrival->part) unlinkat(arrival->folder, arrival->part, 0);
  if (arrival->fd >= 0) close(arrival->fd);
  close(arrival->folder);
  free(arrival->name);
  free(arrival);
}
