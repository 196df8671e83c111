#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

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
  if (errno == ENOSPC || errno == EDQUOT) return orr_fail(err, ORR_NO_SPACE, "the disk has no room for %s", path);
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

/* From a folder to one in it, which is made if need be; the first is closed. Passes on a descriptor that is none. */
static int descend(int folder, const char *name) {
  if (folder < 0) return folder;
  int inner = -1;
  if (mkdirat(folder, name, 0700) == 0 || errno == EEXIST)
    inner = open_inside(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
  let_go(folder);
  return inner;
}

/* The same for all folders of a path; what is behind its last slash is left in `path`. */
static int descend_all(int folder, char **path) {
  for (char *slash; (slash = strchr(*path, '/')); *path = slash + 1) {
    *slash = 0;
    folder = descend(folder, *path);
  }
  return folder;
}

static bool is_file(int folder, const char *name) {
  struct stat found;
  return fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode);
}

int orr_make_beneath(const struct orr_place *place, const char *path, struct orr_err *err) {
  char own[PATH_MAX], *rest = own;
  int size = snprintf(own, sizeof own, "%s/%s", place->own, path);
  if (size < 0 || (size_t)size >= sizeof own)
    return orr_fail(err, ORR_INVALID, "it is longer than a path may be");
  if (orr_file_folders(place->base, 0700, err)) return ORR_IO; /* no job may have come to it yet */
  int base = open(place->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int folder = descend_all(base, &rest);
  int fd = folder < 0 ? -1 : openat(folder, rest, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool there = fd < 0 && folder >= 0 && errno == EEXIST;
  bool made = fd >= 0 || (there && is_file(folder, rest));
  if (fd >= 0) close(fd);
  if (folder >= 0) let_go(folder);
  if (made) return ORR_OK;
  return there ? orr_fail(err, ORR_CONFLICT, "%s is something else", path) : refuse(path, err);
}

/* A folder beneath one that is open, whatever leads there and stays inside, made if need be with those above it. */
static int reach(int top, char *path) {
  int folder = open_inside(top, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder >= 0 || errno != ENOENT || !*path) return folder;
  char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  if (slash) *slash = 0;
  return descend(reach(top, slash ? path : (char *)""), name);
}

/* The folder of a place. One of our own is made if need be: no job may have come to it yet. */
static int make_place(const struct orr_place *place) {
  char own[PATH_MAX], *rest = own;
  if (!place->own) return open_place(place);
  if ((size_t)snprintf(own, sizeof own, "%s/", place->own) >= sizeof own) return errno = ENAMETOOLONG, -1;
  if (orr_file_folders(place->base, 0700, NULL)) return -1;
  return descend_all(open(place->base, O_PATH | O_DIRECTORY | O_CLOEXEC), &rest);
}

int orr_folder_beneath(const struct orr_place *place, const char *path, bool make, const char **name,
                       struct orr_err *err) {
  char above[PATH_MAX] = "";
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (slash && (size_t)snprintf(above, sizeof above, "%.*s", (int)(slash - path), path) >= sizeof above)
    return orr_fail(err, ORR_INVALID, "it is longer than a path may be");
  int top = make ? make_place(place) : open_place(place);
  if (top < 0) return refuse(place->own ? place->own : place->base, err);
  int folder = make ? reach(top, above) : open_inside(top, *above ? above : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  let_go(top);
  if (folder < 0 && make && errno == ENOTDIR)
    return orr_fail(err, ORR_CONFLICT, "of the folders that lead to %s one is a file", path);
  return folder < 0 ? refuse(path, err) : folder;
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
