#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int orr_lock_take(const char *directory, struct orr_err *err) {
  char path[4200], text[32] = "";
  snprintf(path, sizeof path, "%s/lock", directory);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return orr_fail(err, ORR_IO, "cannot open %s: %s", path, strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return orr_fail(err, ORR_BUSY,
                    "the data directory %s is in use by the server with pid %d; stop it, or give another "
                    "with --data",
                    directory, size > 0 ? atoi(text) : 0);
  }
  int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size) {
    close(fd);
    return orr_fail(err, ORR_IO, "cannot write %s: %s", path, strerror(errno));
  }
  return fd;
}
