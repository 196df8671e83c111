#include "bind/plugin_each.h"

#include "script/task.h"

enum { MOST = 8, LIST = 1, FN = 2, WORK = 3 /* where they are on the waiting task's stack */ };

/* Lives on the stack of the task that waits, and so as long as it. */
struct work {
  struct orr_script *script;
  struct orr_ticket ticket;
  lua_State *L; /* of the task that waits */
  lua_Integer count, next, most, running;
  bool beginning, failed;
};

static void begin(struct work *work);

static void item_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct work *work = data;
  (void)results;
  work->running--;
  if (outcome != ORR_TASK_DONE && !work->failed) {
    work->failed = true;
    lua_pushvalue(L, -1);
    lua_xmove(L, work->L, 1); /* above `work`: what is thrown on */
  }
  if (work->beginning) return; /* it did not wait; whoever began it goes on */
  begin(work);
  if (work->running == 0) orr_ticket_resume(work->ticket, 0);
}

/* Begins as many as may be. */
static void begin(struct work *work) {
  work->beginning = true;
  while (!work->failed && work->running < work->most && work->next <= work->count) {
    struct orr_task *task = orr_task_create(work->script, item_ended, work);
    lua_State *L = orr_task_state(task);
    lua_pushvalue(work->L, FN);
    lua_rawgeti(work->L, LIST, work->next);
    lua_xmove(work->L, L, 2);
    lua_pushinteger(L, work->next++);
    work->running++;
    orr_task_run(task, 2);
  }
  work->beginning = false;
}

static int all_ended(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  const struct work *work = lua_touserdata(L, WORK);
  return work->failed ? lua_error(L) : 0;
}

int orr_l_each(lua_State *L) {
  luaL_checktype(L, LIST, LUA_TTABLE);
  luaL_checktype(L, FN, LUA_TFUNCTION);
  lua_Integer most = luaL_optinteger(L, 3, MOST);
  luaL_argcheck(L, most > 0, 3, "at least 1");
  lua_settop(L, 2);
  luaL_checkstack(L, 8, NULL);
  struct work *work = lua_newuserdatauv(L, sizeof *work, 0);
  *work = (struct work){.script = orr_script_of(L),
                        .ticket = orr_task_wait(L),
                        .L = L,
                        .count = luaL_len(L, LIST),
                        .next = 1,
                        .most = most};
  begin(work);
  if (work->running > 0) return lua_yieldk(L, 0, 0, all_ended);
  return all_ended(L, LUA_OK, 0);
}
