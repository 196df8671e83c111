/* What the files of this room share. */
#pragma once
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "script/script.h"
#include "script/task.h"

struct orr_script {
  lua_State *L;
  const char *name;
  size_t used, limit;
  const struct orr_log *log;
  void *user;
  struct orr_task *all, *idle; /* tasks ever made, and those of them that wait for work */
  int idle_count;
  struct orr_task *running;
  lua_State *current; /* what the watchdog would interrupt */
  /* The watchdog reads these from its thread, and sets `overtime` from a signal on ours. */
  _Atomic int64_t slice_began_ns; /* 0: nothing runs */
  int64_t slice_ns;
  volatile sig_atomic_t overtime;
  struct orr_watchdog *watchdog;
  pthread_t thread;
  struct orr_script *next_watched;
};

struct orr_task {
  lua_State *L;
  struct orr_script *script;
  uint32_t generation; /* grows at every resume and end: a ticket of before is stale */
  bool waiting;
  int anchor; /* registry reference that keeps L alive */
  orr_task_finished *finished;
  void *data;
  struct orr_task *next_all, *next_idle;
};

void orr_task_forget_all(struct orr_script *script); /* makes every ticket stale */
void orr_task_destroy_all(struct orr_script *script);

/* Around every piece of Lua that runs: the watchdog measures from the outermost begin to its end. */
lua_State *orr_slice_begin(struct orr_script *script, lua_State *L); /* returns what ran before */
void orr_slice_end(struct orr_script *script, lua_State *outer);
