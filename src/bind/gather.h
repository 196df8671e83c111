/* What a resource says has changed, gathered until its watcher, one task, takes it. */
#pragma once
#include "bind/house.h"
#include "sched/resource.h"
#include "script/task.h"

struct orr_gather {
  struct orr_changed **changed;
  int count;
  int lately; /* how many the last rounds had, halved with each round */
  bool poked;
  struct orr_ticket watching;
  struct orr_timer *timer; /* of the watcher; NULL: nobody waits */
};

void orr_gather_init(struct orr_gather *gather);
void orr_gather_free(struct orr_gather *gather);
/* Takes the message over. */
void orr_gather_add(struct orr_gather *gather, struct orr_changed *changed);
/* Lets whoever waits go round once more, now or when it waits next. */
void orr_gather_poke(struct orr_gather *gather);
/* From a C function called by Lua: the running task waits, at most so long, for a list of native ids. */
int orr_gather_wait(struct orr_gather *gather, lua_State *L, struct orr_loop *loop, long long ms);
