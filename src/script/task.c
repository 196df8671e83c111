#include "script/task.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "script/private.h"
#include "script/watchdog.h"

enum { MOST_IDLE = 256 }; /* coroutines kept for reuse */

struct orr_task *orr_task_create(struct orr_script *script, orr_task_finished *finished, void *data) {
  struct orr_task *task = script->idle;
  if (task) {
    script->idle = task->next_idle;
    script->idle_count--;
  } else {
    task = orr_zalloc(sizeof *task);
    task->script = script;
    task->next_all = script->all;
    script->all = task;
  }
  if (!task->L) {
    task->L = lua_newthread(script->L);
    task->anchor = luaL_ref(script->L, LUA_REGISTRYINDEX);
  }
  task->finished = finished;
  task->data = data;
  return task;
}

lua_State *orr_task_state(struct orr_task *task) { return task->L; }

/* What a coroutine that threw wanted to have closed (`local x <close>`) is code of its own, under a budget like
   all; one that was thrown out for its time has no more say. */
static void let_go(struct orr_task *task, enum orr_outcome outcome) {
  struct orr_script *script = task->script;
  if (outcome != ORR_TASK_OVERTIME) {
    lua_State *outer = orr_slice_begin(script, task->L);
    lua_resetthread(task->L);
    orr_slice_end(script, outer);
  }
  luaL_unref(script->L, LUA_REGISTRYINDEX, task->anchor);
  task->L = NULL;
}

/* A task struct is never freed before its script, so that a late ticket can still be seen to be stale. A
   coroutine that threw is closed and let go; one that returned is as good as new. */
static void retire(struct orr_task *task, enum orr_outcome outcome) {
  struct orr_script *script = task->script;
  task->generation++;
  if (outcome == ORR_TASK_DONE && script->idle_count < MOST_IDLE)
    lua_settop(task->L, 0);
  else
    let_go(task, outcome);
  task->next_idle = script->idle;
  script->idle = task;
  script->idle_count++;
}

static enum orr_outcome outcome_of(const struct orr_script *script, int status) {
  if (status == LUA_OK) return ORR_TASK_DONE;
  if (status == LUA_YIELD) return ORR_TASK_WAITING;
  if (script->overtime) return ORR_TASK_OVERTIME;
  return status == LUA_ERRMEM ? ORR_TASK_NO_MEMORY : ORR_TASK_FAILED;
}

enum orr_outcome orr_task_run(struct orr_task *task, int arguments) {
  struct orr_script *script = task->script;
  struct orr_task *interrupted = script->running; /* a callback of one task may start another */
  int results = 0;
  script->running = task;
  task->waiting = false;
  lua_State *outer = orr_slice_begin(script, task->L);
  int status = lua_resume(task->L, script->L, arguments, &results);
  orr_slice_end(script, outer);
  script->running = interrupted;
  enum orr_outcome outcome = outcome_of(script, status);
  if (script->overtime) lua_sethook(task->L, NULL, 0, 0);
  if (outcome == ORR_TASK_WAITING && task->waiting) return outcome;
  if (outcome == ORR_TASK_WAITING) { /* a bare coroutine.yield: nothing would ever resume it */
    lua_pushliteral(task->L, "coroutine.yield outside a coroutine of one's own");
    outcome = ORR_TASK_FAILED;
  }
  task->finished(task->data, task->L, outcome, outcome == ORR_TASK_DONE ? results : 1);
  retire(task, outcome);
  return outcome;
}

struct orr_ticket orr_task_wait(lua_State *L) {
  struct orr_task *task = orr_script_of(L)->running;
  if (!task || task->L != L || !lua_isyieldable(L))
    luaL_error(
        L, "this function waits, which only a task can do (not a coroutine of one's own, nor start-up code)");
  task->waiting = true;
  return (struct orr_ticket){task, ++task->generation};
}

lua_State *orr_ticket_state(struct orr_ticket ticket) {
  struct orr_task *task = ticket.task;
  return task && task->generation == ticket.generation && task->waiting ? task->L : NULL;
}

void orr_ticket_resume(struct orr_ticket ticket, int results) {
  ticket.task->generation++;
  orr_task_run(ticket.task, results);
}

void orr_task_forget_all(struct orr_script *script) {
  for (struct orr_task *task = script->all; task; task = task->next_all) {
    task->generation++;
    task->waiting = false;
  }
}

void orr_task_destroy_all(struct orr_script *script) {
  while (script->all) {
    struct orr_task *task = script->all;
    script->all = task->next_all;
    free(task);
  }
}

const char *orr_outcome_name(enum orr_outcome outcome) {
  static const char *const names[] = {"done", "waiting", "failed", "overtime", "no memory"};
  return names[outcome];
}

const char *orr_task_trace(lua_State *L) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  if (!text) text = lua_pushfstring(L, "(an error value that is a %s)", luaL_typename(L, -1));
  luaL_traceback(L, L, text, 0);
  return lua_tostring(L, -1);
}
