#include "loop/spawn.h"

#include <signal.h>
#include <spawn.h>

static void set_files(posix_spawn_file_actions_t *actions, const struct orr_child_options *options,
                      const int files[3]) {
  posix_spawn_file_actions_init(actions);
  posix_spawn_file_actions_addchdir_np(actions, options->directory ? options->directory : "/");
  for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(actions, files[i], i);
  if (options->held) posix_spawn_file_actions_adddup2(actions, options->held, 3);
}

static void set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int orr_spawn(const struct orr_child_options *options, const int files[3], pid_t *pid) {
  static char *const nothing[] = {NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  set_files(&actions, options, files);
  set_attributes(&attributes);
  int code = posix_spawnp(pid, options->argv[0], &actions, &attributes, options->argv,
                          options->environment ? options->environment : nothing);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}
