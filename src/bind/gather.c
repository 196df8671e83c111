/* A change does not wake the watcher by itself but lets it wait a moment for more of them: jobs that start and end in
   crowds are then looked at in crowds, and committed so. The more there were lately, the longer the moment. */
#include "bind/gather.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { GATHER_MS = 2, GATHER_MOST_MS = 50 };
enum { MOST_CHANGED = 10000 }; /* more than that: the next poll will see them */

void orr_gather_init(struct orr_gather *gather) {
  *gather = (struct orr_gather){.changed = orr_zalloc(MOST_CHANGED * sizeof *gather->changed)};
}

static void forget(struct orr_gather *gather) {
  while (gather->count > 0) free(gather->changed[--gather->count]);
}

void orr_gather_free(struct orr_gather *gather) {
  forget(gather);
  free(gather->changed);
}

static long long moment(const struct orr_gather *gather) {
  return gather->lately < GATHER_MOST_MS - GATHER_MS ? GATHER_MS + gather->lately : GATHER_MOST_MS;
}

static void hand_over(void *data) {
  struct orr_gather *gather = data;
  lua_State *L = orr_ticket_state(gather->watching);
  orr_timer_stop(gather->timer);
  gather->timer = NULL;
  if (!L) return;
  lua_createtable(L, gather->count, 0);
  for (int i = 0; i < gather->count; i++) {
    lua_pushstring(L, gather->changed[i]->native_id);
    lua_rawseti(L, -2, i + 1);
  }
  gather->lately = gather->count > gather->lately / 2 ? gather->count : gather->lately / 2;
  forget(gather);
  gather->poked = false;
  orr_ticket_resume(gather->watching, 1);
}

void orr_gather_add(struct orr_gather *gather, struct orr_changed *changed) {
  if (gather->count == MOST_CHANGED) {
    free(changed);
    return;
  }
  gather->changed[gather->count++] = changed;
  if (gather->count == 1 && gather->timer) orr_timer_again(gather->timer, moment(gather));
}

void orr_gather_poke(struct orr_gather *gather) {
  if (!gather->poked && gather->timer && !gather->count) orr_timer_again(gather->timer, moment(gather));
  gather->poked = true;
}

int orr_gather_wait(struct orr_gather *gather, lua_State *L, struct orr_loop *loop, long long ms) {
  gather->watching = orr_task_wait(L);
  long long first = gather->count || gather->poked ? moment(gather) : ms > 0 ? ms : 0;
  gather->timer = orr_timer_start(loop, first, 0, hand_over, gather);
  return lua_yield(L, 0);
}
