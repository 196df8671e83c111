/* A call under way, as the control worker sees it.
     call:next()  waits → {item number (from 1) = report, …}: all that came since
                        | nil, code, sentence at the end
   While the verb goes on, reports wait a moment for others, so that what is made of them is committed in crowds.
   The code is "ok" when the verb is over, "timeout" when it is not and the plug-in hangs, and else says how it
   failed. A call that hangs stays with its plug-in; if it ever comes home it is freed unseen. */
#include "bind/call.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "bind/value.h"
#include "script/task.h"

static const char NAME[] = "orrery.call";

enum { GATHER_MS = 20 };

/* Shared by the box and the call: the last of them to go frees it. */
struct link {
  struct orrery_call *call; /* NULL: it has come home */
  struct orr_err result;
  struct orr_message *first, **last; /* reports not yet handed to Lua */
  struct orr_ticket ticket;
  struct orr_timer *timer;
  struct orr_timer *gathering; /* the first of the reports waits for others; NULL: not, or no more */
  int *hanging;                /* of the resource's instance: calls that are late */
  bool late;                   /* the deadline has passed */
  bool abandoned;              /* the box is gone */
};

static void stop(struct orr_timer **timer) {
  orr_timer_stop(*timer);
  *timer = NULL;
}

static void destroy(struct link *link) {
  while (link->first) {
    struct orr_report *report = (struct orr_report *)link->first;
    link->first = report->message.next;
    orr_report_destroy(report);
  }
  stop(&link->timer);
  stop(&link->gathering);
  free(link);
}

static int push_reports(lua_State *L, struct link *link) {
  lua_newtable(L);
  while (link->first) {
    struct orr_report *report = (struct orr_report *)link->first;
    orr_push_value(L, report->value);
    lua_rawseti(L, -2, (lua_Integer)report->index + 1);
    link->first = report->message.next;
    orr_report_destroy(report);
  }
  link->last = &link->first;
  return 1;
}

/* What next() returns now, or 0 when there is nothing yet. */
static int push_next(lua_State *L, struct link *link) {
  if (link->first && !link->gathering) return push_reports(L, link);
  if (link->call && !link->late) return 0;
  return orr_push_failure(L, &link->result);
}

static void wake(struct link *link) {
  stop(&link->gathering);
  lua_State *L = orr_ticket_state(link->ticket);
  if (L) orr_ticket_resume(link->ticket, push_next(L, link));
}

static void gathered(void *data) { wake(data); }

static void reported(struct orr_message *message) {
  struct orr_report *report = (struct orr_report *)message;
  struct link *link = report->call->user;
  message->next = NULL;
  *link->last = message;
  link->last = &message->next;
  if (!link->gathering && !link->late && !link->abandoned)
    link->gathering = orr_timer_start(report->call->home, GATHER_MS, 0, gathered, link);
}

static void over(struct orr_message *message) {
  struct orrery_call *call = (struct orrery_call *)message;
  struct link *link = call->user;
  link->result = call->failure;
  link->call = NULL;
  if (link->late) --*link->hanging;
  stop(&link->timer);
  orr_call_destroy(call);
  if (link->abandoned)
    destroy(link);
  else
    wake(link);
}

static void timed_out(void *data) {
  struct link *link = data;
  link->late = true;
  ++*link->hanging;
  orr_fail(&link->result, ORR_TIMEOUT, "the plug-in did not answer in time");
  wake(link);
}

static struct link *check(lua_State *L) { return *(struct link **)luaL_checkudata(L, 1, NAME); }

static int l_next(lua_State *L) {
  struct link *link = check(L);
  int results = push_next(L, link);
  if (results) return results;
  link->ticket = orr_task_wait(L);
  return lua_yield(L, 0);
}

static int l_gc(lua_State *L) {
  struct link *link = check(L);
  link->abandoned = true;
  stop(&link->timer);
  stop(&link->gathering);
  if (!link->call) destroy(link);
  return 0;
}

static void push_box(lua_State *L, struct link *link) {
  static const luaL_Reg methods[] = {{"next", l_next}, {"__gc", l_gc}, {NULL, NULL}};
  *(struct link **)lua_newuserdatauv(L, sizeof link, 0) = link;
  if (luaL_newmetatable(L, NAME)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
}

enum { GRACE_MS = 1000 }; /* a well-behaved verb ends at its deadline; only then is it called hanging */

int orr_call_begin(lua_State *L, struct orr_resource *resource, enum orr_verb verb, int index,
                   lua_Integer timeout_ms, int *hanging) {
  struct orr_loop *home = orr_house_of(L)->loop;
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value *request = orr_arena_zalloc(arena, sizeof *request);
  if (!orr_try_value(L, index, arena, request, NULL)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  struct orrery_call *call = orr_call_create(verb, arena, request, timeout_ms);
  struct link *link = orr_zalloc(sizeof *link);
  push_box(L, link);
  link->call = call;
  link->last = &link->first;
  link->hanging = hanging;
  link->timer = orr_timer_start(home, timeout_ms + GRACE_MS, 0, timed_out, link);
  call->home = home;
  call->report = reported;
  call->over = over;
  call->user = link;
  orr_resource_call(resource, call);
  return 1;
}
