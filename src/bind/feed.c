/* house.feed: the streams of events that are open on this worker (http/feed.h). An event is given as
     number, type, state, owner, simulation, job, jobs
   of which type and state are bits, and the others 0 where there is none.
     streams([holder])          → how many are open, or are of one holder
     number([number])           up to which number all has been told; set while there are no streams
     add(request, filter, right, number)
                                takes an answer over that was begun; its client has all up to `number`. filter: {owner =,
                                simulation =, job =, types =, states =}; right: {holder =, permit =, expires_at = wall ms}:
                                whose it is and what ends it, small numbers both
     wants(event …)             whether a live stream does
     tell(text, event …)        → false: much was told, and the loop should have a turn
     behind()                   waits for a stream that is behind, and whose turn it is → its filter's owner, simulation and
                                job (0: any), and the number up to which it has all
     fits(event …)              whether that stream wants an event …
     send(text)                 … which it is sent
     reached(number)            that stream has all up to the number. No task may wait between behind() and this.
     drop()                     ends that stream, which cannot be sent what it lacks
     permits()                  → {[permit] = true}: of all open streams
     revoke(permits)            ends those with a permit of this set
     close(key)                 ends those that follow a simulation, or a job
     finish()                   ends all */
#include "bind/feed.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "bind/request.h"
#include "bind/stats.h"
#include "bind/tables.h"
#include "http/feed.h"
#include "script/task.h"

enum { MOST_HOLDERS = 1 << 24 };

struct orr_following {
  struct orr_feed *feed;
  struct orr_ticket helper; /* waits for a stream to be behind */
};

static int push_behind(lua_State *L, const struct orr_feed *feed) {
  int64_t number;
  const struct orr_feed_filter *filter = orr_feed_behind(feed, &number);
  if (!filter) return 0;
  lua_pushinteger(L, filter->owner);
  lua_pushinteger(L, filter->simulation);
  lua_pushinteger(L, filter->job);
  lua_pushinteger(L, number);
  return 4;
}

static void waiting(void *data) {
  struct orr_following *following = data;
  lua_State *L = orr_ticket_state(following->helper);
  if (L) orr_ticket_resume(following->helper, push_behind(L, following->feed));
}

struct orr_following *orr_following_create(struct orr_loop *loop, int64_t heartbeat_ms) {
  struct orr_following *following = orr_zalloc(sizeof *following);
  following->feed = orr_feed_create(loop, heartbeat_ms, waiting, following);
  return following;
}

void orr_following_destroy(struct orr_following *following) {
  if (!following) return;
  orr_feed_destroy(following->feed);
  free(following);
}

static struct orr_feed *feed_of(lua_State *L) {
  struct orr_following *following = orr_house_of(L)->following;
  if (!following) luaL_error(L, "nobody can follow anything here: this worker has no connections");
  return following->feed;
}

static struct orr_feed_event check_event(lua_State *L, int first) {
  return (struct orr_feed_event){.number = luaL_checkinteger(L, first),
                                 .type = (uint64_t)luaL_checkinteger(L, first + 1),
                                 .state = (uint64_t)luaL_checkinteger(L, first + 2),
                                 .owner = luaL_checkinteger(L, first + 3),
                                 .simulation = luaL_checkinteger(L, first + 4),
                                 .job = luaL_checkinteger(L, first + 5),
                                 .jobs = luaL_checkinteger(L, first + 6)};
}

static int64_t field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  int64_t value = luaL_optinteger(L, -1, 0);
  lua_pop(L, 1);
  return value;
}

static int l_streams(lua_State *L) {
  const struct orr_feed *feed = feed_of(L);
  size_t count = lua_isnoneornil(L, 1) ? orr_feed_streams(feed)
                                       : orr_feed_streams_of(feed, (size_t)luaL_checkinteger(L, 1));
  return lua_pushinteger(L, (lua_Integer)count), 1;
}

static int l_number(lua_State *L) {
  struct orr_feed *feed = feed_of(L);
  if (!lua_isnoneornil(L, 1)) orr_feed_set_number(feed, luaL_checkinteger(L, 1));
  return lua_pushinteger(L, orr_feed_number(feed)), 1;
}

static int l_add(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  struct orr_feed_filter filter = {.owner = field(L, 2, "owner"),
                                   .simulation = field(L, 2, "simulation"),
                                   .job = field(L, 2, "job"),
                                   .types = (uint64_t)field(L, 2, "types"),
                                   .states = (uint64_t)field(L, 2, "states")};
  luaL_checktype(L, 3, LUA_TTABLE);
  int64_t holder = field(L, 3, "holder"), number = luaL_checkinteger(L, 4);
  luaL_argcheck(L, holder >= 0 && holder < MOST_HOLDERS, 3, "a holder has a small number");
  struct orr_feed_right right = {
      .holder = (size_t)holder, .permit = field(L, 3, "permit"), .expires_at = field(L, 3, "expires_at")};
  orr_feed_add(feed_of(L), orr_request_box_take(L), &filter, &right, number);
  atomic_fetch_add(&orr_house_of(L)->stats->streams, 1);
  return 0;
}

static int l_wants(lua_State *L) {
  struct orr_feed_event event = check_event(L, 1);
  return lua_pushboolean(L, orr_feed_wants(feed_of(L), &event)), 1;
}

static int l_tell(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  struct orr_feed_event event = check_event(L, 2);
  return lua_pushboolean(L, orr_feed_tell(feed_of(L), &event, text, size)), 1;
}

static int l_behind(lua_State *L) {
  struct orr_following *following = orr_house_of(L)->following;
  int results = push_behind(L, following->feed);
  if (results > 0) return results;
  following->helper = orr_task_wait(L);
  return lua_yield(L, 0);
}

static void check_behind(lua_State *L) {
  int64_t number;
  if (!orr_feed_behind(feed_of(L), &number)) luaL_error(L, "no stream is behind");
}

static int l_fits(lua_State *L) {
  struct orr_feed_event event = check_event(L, 1);
  check_behind(L);
  return lua_pushboolean(L, orr_feed_fits(feed_of(L), &event)), 1;
}

static int l_send(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  check_behind(L);
  orr_feed_send(feed_of(L), text, size);
  return 0;
}

static int l_reached(lua_State *L) {
  int64_t number = luaL_checkinteger(L, 1);
  check_behind(L);
  orr_feed_reached(feed_of(L), number);
  return 0;
}

static int l_drop(lua_State *L) {
  check_behind(L);
  orr_feed_drop(feed_of(L));
  return 0;
}

/* Of each stream, on top of L: the table of permits. */
static bool note_permit(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  lua_State *L = data;
  (void)filter;
  lua_pushboolean(L, true);
  lua_rawseti(L, -2, permit);
  return false;
}

static int l_permits(lua_State *L) {
  lua_newtable(L);
  orr_feed_end_if(feed_of(L), note_permit, L);
  return 1;
}

static bool is_revoked(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  lua_State *L = data;
  (void)filter;
  bool revoked = lua_rawgeti(L, 1, permit) != LUA_TNIL;
  lua_pop(L, 1);
  return revoked;
}

static int l_revoke(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  orr_feed_end_if(feed_of(L), is_revoked, L);
  return 0;
}

static bool is_of(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  int64_t key = *(int64_t *)data;
  (void)permit;
  return filter->simulation == key || filter->job == key;
}

static int l_close(lua_State *L) {
  int64_t key = luaL_checkinteger(L, 1);
  luaL_argcheck(L, key != 0, 1, "the key of a simulation or a job");
  orr_feed_end_if(feed_of(L), is_of, &key);
  return 0;
}

static bool is_any(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  (void)data;
  (void)filter;
  (void)permit;
  return true;
}

static int l_finish(lua_State *L) {
  orr_feed_end_if(feed_of(L), is_any, NULL);
  return 0;
}

int orr_bind_feed(lua_State *L) {
  static const luaL_Reg functions[] = {{"streams", l_streams}, {"number", l_number},   {"add", l_add},
                                       {"wants", l_wants},     {"tell", l_tell},       {"behind", l_behind},
                                       {"fits", l_fits},       {"send", l_send},       {"reached", l_reached},
                                       {"drop", l_drop},       {"permits", l_permits}, {"revoke", l_revoke},
                                       {"close", l_close},     {"finish", l_finish},   {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
