/* house.bus: the message bus (src/bus/bus.h).
     kind()     → "embedded" | "rabbitmq"
     state()    → {up =, blocked =, why =, since = wall ms, connects =, published =, confirmed =, calls =, failed_calls =,
                  served =, rejected =}; why: nil when all is well
     send{ {key =, id =, body =}, … }
                → a box. The events are published in this order, and behind those of earlier boxes, and are kept by the
                  broker once box:wait() → true | nil, code, sentence. Until then they may be lost.
     call(service, method, body, {timeout_ms = 5000, message_id =})
                waits → answer, its content type | nil, code, sentence: "timeout", "unavailable", "too_large"
     subscribe(pattern, function(key, body))
                calls the function, in a task of its own, for each event of others whose key the pattern matches */
#include "bus/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "script/task.h"

static const char NAME[] = "orrery.sending";

enum { TIMEOUT_MS = 5000 };

static int l_kind(lua_State *L) {
  struct orr_bus_state state;
  orr_bus_state(orr_house_of(L)->bus, &state);
  return lua_pushstring(L, state.embedded ? "embedded" : "rabbitmq"), 1;
}

static int l_state(lua_State *L) {
  struct orr_bus_state state;
  orr_bus_state(orr_house_of(L)->bus, &state);
  const struct {
    const char *name;
    int64_t number;
  } numbers[] = {{"since", state.since_ms},      {"connects", state.connects},
                 {"published", state.published}, {"confirmed", state.confirmed},
                 {"calls", state.calls},         {"failed_calls", state.failed_calls},
                 {"served", state.served},       {"rejected", state.rejected}};
  lua_newtable(L);
  lua_pushboolean(L, state.up), lua_setfield(L, -2, "up");
  lua_pushboolean(L, state.blocked), lua_setfield(L, -2, "blocked");
  if (*state.why) lua_pushstring(L, state.why), lua_setfield(L, -2, "why");
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    lua_pushinteger(L, numbers[i].number), lua_setfield(L, -2, numbers[i].name);
  return 1;
}

/* --- events --- */

/* Shared by the box and by what is under way; whoever lets go last frees it. */
struct sending {
  struct orr_ticket waiting;
  struct orr_err err;
  bool done;
  int holders;
};

static void let_go(struct sending *sending) {
  if (--sending->holders == 0) free(sending);
}

static int push_outcome(lua_State *L, const struct sending *sending) {
  if (sending->err.code != ORR_OK) return orr_push_failure(L, &sending->err);
  return lua_pushboolean(L, true), 1;
}

static void sent(struct orr_publication *publication) {
  struct sending *sending = publication->user;
  sending->err = publication->err;
  sending->done = true;
  orr_publication_free(publication);
  lua_State *L = orr_ticket_state(sending->waiting);
  if (L) orr_ticket_resume(sending->waiting, push_outcome(L, sending));
  let_go(sending);
}

static struct sending *check(lua_State *L) {
  struct sending **box = luaL_checkudata(L, 1, NAME);
  return *box;
}

static int l_wait(lua_State *L) {
  struct sending *sending = check(L);
  if (sending->done) return push_outcome(L, sending);
  sending->waiting = orr_task_wait(L);
  return lua_yield(L, 0);
}

static int l_gc(lua_State *L) {
  struct sending **box = luaL_checkudata(L, 1, NAME);
  if (*box) let_go(*box);
  *box = NULL;
  return 0;
}

static struct sending **push_box(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", l_wait}, {NULL, NULL}};
  struct sending **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, NAME)) {
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return box;
}

static const char *member(lua_State *L, int index, const char *name, size_t *size) {
  if (lua_getfield(L, index, name) != LUA_TSTRING) luaL_error(L, "an event to be sent needs a text %s", name);
  const char *text = lua_tolstring(L, -1, size);
  lua_pop(L, 1); /* the event's table keeps it alive */
  return text;
}

enum { LONGEST_KEY = 255 };

static void check_event(lua_State *L, int index) {
  size_t size;
  luaL_checktype(L, index, LUA_TTABLE);
  member(L, index, "id", &size);
  member(L, index, "body", &size);
  const char *key = member(L, index, "key", &size);
  if (size > LONGEST_KEY || strlen(key) != size)
    luaL_error(L, "a key has at most %d bytes, without NUL", LONGEST_KEY);
}

static int l_send(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer count = luaL_len(L, 1);
  struct sending **box = push_box(L);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    check_event(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  struct sending *sending = *box = orr_zalloc(sizeof *sending);
  sending->holders = 2;
  struct orr_publication *publication = orr_publication_create(house->loop, sent, sending);
  for (lua_Integer i = 1; i <= count; i++) {
    size_t id_size, size, key_size;
    lua_rawgeti(L, 1, i);
    int event = lua_gettop(L);
    const char *key = member(L, event, "key", &key_size);
    const char *id = member(L, event, "id", &id_size), *body = member(L, event, "body", &size);
    orr_publication_add(publication, key, id, id_size, body, size);
    lua_pop(L, 1);
  }
  orr_bus_publish(house->bus, publication);
  return 1;
}

/* --- calls --- */

/* A call may come home long after its time is over: the carrier may be busy with a broker that does not answer. */
struct calling {
  struct orr_ticket ticket;
  struct orr_timer *timer;
};

static void answered(struct orr_bus_call *call) {
  struct calling *calling = call->user;
  lua_State *L = orr_ticket_state(calling->ticket);
  orr_timer_stop(calling->timer);
  if (L) {
    int results = 2;
    if (call->err.code != ORR_OK) {
      results = orr_push_failure(L, &call->err);
    } else {
      lua_pushlstring(L, call->answer.size ? call->answer.data : "", call->answer.size);
      lua_pushstring(L, call->content_type);
    }
    orr_ticket_resume(calling->ticket, results);
  }
  free(calling);
  orr_bus_call_free(call);
}

static void overdue(void *data) {
  struct calling *calling = data;
  lua_State *L = orr_ticket_state(calling->ticket);
  orr_timer_stop(calling->timer);
  calling->timer = NULL;
  if (!L) return;
  struct orr_err err;
  orr_fail(&err, ORR_TIMEOUT, "the service did not answer in time");
  orr_ticket_resume(calling->ticket, orr_push_failure(L, &err));
}

static int l_call(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  size_t size;
  const char *service = luaL_checkstring(L, 1), *method = luaL_checkstring(L, 2),
             *body = luaL_checklstring(L, 3, &size);
  lua_Integer timeout_ms = TIMEOUT_MS;
  const char *id = NULL;
  if (!lua_isnoneornil(L, 4)) {
    lua_getfield(L, 4, "timeout_ms");
    timeout_ms = luaL_optinteger(L, -1, TIMEOUT_MS);
    lua_getfield(L, 4, "message_id");
    id = luaL_optstring(L, -1, NULL);
  }
  struct orr_ticket ticket = orr_task_wait(L);
  struct calling *calling = orr_alloc(sizeof *calling);
  *calling = (struct calling){ticket, orr_timer_start(house->loop, timeout_ms, 0, overdue, calling)};
  struct orr_bus_call *call = orr_bus_call_create(house->loop, answered, calling);
  call->service = orr_strdup(service);
  call->method = orr_strdup(method);
  call->id = orr_strdup(id);
  call->deadline_ms = orr_clock_ms() + timeout_ms;
  orr_buf_put(&call->body, body, size);
  orr_bus_call(house->bus, call);
  return lua_yield(L, 0);
}

/* --- events of others --- */

struct subscription {
  struct orr_house *house;
  struct orr_script *script;
  int function;
};

static void heard(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_house *house = data;
  (void)results;
  if (outcome == ORR_TASK_DONE) return;
  orr_log(house->log, ORR_LOG_ERROR, "task failed", ORR_S("in", house->name),
          ORR_S("for", "an event of the bus"), ORR_S("outcome", orr_outcome_name(outcome)),
          ORR_S("error", orr_task_trace(L)));
}

static void arrived(struct orr_message *message) {
  struct orr_bus_event *event = (struct orr_bus_event *)message;
  struct subscription *subscription = event->user;
  if (orr_script_state(subscription->script)) {
    struct orr_task *task = orr_task_create(subscription->script, heard, subscription->house);
    lua_State *L = orr_task_state(task);
    lua_rawgeti(L, LUA_REGISTRYINDEX, subscription->function);
    lua_pushstring(L, event->key);
    lua_pushlstring(L, event->body.size ? event->body.data : "", event->body.size);
    orr_task_run(task, 2);
  }
  orr_bus_event_free(event);
}

static int l_subscribe(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  const char *pattern = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  struct subscription *subscription = orr_alloc(sizeof *subscription);
  *subscription = (struct subscription){house, orr_script_of(L), luaL_ref(L, LUA_REGISTRYINDEX)};
  orr_bus_subscribe(house->bus, pattern, house->loop, arrived, subscription);
  return 0;
}

int orr_bind_bus(lua_State *L) {
  static const luaL_Reg functions[] = {{"kind", l_kind}, {"state", l_state},         {"send", l_send},
                                       {"call", l_call}, {"subscribe", l_subscribe}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
