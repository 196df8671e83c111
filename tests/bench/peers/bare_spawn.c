/* The most programs that one process can start and see the end of, WIDTH at a time, remembering nothing. They are given
   an argument and an environment as a sweep's local jobs are, since what /bin/true does depends on both.
   usage: bare_spawn JOBS WIDTH     prints programs a second */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  char *command[] = {"/bin/true", "1", NULL};
  char *environment[] = {"LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", NULL};
  int jobs = argc == 3 ? atoi(argv[1]) : 0, width = argc == 3 ? atoi(argv[2]) : 0;
  if (jobs <= 0 || width <= 0) return 64;
  int started = 0;
  double began = seconds();
  for (int ended = 0; ended < jobs; ended++) {
    for (pid_t pid; started < jobs && started - ended < width; started++)
      if (posix_spawn(&pid, command[0], NULL, NULL, command, environment)) return 1;
    if (wait(NULL) < 0) return 1;
  }
  printf("%.0f\n", jobs / (seconds() - began));
  return 0;
}
