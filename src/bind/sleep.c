#include "bind/sleep.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "script/task.h"

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

int orr_sleep(lua_State *L, struct orr_loop *loop, lua_Number ms) {
  struct orr_ticket ticket = orr_task_wait(L);
  struct sleeper *sleeper = orr_alloc(sizeof *sleeper);
  sleeper->ticket = ticket;
  /* One that is due at once would ring in this very turn of the loop, and who sleeps so that others get theirs would go on
     before them. */
  sleeper->timer = orr_timer_start(loop, ms > 1 ? (long long)ms : 1, 0, woken, sleeper);
  return lua_yield(L, 0);
}
