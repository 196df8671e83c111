#include "plugin/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

enum { START_MS = 40000, TRIES = 5 };

static int failed(char problem[ORR_PROBLEM], const char *what) {
  snprintf(problem, ORR_PROBLEM, "%s: %s", what, strerror(errno));
  return -1;
}

/* Whoever answers must be ourselves: another account could only lie to us. */
static bool is_ours(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* A socket's path may have 107 bytes, the state directory's may be longer: so it is named by a descriptor. */
static int connect_now(const char *state, char problem[ORR_PROBLEM]) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int directory = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failed(problem, "cannot open the local scheduler's state directory");
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" ORR_SOCKET_NAME, directory);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval patience = {.tv_sec = 2}; /* with one that neither accepts nor reads */
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (!connected) failed(problem, "cannot connect to the local scheduler's supervisor");
  close(directory);
  if (connected && is_ours(fd)) return fd;
  if (connected) snprintf(problem, ORR_PROBLEM, "the local scheduler's supervisor runs as another user");
  if (fd >= 0) close(fd);
  return -1;
}

/* The program is given nothing of ours: neither environment nor signal mask nor descriptors (those it closes
   itself). Its standard error is the way it tells what is wrong. */
static int spawn(const char *supervisor, const char *state, int complaints, pid_t *pid) {
  char *argv[] = {(char *)supervisor, (char *)state, NULL};
  char *environment[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"LANG=C.UTF-8", NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, complaints, STDERR_FILENO);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int code = posix_spawn(pid, supervisor, &files, &attributes, argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return code;
}

/* Reads to the end, at which the supervisor is ready, or has said why it cannot be. */
static bool await_ready(int complaints, char problem[ORR_PROBLEM]) {
  size_t size = 0;
  for (;;) {
    struct pollfd ready = {.fd = complaints, .events = POLLIN};
    if (poll(&ready, 1, START_MS) == 0) {
      snprintf(problem, ORR_PROBLEM, "the local scheduler's supervisor does not become ready");
      return false;
    }
    ssize_t count = read(complaints, problem + size, ORR_PROBLEM - 1 - size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += (size_t)count;
  }
  problem[size] = 0;
  problem[strcspn(problem, "\n")] = 0;
  return size == 0;
}

static bool start(const char *supervisor, const char *state, char problem[ORR_PROBLEM]) {
  int ends[2];
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC)) return failed(problem, "cannot make a pipe"), false;
  errno = spawn(supervisor, state, ends[1], &pid);
  close(ends[1]);
  bool started = errno == 0;
  if (started) {
    waitpid(pid, NULL, 0); /* it leaves us at once */
    started = await_ready(ends[0], problem);
  } else {
    failed(problem, "cannot start the local scheduler's supervisor");
  }
  close(ends[0]);
  return started;
}

/* Several tries: a supervisor that is just ending accepts and hangs up, or is gone when we come. */
int orr_connect(const char *state, const char *supervisor, char problem[ORR_PROBLEM]) {
  for (int i = 0; i < TRIES; i++) {
    int fd = connect_now(state, problem);
    if (fd >= 0) return fd;
    if (!start(supervisor, state, problem)) return -1;
  }
  return -1;
}
