/* house.task: sleep(ms) waits; spawn(function, …) starts a task of its own, whose failure is logged. */
#include "script/task.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "bind/tables.h"

struct sleeper {
  struct orr_ticket ticket;
  struct orr_timer *timer;
};

static void woken(void *data) {
  struct sleeper *sleeper = data;
  struct orr_ticket ticket = sleeper->ticket;
  orr_timer_stop(sleeper->timer);
  free(sleeper);
  if (orr_ticket_state(ticket)) orr_ticket_resume(ticket, 0);
}

static int l_sleep(lua_State *L) {
  lua_Integer ms = luaL_checkinteger(L, 1);
  struct orr_ticket ticket = orr_task_wait(L);
  struct sleeper *sleeper = orr_alloc(sizeof *sleeper);
  sleeper->ticket = ticket;
  sleeper->timer = orr_timer_start(orr_house_of(L)->loop, ms > 0 ? ms : 0, 0, woken, sleeper);
  return lua_yield(L, 0);
}

static void ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_house *house = data;
  (void)results;
  if (outcome == ORR_TASK_DONE) return;
  luaL_traceback(L, L, luaL_tolstring(L, -1, NULL), 0);
  orr_log(house->log, ORR_LOG_ERROR, "task failed", ORR_S("in", house->name),
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", lua_tostring(L, -1)));
}

static int l_spawn(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  int count = lua_gettop(L);
  struct orr_task *task = orr_task_create(orr_script_of(L), ended, orr_house_of(L));
  lua_xmove(L, orr_task_state(task), count);
  orr_task_run(task, count - 1);
  return 0;
}

int orr_bind_task(lua_State *L) {
  static const luaL_Reg functions[] = {{"sleep", l_sleep}, {"spawn", l_spawn}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
