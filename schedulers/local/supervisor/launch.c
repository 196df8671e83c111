#include "supervisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/process.h"

static _Noreturn void give_up(struct orr_launch *l, const char *doing, const char *to) {
  l->problem = errno, l->doing = doing, l->to = to;
  _exit(127);
}

/* Not blocking: a FIFO without its other end would stop the supervisor, which waits for the child. */
static void open_as(struct orr_launch *l, int fd, const char *path, int flags) {
  int opened = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  if (opened < 0 || fcntl(opened, F_SETFL, flags & O_ACCMODE) < 0 || dup2(opened, fd) < 0)
    give_up(l, "open", path);
}

static void record_start(struct orr_launch *l) {
  struct {
    struct orr_record head;
    struct orr_record_started body;
  } record = {0};
  l->pid = getpid();
  l->at = orr_wall_ms();
  l->born_before = orr_boot_ns();
  if (!l->journal) return;
  record.head.size = sizeof record;
  record.head.kind = ORR_RECORD_STARTED;
  record.head.job = l->job;
  record.head.at = l->at;
  record.body = (struct orr_record_started){l->pid, l->born_after, l->born_before};
  record.head.check = orr_record_check((const struct orr_record *)(const void *)&record, sizeof record);
  errno = ENOSPC; /* what a short write means */
  if (write(l->journal->fd, &record, sizeof record) == sizeof record) {
    l->journal->size += (int64_t)sizeof record;
    l->journal->dirty = true;
    return;
  }
  l->no_room = true;
  int ignored = ftruncate(l->journal->fd, l->journal->size);
  (void)ignored; /* the next start of a supervisor cuts the torn record off */
  give_up(l, "record the start in", "the journal");
}

/* As execvp, but with the job's own PATH, and never through a shell. */
static void execute(const struct orr_launch *l) {
  const char *name = l->program ? l->program : l->argv[0];
  if (strchr(name, '/')) {
    execve(name, l->argv, l->environment);
    return;
  }
  int problem = ENOENT;
  for (const char *at = l->path; *at;) {
    char file[PATH_MAX];
    int size = (int)strcspn(at, ":");
    if (size && snprintf(file, sizeof file, "%.*s/%s", size, at, name) < (int)sizeof file)
      execve(file, l->argv, l->environment);
    if (size && errno == EACCES) problem = EACCES;
    if (size && errno != ENOENT && errno != ENOTDIR && errno != EACCES) return;
    at += size + (at[size] == ':');
  }
  errno = problem;
}

static _Noreturn void be_the_job(struct orr_launch *l) {
  sigset_t none;
  sigemptyset(&none);
  setsid();
  sigprocmask(SIG_SETMASK, &none, NULL);
  open_as(l, STDIN_FILENO, l->input, O_RDONLY);
  open_as(l, STDOUT_FILENO, l->output, O_WRONLY | O_CREAT | O_TRUNC);
  if (strcmp(l->output, l->error) == 0)
    dup2(STDOUT_FILENO, STDERR_FILENO);
  else
    open_as(l, STDERR_FILENO, l->error, O_WRONLY | O_CREAT | O_TRUNC);
  if (chdir(l->directory)) give_up(l, "enter the directory", l->directory);
  record_start(l);
  execute(l);
  give_up(l, "execute", l->argv[0]);
}

int orr_launch(struct orr_launch *launch, struct orr_err *err) {
  launch->doing = NULL;
  launch->no_room = false;
  launch->pid = 0;
  launch->born_after = orr_boot_ns();
  pid_t pid = vfork();
  if (pid == 0) be_the_job(launch);
  if (pid < 0) return orr_fail(err, ORR_BUSY, "cannot start a process: %s", strerror(errno));
  if (launch->pid && !launch->doing) return ORR_OK;
  waitpid(pid, NULL, 0);
  if (!launch->doing) return orr_fail(err, ORR_BUSY, "the child that was to be the program was killed");
  return orr_fail(err, launch->no_room ? ORR_BUSY : ORR_IO, "cannot %s %s: %s", launch->doing, launch->to,
                  strerror(launch->problem));
}
