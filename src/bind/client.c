/* house.client: HTTP for the command line; the connection is kept between requests.
     request {url =, method = "GET", headers = {["Name"] = "value"}, body =, timeout_ms =,
              source = function(offset, size), sink = function(bytes, status), tick = function(), tick_ms = 1000,
              wake = DESCRIPTOR}
       → status, {name = "value"}, body | nil, code, sentence
   Names of headers come back in lower case. `source` brings the body instead of `body`, piece by piece from the offset, which
   is where the last one ended or 0 again → at most so many bytes | nil: that was all; its size is `body_size`, if that is
   known. `sink` takes the body of a successful answer piece by piece.
   `tick` is called while waiting. When `wake` can be read (see house.terminal), the request is broken off and
   its status is 0; an error thrown by one of these functions does the same and goes on to the caller. */
#include "fetch/client.h"

#include <string.h>

#include "bind/headers.h"
#include "bind/house.h"
#include "bind/tables.h"

enum {
  SINK = 2,
  TICK = 3,
  SOURCE = 4,
  PROBLEM = 5
}; /* where they are on the stack during a request; 1 is the table */

struct box {
  struct orr_client *client;
  struct orr_client_response response; /* here, so that an error thrown half-way leaks nothing */
};

static int l_collect(lua_State *L) {
  struct box *box = lua_touserdata(L, 1);
  orr_client_response_free(&box->response);
  orr_client_destroy(box->client);
  return 0;
}

/* Runs the function on the top of the stack with its arguments; what it throws is kept for later. */
static bool call(lua_State *L, int arguments, int results) {
  if (lua_pcall(L, arguments, results, 0) == LUA_OK) return true;
  lua_replace(L, PROBLEM);
  return false;
}

static bool sink(void *data, int status, const char *bytes, size_t size) {
  lua_State *L = data;
  lua_pushvalue(L, SINK);
  lua_pushlstring(L, bytes, size);
  lua_pushinteger(L, status);
  return call(L, 2, 0);
}

static bool tick(void *data) {
  lua_State *L = data;
  lua_pushvalue(L, TICK);
  return call(L, 0, 0);
}

static int64_t source(void *data, int64_t offset, char *into, size_t room) {
  lua_State *L = data;
  lua_pushvalue(L, SOURCE);
  lua_pushinteger(L, offset);
  lua_pushinteger(L, (lua_Integer)room);
  if (!call(L, 2, 1)) return -1;
  size_t size = 0;
  const char *bytes = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
  if (size > room) size = room;
  if (bytes) memcpy(into, bytes, size);
  lua_pop(L, 1);
  return (int64_t)size;
}

static const char *text_field(lua_State *L, const char *name, const char *otherwise, size_t *size) {
  int type = lua_getfield(L, 1, name);
  if (type == LUA_TNIL && size) *size = 0;
  if (type == LUA_TNIL) return otherwise;
  const char *text = lua_tolstring(L, -1, size); /* stays on the stack, so that it stays alive */
  if (!text) luaL_error(L, "%s must be a text", name);
  return text;
}

static lua_Integer integer_field(lua_State *L, const char *name, lua_Integer otherwise) {
  lua_getfield(L, 1, name);
  lua_Integer value = luaL_optinteger(L, -1, otherwise);
  lua_pop(L, 1);
  return value;
}

static int l_request(lua_State *L) {
  struct box *box = lua_touserdata(L, lua_upvalueindex(1));
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  bool has_sink = lua_getfield(L, 1, "sink") != LUA_TNIL;
  bool has_tick = lua_getfield(L, 1, "tick") != LUA_TNIL;
  bool has_source = lua_getfield(L, 1, "source") != LUA_TNIL;
  lua_pushnil(L); /* PROBLEM */
  struct orr_client_request request = {.data = L,
                                       .sink = has_sink ? sink : NULL,
                                       .tick = has_tick ? tick : NULL,
                                       .source = has_source ? source : NULL};
  request.method = text_field(L, "method", "GET", NULL);
  request.url = text_field(L, "url", NULL, NULL);
  luaL_argcheck(L, request.url, 1, "url is missing");
  size_t size;
  request.body = text_field(L, "body", NULL, &size);
  request.body_size = has_source ? integer_field(L, "body_size", -1) : (int64_t)size;
  request.timeout_ms = integer_field(L, "timeout_ms", 0);
  request.tick_ms = has_tick ? integer_field(L, "tick_ms", 1000) : 0;
  request.wake = (int)integer_field(L, "wake", -1);
  request.headers = orr_header_lines(L, 1);

  struct orr_err err;
  int code = orr_client_send(box->client, &request, &box->response, &err);
  if (!lua_isnil(L, PROBLEM)) return lua_pushvalue(L, PROBLEM), lua_error(L);
  if (code != ORR_OK) return orr_push_failure(L, &err);
  lua_pushinteger(L, box->response.status);
  orr_push_headers(L, &box->response.head);
  lua_pushlstring(L, box->response.body.data, box->response.body.size);
  return 3;
}

int orr_bind_client(lua_State *L) {
  lua_newtable(L);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (struct box){.client = orr_client_create()};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_collect);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushcclosure(L, l_request, 1);
  lua_setfield(L, -2, "request");
  return 1;
}
