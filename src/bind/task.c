/* house.task: sleep(ms) waits; spawn(function, …) starts a task of its own, whose failure is logged; gate() makes what
   tasks can wait at (gate.c). */
#include "script/task.h"

#include "bind/gate.h"
#include "bind/house.h"
#include "bind/sleep.h"
#include "bind/tables.h"

static int l_sleep(lua_State *L) { return orr_sleep(L, orr_house_of(L)->loop, luaL_checknumber(L, 1)); }

static void ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_house *house = data;
  (void)results;
  if (outcome == ORR_TASK_DONE) return;
  orr_log(house->log, ORR_LOG_ERROR, "task failed", ORR_S("in", house->name),
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", orr_task_trace(L)));
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
  static const luaL_Reg functions[] = {
      {"sleep", l_sleep}, {"spawn", l_spawn}, {"gate", orr_gate_make}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
