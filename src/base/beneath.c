#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int orr_open_beneath(const char *root, const char *path, int flags, struct orr_err *err) {
  int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return orr_fail(err, errno == ENOENT ? ORR_NOT_FOUND : ORR_IO, "cannot open %s: %s", root,
                    strerror(errno));
  int more = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK; /* a named pipe must not block */
  struct open_how how = {.flags = (unsigned)(flags | more),
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  int fd = (int)syscall(SYS_openat2, folder, *path ? path : ".", &how, sizeof how), why = errno;
  close(folder);
  if (fd >= 0) return fd;
  if (why == ENOENT || why == ENOTDIR)
    return orr_fail(err, ORR_NOT_FOUND, "there is no %s", *path ? path : root);
  if (why == EXDEV || why == ELOOP)
    return orr_fail(err, ORR_INVALID, "%s leads out of the job's directory", path);
  return orr_fail(err, ORR_IO, "cannot open %s: %s", path, strerror(why));
}
