/* orrery-supervisor DIRECTORY: supervises the local jobs of a state directory (supervisor.h). The plug-in
   starts it; the first thing it does is to leave its starter: it goes on in a child of its own session. Until
   it is ready it says on standard error what keeps it from being so; when it is, it closes standard error, so
   that its starter need only read to the end.

   orrery-supervisor --successor DIRECTORY takes the place of a supervisor that executes it (protocol.h): the
   process stays the same, its children stay its children, and descriptor 3 is the lock.

   The lock keeps supervisors of one directory apart. Children have it, too, until they execute their program:
   who holds it knows that every start of an earlier supervisor either is in the journal or will never be. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/request.h"
#include "supervisor/supervisor.h"

enum { INHERITED_LOCK = 3, LOCK_WAIT_MS = 30000, LOG_MAX = 1 << 20 };

/* Into a process and a session of its own; the starter need not wait for it. */
static void leave_starter(void) {
  pid_t pid = fork();
  if (pid < 0) {
    fprintf(stderr, "cannot start the supervisor: %s\n", strerror(errno));
    _exit(1);
  }
  if (pid > 0) _exit(0);
  setsid();
}

static void take_signals(struct orr_supervisor *s) {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGCHLD);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGHUP);
  sigaddset(&ours, SIGXFSZ);             /* a write beyond a limit fails, which is enough */
  sigprocmask(SIG_SETMASK, &ours, NULL); /* none that the starter blocked */
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL); /* nor ignored */
  s->signals = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void signals_ready(struct orr_supervisor *s, struct orr_source *source, uint32_t events) {
  (void)source, (void)events;
  struct signalfd_siginfo info;
  while (read(s->signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) s->leaving = true;
  orr_reap(s);
}

/* The lock is held until the supervisor ends. False: another one is at work. */
static bool take_lock(struct orr_supervisor *s, struct orr_err *err, int *code) {
  int64_t until = orr_boot_ms() + LOCK_WAIT_MS;
  s->lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  *code = s->lock < 0 ? orr_fail(err, ORR_IO, "cannot open the lock: %s", strerror(errno)) : ORR_OK;
  while (*code == ORR_OK && flock(s->lock, LOCK_EX | LOCK_NB)) {
    if (orr_door_answers()) return false;
    if (orr_boot_ms() > until)
      *code = orr_fail(err, ORR_BUSY, "another supervisor holds the lock and does not answer");
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  return true;
}

static int open_log(struct orr_err *err) {
  int fd = open("supervisor.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  struct stat file;
  if (fd < 0) return orr_fail(err, ORR_IO, "cannot open supervisor.log: %s", strerror(errno));
  if (fstat(fd, &file) == 0 && file.st_size > LOG_MAX && ftruncate(fd, 0))
    return orr_fail(err, ORR_IO, "cannot empty supervisor.log: %s", strerror(errno));
  return fd;
}

static int begin(struct orr_supervisor *s, struct orr_err *err) {
  int log = open_log(err);
  if (log < 0) return log;
  s->log = (struct orr_log){.fd = log, .level = ORR_LOG_INFO};
  int code = orr_journal_open(&s->journal, ORR_JOURNAL_NAME, err);
  if (code == ORR_OK) code = orr_replay(s, err);
  if (code) return code;
  if (!s->settings.cores) orr_settings_take(s, NULL);
  orr_adopt(s);
  orr_reap(s); /* what ended while a predecessor became this one */
  struct orr_buf boot = {0};
  orr_record_put(&boot, ORR_RECORD_BOOT, 0, orr_wall_ms(), s->boot, sizeof s->boot, NULL, 0);
  if (!s->same_boot) code = orr_journal_commit(&s->journal, &boot, err);
  orr_buf_free(&boot);
  return code ? code : orr_door_open(s, err);
}

/* Standard streams lead nowhere but to the log, and the starter, which reads ours to the end, can go on. */
static void be_ready(struct orr_supervisor *s) {
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nowhere, STDIN_FILENO);
  dup2(nowhere, STDOUT_FILENO);
  dup2(s->log.fd, STDERR_FILENO);
  close(nowhere);
}

/* Jobs go on; whoever comes next adopts them. A successor takes this very process over, and so even keeps the
   children. */
static void leave(struct orr_supervisor *s) {
  orr_queue_settle(s);
  orr_door_close(s);
  char directory[PATH_MAX];
  if (s->successor && getcwd(directory, sizeof directory)) {
    dup2(s->lock, INHERITED_LOCK); /* without close-on-exec */
    execl(s->successor, s->successor, "--successor", directory, (char *)NULL);
    orr_log(&s->log, ORR_LOG_ERROR, "the successor cannot be executed", ORR_S("program", s->successor));
  }
}

static void release(struct orr_supervisor *s) {
  free(s->successor);
  free(s->complaint);
  if (s->login.arena) orr_arena_destroy(s->login.arena);
  orr_jobs_free(&s->jobs);
  orr_account_free(&s->account);
}

static void init(struct orr_supervisor *s) {
  *s = (struct orr_supervisor){.lease = 1, .lock = INHERITED_LOCK};
  s->deadline_at = s->settle_at = s->retry_at = s->idle_since = s->login.deadline = INT64_MAX;
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->signals_watch.ready = signals_ready;
  take_signals(s);
  orr_watch(s->epoll, s->signals, EPOLLIN, &s->signals_watch);
  orr_boot_id(s->boot);
  gethostname(s->host, sizeof s->host - 1);
  orr_account_read(&s->account);
  orr_jobs_init(&s->jobs);
}

int main(int argc, char **argv) {
  bool successor = argc == 3 && strcmp(argv[1], "--successor") == 0;
  if (argc != 2 + successor) {
    fputs("usage: orrery-supervisor DIRECTORY\n", stderr);
    return 2;
  }
  if (chdir(argv[argc - 1])) {
    fprintf(stderr, "cannot enter %s: %s\n", argv[argc - 1], strerror(errno));
    return 1;
  }
  if (!successor) leave_starter();
  close_range(INHERITED_LOCK + successor, ~0U, 0);
  if (successor) fcntl(INHERITED_LOCK, F_SETFD, FD_CLOEXEC);
  umask(022);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct orr_supervisor s;
  struct orr_err err;
  int code = ORR_OK;
  init(&s);
  if (!successor && !take_lock(&s, &err, &code)) return 0;
  if (code == ORR_OK) code = begin(&s, &err);
  if (code == ORR_OK) {
    be_ready(&s);
    orr_run(&s);
    leave(&s);
  } else {
    fprintf(stderr, "%s\n", err.text);
  }
  release(&s);
  return code != ORR_OK;
}
