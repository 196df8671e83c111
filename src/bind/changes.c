/* house.changes:
     wait(ms, key)  waits until the store changed in what concerns a row's key (nil: in anything) → true; or
                    until the time is over, a client left or the server ends → false. Now and then it is true
                    for no reason.
     ending()       → true when the server is being shut down, and nothing should wait any longer. */
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
  int64_t key; /* 0: any */
  bool concerned;
  struct waiter *next;
};

struct orr_changes {
  struct orr_message message;
  struct orr_loop *loop;
  atomic_bool posted; /* the message is on its way */
  /* Since it was delivered last. Each is taken by itself, so that none can be lost between two of them. */
  atomic_bool changed, stirred;
  _Atomic uint64_t keys[ORR_KEY_SET_WORDS];
  struct waiter *waiters;
  bool ending;
};

static void resume(struct waiter *waiter) {
  struct orr_ticket ticket = waiter->ticket;
  bool changed = waiter->concerned;
  orr_timer_stop(waiter->timer);
  free(waiter);
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_pushboolean(L, changed);
  orr_ticket_resume(ticket, 1);
}

/* Wakes those whom a change concerns, or everybody. Whoever waits again waits for the next change. */
static void wake(struct orr_changes *changes, bool changed, const struct orr_key_set *keys, bool everybody) {
  struct waiter *woken = NULL, **at = &changes->waiters;
  while (*at) {
    struct waiter *waiter = *at;
    waiter->concerned = waiter->key ? orr_key_set_has(keys, waiter->key) : changed;
    if (waiter->concerned || everybody) {
      *at = waiter->next;
      waiter->next = woken;
      woken = waiter;
    } else {
      at = &waiter->next;
    }
  }
  while (woken) {
    struct waiter *waiter = woken;
    woken = waiter->next;
    resume(waiter);
  }
}

static void deliver(struct orr_message *message) {
  struct orr_changes *changes = (struct orr_changes *)message;
  struct orr_key_set keys;
  atomic_store(&changes->posted, false); /* first: what comes from here on has a message of its own */
  bool changed = atomic_exchange(&changes->changed, false);
  bool stirred = atomic_exchange(&changes->stirred, false);
  for (int i = 0; i < ORR_KEY_SET_WORDS; i++) keys.words[i] = atomic_exchange(&changes->keys[i], 0);
  wake(changes, changed, &keys, stirred);
}

struct orr_changes *orr_changes_create(struct orr_loop *loop) {
  struct orr_changes *changes = orr_zalloc(sizeof *changes);
  changes->loop = loop;
  changes->message.deliver = deliver;
  return changes;
}

void orr_changes_destroy(struct orr_changes *changes) { free(changes); }

static void post(struct orr_changes *changes) {
  if (!atomic_exchange(&changes->posted, true)) orr_loop_post(changes->loop, &changes->message);
}

void orr_changes_announce(void *data, const struct orr_key_set *keys) {
  struct orr_changes *changes = data;
  for (int i = 0; i < ORR_KEY_SET_WORDS; i++)
    if (keys->words[i]) atomic_fetch_or(&changes->keys[i], keys->words[i]);
  atomic_store(&changes->changed, true);
  post(changes);
}

void orr_changes_stir(struct orr_changes *changes) {
  atomic_store(&changes->stirred, true);
  post(changes);
}

void orr_changes_end(struct orr_changes *changes) {
  changes->ending = true;
  orr_changes_stir(changes);
}

static void expired(void *data) {
  struct waiter *waiter = data, **at = &waiter->changes->waiters;
  while (*at != waiter) at = &(*at)->next;
  *at = waiter->next;
  waiter->concerned = false;
  resume(waiter);
}

static int l_wait(lua_State *L) {
  lua_Integer ms = luaL_checkinteger(L, 1), key = luaL_optinteger(L, 2, 0);
  struct orr_house *house = orr_house_of(L);
  struct orr_ticket ticket = orr_task_wait(L);
  struct waiter *waiter = orr_alloc(sizeof *waiter);
  *waiter = (struct waiter){
      .ticket = ticket, .changes = house->changes, .key = key, .next = house->changes->waiters};
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
