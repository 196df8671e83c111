/* Tasks: coroutines that may wait. A pool of them is kept, since a fresh coroutine for every request costs
   more than the request. This room has the only lua_resume of the house.

   Starting: orr_task_create, push a function and its arguments on orr_task_state, orr_task_run.
   Waiting, in a C function called from Lua: check the arguments, take a ticket with orr_task_wait, start the
   asynchronous thing, `return lua_yield(L, 0)`. On completion: `lua_State *L = orr_ticket_state(ticket)`; if
   it is not NULL push results on it and orr_ticket_resume(ticket, count). A ticket is good for one
   resumption. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "script/script.h"

struct orr_task;

enum orr_outcome {
  ORR_TASK_DONE,      /* returned; its results are the top of its stack */
  ORR_TASK_WAITING,   /* yielded to an awaitable */
  ORR_TASK_FAILED,    /* threw; the error value is the top of its stack */
  ORR_TASK_OVERTIME,  /* ran longer than its slice and was thrown out */
  ORR_TASK_NO_MEMORY, /* the state's memory budget is used up */
};

/* Called once when the task has ended, with `results` values (or one error value) on top of L. */
typedef void orr_task_finished(void *data, lua_State *L, enum orr_outcome outcome, int results);

struct orr_task *orr_task_create(struct orr_script *script, orr_task_finished *finished, void *data);
lua_State *orr_task_state(struct orr_task *task);
/* `arguments` values above a function are on the task's stack. The task may be over when this returns. */
enum orr_outcome orr_task_run(struct orr_task *task, int arguments);

struct orr_ticket {
  struct orr_task *task;
  uint32_t generation;
};
/* For the task that L is; raises a Lua error when L is not a task (or a coroutine made inside one). */
struct orr_ticket orr_task_wait(lua_State *L);
lua_State *orr_ticket_state(struct orr_ticket ticket); /* NULL: the task is over or has been resumed since */
void orr_ticket_resume(struct orr_ticket ticket, int results);

const char *orr_outcome_name(enum orr_outcome outcome); /* "failed" */
/* What to write into the log about the error value on top of L, with where it came from. None of the task's own
   code runs for it, such as a __tostring. Pushed on L, and valid while it stays there. */
const char *orr_task_trace(lua_State *L);
