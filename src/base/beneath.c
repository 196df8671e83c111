#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_inside(int folder, const char *path, int flags, unsigned resolve) {
  struct open_how how = {.flags = (unsigned)flags,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* Keeps errno, which tells of what is being given up. */
static void let_go(int fd) {
  int why = errno;
  close(fd);
  errno = why;
}

static int open_place(const struct orr_place *place) {
  int base = open(place->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (base < 0 || !place->own) return base;
  int own = open_inside(base, place->own, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
  let_go(base);
  return own;
}

static int refuse(const char *path, struct orr_err *err) {
  if (errno == ENOENT || errno == ENOTDIR) return orr_fail(err, ORR_NOT_FOUND, "there is no %s", path);
  if (errno == ENAMETOOLONG) return orr_fail(err, ORR_INVALID, "it is longer than a path may be");
  if (errno == EXDEV || errno == ELOOP)
    return orr_fail(err, ORR_INVALID, "%s leads out of the job's directory", path);
  return orr_fail(err, ORR_IO, "cannot open %s: %s", path, strerror(errno));
}

int orr_open_beneath(const struct orr_place *place, const char *path, int flags, struct orr_err *err) {
  const char *name = place->own ? place->own : place->base;
  int folder = open_place(place);
  if (folder < 0) return refuse(name, err);
  int more = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK; /* a named pipe must not block */
  int fd = open_inside(folder, *path ? path : ".", flags | more, 0);
  let_go(folder);
  return fd < 0 ? refuse(*path ? path : name, err) : fd;
}

bool orr_lies_in(int fd, const char *folder) {
  char link[64], path[PATH_MAX];
  size_t size = strlen(folder);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t got = readlink(link, path, sizeof path - 1);
  if (got < 0) return true; /* what cannot be told apart is taken for it */
  path[got] = 0;
  return strncmp(path, folder, size) == 0 && (path[size] == 0 || path[size] == '/');
}
