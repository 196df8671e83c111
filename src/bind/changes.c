/* house.changes: wait(ms) waits until the store changed or the time is over → true if it changed; ending() →
   true when the server is being shut down, and nothing should wait any longer. */
#include "bind/changes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "script/task.h"

struct waiter {
  struct orr_ticket ticket;
  struct orr_timer *timer;
  struct orr_changes *changes;
  struct waiter *next;
};

struct orr_changes {
  struct orr_message message;
  struct orr_loop *loop;
  atomic_bool posted; /* the message is on its way */
  struct waiter *waiters;
  bool ending;
};

static void resume(struct waiter *waiter, bool changed) {
  struct orr_ticket ticket = waiter->ticket;
  orr_timer_stop(waiter->timer);
  free(waiter);
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_pushboolean(L, changed);
  orr_ticket_resume(ticket, 1);
}

static void wake_all(struct orr_changes *changes) {
  struct waiter *waiters = changes->waiters;
  changes->waiters = NULL; /* whoever waits again waits for the next change */
  while (waiters) {
    struct waiter *waiter = waiters;
    waiters = waiter->next;
    resume(waiter, true);
  }
}

void orr_changes_end(struct orr_changes *changes) {
  changes->ending = true;
  wake_all(changes);
}

static void deliver(struct orr_message *message) {
  struct orr_changes *changes = (struct orr_changes *)message;
  atomic_store(&changes->posted, false);
  wake_all(changes);
}

struct orr_changes *orr_changes_create(struct orr_loop *loop) {
  struct orr_changes *changes = orr_zalloc(sizeof *changes);
  changes->loop = loop;
  changes->message.deliver = deliver;
  return changes;
}

void orr_changes_destroy(struct orr_changes *changes) { free(changes); }

void orr_changes_announce(void *data) {
  struct orr_changes *changes = data;
  if (!atomic_exchange(&changes->posted, true)) orr_loop_post(changes->loop, &changes->message);
}

static void expired(void *data) {
  struct waiter *waiter = data, **at = &waiter->changes->waiters;
  while (*at != waiter) at = &(*at)->next;
  *at = waiter->next;
  resume(waiter, false);
}

static int l_wait(lua_State *L) {
  lua_Integer ms = luaL_checkinteger(L, 1);
  struct orr_house *house = orr_house_of(L);
  struct orr_ticket ticket = orr_task_wait(L);
  struct waiter *waiter = orr_alloc(sizeof *waiter);
  *waiter = (struct waiter){.ticket = ticket, .changes = house->changes, .next = house->changes->waiters};
  waiter->timer = orr_timer_start(house->loop, ms > 0 ? ms : 0, 0, expired, waiter);
  house->changes->waiters = waiter;
  return lua_yield(L, 0);
}

static int l_ending(lua_State *L) { return lua_pushboolean(L, orr_house_of(L)->changes->ending), 1; }

int orr_bind_changes(lua_State *L) {
  static const luaL_Reg functions[] = {{"wait", l_wait}, {"ending", l_ending}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
