/* A gate, in Lua: what several tasks need, and one of them brings about.
     gate:wait(ms)  waits until it is opened → true; at once if it is open; or until the time is over → false
     gate:open()    for good; whoever waits goes on in the loop's next turn, and not within the task that opens it */
#include "bind/gate.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "script/task.h"

static const char NAME[] = "orrery.gate";

struct gate;

struct waiter {
  struct orr_ticket ticket;
  struct orr_timer *timer;
  struct gate *gate; /* NULL: it was collected with its state */
  struct waiter *next;
};

struct gate {
  bool open;
  struct waiter *waiters;
};

static void woken(void *data) {
  struct waiter *waiter = data;
  struct orr_ticket ticket = waiter->ticket;
  bool open = false;
  if (waiter->gate) {
    struct waiter **at = &waiter->gate->waiters;
    while (*at != waiter) at = &(*at)->next;
    *at = waiter->next;
    open = waiter->gate->open;
  }
  orr_timer_stop(waiter->timer);
  free(waiter);
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_pushboolean(L, open);
  orr_ticket_resume(ticket, 1);
}

/* The gate stays on the stack of each task that waits, and so lives as long as its waiters do. */
static int l_wait(lua_State *L) {
  struct gate *gate = luaL_checkudata(L, 1, NAME);
  lua_Integer ms = luaL_checkinteger(L, 2);
  if (gate->open) return lua_pushboolean(L, true), 1;
  struct orr_ticket ticket = orr_task_wait(L);
  struct waiter *waiter = orr_alloc(sizeof *waiter);
  *waiter = (struct waiter){.ticket = ticket, .gate = gate, .next = gate->waiters};
  waiter->timer = orr_timer_start(orr_house_of(L)->loop, ms > 0 ? ms : 0, 0, woken, waiter);
  gate->waiters = waiter;
  return lua_yield(L, 0);
}

static int l_open(lua_State *L) {
  struct gate *gate = luaL_checkudata(L, 1, NAME);
  if (gate->open) return 0;
  gate->open = true;
  for (struct waiter *waiter = gate->waiters; waiter; waiter = waiter->next)
    orr_timer_again(waiter->timer, 0);
  return 0;
}

static int l_collect(lua_State *L) {
  struct gate *gate = luaL_checkudata(L, 1, NAME);
  for (struct waiter *waiter = gate->waiters; waiter; waiter = waiter->next) waiter->gate = NULL;
  gate->waiters = NULL;
  return 0;
}

int orr_gate_make(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", l_wait}, {"open", l_open}, {NULL, NULL}};
  struct gate *gate = lua_newuserdatauv(L, sizeof *gate, 0);
  *gate = (struct gate){0};
  if (luaL_newmetatable(L, NAME)) {
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}
