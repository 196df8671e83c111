#include "supervisor/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

int64_t orr_boot_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Appends the file's bytes, as many as there are up to `most`. */
static bool read_file(const char *path, struct orr_buf *out, size_t most) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t before = out->size;
  for (ssize_t count = 1; count > 0 && out->size - before<most; out->size += count> 0 ? (size_t)count : 0)
    count = read(fd, orr_buf_reserve(out, 4096), 4096);
  close(fd);
  return out->size > before;
}

void orr_boot_id(char out[ORR_BOOT_ID]) {
  struct orr_buf text = {0};
  memset(out, 0, ORR_BOOT_ID);
  if (read_file("/proc/sys/kernel/random/boot_id", &text, ORR_BOOT_ID) && text.size >= ORR_BOOT_ID - 1)
    memcpy(out, text.data, ORR_BOOT_ID - 1);
  orr_buf_free(&text);
}

struct stat_line {
  char state;
  long group;
  unsigned long long born; /* in ticks of sysconf(_SC_CLK_TCK) since the machine started */
};

static bool read_stat(int64_t pid, struct stat_line *stat) {
  char path[64];
  struct orr_buf text = {0};
  snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
  bool good = read_file(path, &text, 4096);
  /* The second field is the program's name, which may hold anything, parentheses included. */
  const char *rest = good ? strrchr(orr_buf_text(&text), ')') : NULL;
  good = rest &&
         sscanf(rest + 1, " %c %*d %ld %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                &stat->state, &stat->group, &stat->born) == 3;
  orr_buf_free(&text);
  return good;
}

bool orr_process_is(int64_t pid, int64_t born_after, int64_t born_before) {
  struct stat_line stat;
  if (!read_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X') return false;
  int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK), born = (int64_t)stat.born * tick;
  return born > born_after - tick && born <= born_before; /* the kernel rounds down to a tick */
}

static bool has_variable(int64_t pid, const char *name, const char *value) {
  char path[64];
  struct orr_buf text = {0};
  snprintf(path, sizeof path, "/proc/%lld/environ", (long long)pid);
  read_file(path, &text, 4 << 20);
  orr_buf_text(&text);
  size_t size = strlen(name);
  bool found = false;
  for (size_t at = 0; at < text.size && !found; at += strlen(text.data + at) + 1) {
    const char *entry = text.data + at;
    found = strncmp(entry, name, size) == 0 && entry[size] == '=' && strcmp(entry + size + 1, value) == 0;
  }
  orr_buf_free(&text);
  return found;
}

void orr_process_kill_left(int64_t group, const char *tag) {
  if (kill((pid_t)-group, 0)) return;
  DIR *processes = opendir("/proc");
  if (!processes) return;
  for (struct dirent *entry; (entry = readdir(processes));) {
    int64_t pid = strtoll(entry->d_name, NULL, 10);
    struct stat_line stat;
    if (pid > 0 && read_stat(pid, &stat) && stat.group == group && has_variable(pid, "ORRERY_TAG", tag))
      kill((pid_t)pid, SIGKILL);
  }
  closedir(processes);
}
