/* A Lua state for the tests of scripts: tasks are given as source text, what they came to is kept, and `wait()`
   is an awaitable whose ticket the test holds. */
#pragma once
#include "../base/folder.h"
#include "script/task.h"
#include "script/watchdog.h"

enum { SLICE_MS = 200, MEMORY_LIMIT = 8 << 20 };

struct state {
  struct orr_watchdog *dog; /* NULL: nobody looks at the time */
  int64_t slice_ms;
  size_t memory_limit;
  struct orr_script *script;
  struct orr_log log;
  char folder[FOLDER_ROOM]; /* where modules are found */
  struct orr_ticket ticket; /* of whoever called wait() last */
};

/* What a task came to: how often it ended, and the text and the number of its last value. */
struct ended {
  int count, results;
  enum orr_outcome outcome;
  char text[1024];
  long long number;
};

static inline void keep_end(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct ended *ended = data;
  ended->count++;
  ended->outcome = outcome;
  ended->results = results;
  ended->number = results ? lua_tointeger(L, -1) : 0;
  snprintf(ended->text, sizeof ended->text, "%s",
           outcome != ORR_TASK_DONE ? orr_task_trace(L)
           : results                ? luaL_tolstring(L, -1, NULL)
                                    : "");
}

static inline int l_wait(lua_State *L) {
  struct state *state = orr_script_user(L);
  state->ticket = orr_task_wait(L);
  return lua_yield(L, 0);
}

static inline void state_open(struct state *state) {
  struct orr_err err = {0};
  struct orr_script_options options = {.name = "test",
                                       .lua_path = state->folder,
                                       .memory_limit = state->memory_limit,
                                       .slice_ms = state->slice_ms,
                                       .watchdog = state->dog,
                                       .log = &state->log,
                                       .user = state};
  state->script = orr_script_create(&options, &err);
  if (!state->script) fail_msg("%s", err.text);
  lua_register(orr_script_state(state->script), "wait", l_wait);
}

static inline void state_make(struct state *state) {
  *state = (struct state){.log = {.fd = STDERR_FILENO}, .slice_ms = SLICE_MS, .memory_limit = MEMORY_LIMIT};
  folder_make(state->folder);
  state->dog = orr_watchdog_start(NULL);
  assert_non_null(state->dog);
  state_open(state);
}

static inline void state_remove(struct state *state) {
  orr_script_destroy(state->script);
  orr_watchdog_stop(state->dog);
  folder_remove(state->folder);
}

/* A task of a piece of code, not yet begun. */
static inline struct orr_task *task_of(struct state *state, const char *code, struct ended *ended) {
  *ended = (struct ended){0};
  struct orr_task *task = orr_task_create(state->script, keep_end, ended);
  lua_State *L = orr_task_state(task);
  if (luaL_loadbufferx(L, code, strlen(code), "=task", "t")) fail_msg("%s", lua_tostring(L, -1));
  return task;
}

static inline enum orr_outcome run(struct state *state, const char *code, struct ended *ended) {
  return orr_task_run(task_of(state, code, ended), 0);
}

/* Runs a task that must return, in one go; what it returned. */
static inline struct ended run_well(struct state *state, const char *code) {
  struct ended ended;
  if (run(state, code, &ended) != ORR_TASK_DONE) fail_msg("%s: %s", code, ended.text);
  return ended;
}

#define assert_contains(text, part)                                                                          \
  do {                                                                                                       \
    if (!strstr(text, part)) fail_msg("\"%s\" is not in \"%s\"", part, text);                                \
  } while (0)
