#include "base/hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <unistd.h>

int orr_hold_take(const char *path, struct orr_err *err) {
  int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_SH) == 0) return fd;
  int code = orr_fail(err, ORR_IO, "cannot hold %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  return code;
}

static bool links_to(int folder, const char *link, const char *path) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(folder, link, target, sizeof target);
  return size > 0 && (size_t)size == strlen(path) && memcmp(target, path, (size_t)size) == 0;
}

static bool has_open(const char *pid, const char *path) {
  char name[300];
  snprintf(name, sizeof name, "/proc/%s/fd", pid);
  DIR *descriptors = opendir(name);
  bool found = false;
  if (!descriptors) return false;
  for (struct dirent *entry; !found && (entry = readdir(descriptors));)
    found = links_to(dirfd(descriptors), entry->d_name, path);
  closedir(descriptors);
  return found;
}

static void kill_all(const char *path) {
  DIR *processes = opendir("/proc");
  if (!processes) return;
  for (struct dirent *entry; (entry = readdir(processes));) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid()) continue;
    int process = pidfd_open(pid, 0); /* before the look, so that what is killed is what was looked at */
    if (process >= 0 && has_open(entry->d_name, path)) pidfd_send_signal(process, SIGKILL, NULL, 0);
    if (process >= 0) close(process);
  }
  closedir(processes);
}

bool orr_hold_free(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  char link[64], whole[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (!is_free && realpath(link, whole)) kill_all(whole);
  close(fd);
  return is_free;
}
