/* A request, in Lua:
     request:method() → "GET" …    request:path()    request:id()    request:body() → text
     request:header(name)                    → text | nil; names in lower case
     request:bearer()                        → the token of "Authorization: Bearer TOKEN" | nil
     request:query()                         → {name = value} | false (there is none)
                                             | nil, sentence (a bad escape, a name twice)
     request:read()                          waits; the body's next piece, of a route that `streams`
                                             → bytes | nil: that was all | nil, "aborted"
                                             | nil, type of the problem, sentence
     request:aborted()                       → true when the client has gone, or will send no more
     request:begin(status, headers, length)  starts a streamed answer; length nil: chunked
     request:write(bytes)                    waits while the client is slow → true | nil, "aborted"
     request:cut()                           a streamed answer ends here, and the client sees that it broke off
   A handler returns status, headers (complete lines) and body, or nothing after a streamed answer. */
#include "bind/request.h"

#include <string.h>
#include <strings.h>

#include "http/router.h"
#include "script/task.h"

static const char NAME[] = "orrery.request";

struct orr_request_box {
  struct orr_request *request; /* NULL once the answer is out */
  struct orr_ticket writing, reading;
  bool streaming, cut, taken;
};

static struct orr_request_box *check(lua_State *L) {
  struct orr_request_box *box = luaL_checkudata(L, 1, NAME);
  if (!box->request) luaL_error(L, "the request is over");
  return box;
}

static int push_slice(lua_State *L, struct orr_slice slice) {
  lua_pushlstring(L, slice.text, slice.size);
  return 1;
}

static const char *method_name(enum orr_method method) {
  static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};
  return names[method];
}

static int l_header(lua_State *L) {
  struct orr_slice value = orr_request_header(check(L)->request, luaL_checkstring(L, 2));
  if (!value.text) return lua_pushnil(L), 1;
  return push_slice(L, value);
}

static int l_bearer(lua_State *L) {
  struct orr_slice value = orr_request_header(check(L)->request, "authorization");
  if (value.size < 8 || strncasecmp(value.text, "bearer ", 7) != 0) return lua_pushnil(L), 1;
  return lua_pushlstring(L, value.text + 7, value.size - 7), 1;
}

static int l_query(lua_State *L) {
  struct orr_request *request = check(L)->request;
  const char *at = request->query.text, *end = at + request->query.size;
  if (at == end) return lua_pushboolean(L, false), 1;
  lua_newtable(L);
  while (at < end) {
    const char *stop = memchr(at, '&', (size_t)(end - at));
    if (!stop) stop = end;
    const char *equals = memchr(at, '=', (size_t)(stop - at));
    if (!equals) equals = stop;
    struct orr_slice name = {at, (size_t)(equals - at)}, value = {equals, 0};
    if (equals < stop) value = (struct orr_slice){equals + 1, (size_t)(stop - equals) - 1};
    at = stop + (stop < end);
    if (name.size == 0 && value.size == 0) continue;
    struct orr_err err;
    if (orr_percent_decode(name, true, request->arena, &name, &err) ||
        orr_percent_decode(value, true, request->arena, &value, &err))
      return lua_pushnil(L), lua_pushstring(L, err.text), 2;
    push_slice(L, name);
    if (lua_rawget(L, -2) != LUA_TNIL) {
      const char *twice = lua_pushlstring(L, name.text, name.size);
      return lua_pushnil(L), lua_pushfstring(L, "The query parameter %s stands twice; give it once.", twice),
             2;
    }
    lua_pop(L, 1);
    push_slice(L, name);
    push_slice(L, value);
    lua_rawset(L, -3);
  }
  return 1;
}

static int l_body(lua_State *L) { return push_slice(L, check(L)->request->body); }

static int l_aborted(lua_State *L) {
  struct orr_request *request = check(L)->request;
  return lua_pushboolean(L, request->aborted || request->half_closed), 1;
}

static int l_begin(lua_State *L) {
  struct orr_request_box *box = check(L);
  size_t size;
  int status = (int)luaL_checkinteger(L, 2);
  const char *headers = luaL_checklstring(L, 3, &size);
  lua_Integer length = luaL_optinteger(L, 4, -1);
  luaL_argcheck(L, !box->streaming, 1, "the answer has begun already");
  box->streaming = true;
  orr_respond_begin(box->request, status, headers, size, length);
  return 0;
}

static int l_write(lua_State *L) {
  struct orr_request_box *box = check(L);
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  luaL_argcheck(L, box->streaming, 1, "the answer has not begun");
  if (!box->request->aborted && orr_respond_write(box->request, bytes, size)) return lua_pushboolean(L, 1), 1;
  if (box->request->aborted) return lua_pushnil(L), lua_pushliteral(L, "aborted"), 2;
  box->writing = orr_task_wait(L);
  return lua_yield(L, 0);
}

/* What a read has to tell → the number of results; -1: nothing yet. */
static int push_piece(lua_State *L, struct orr_request *request) {
  struct orr_slice piece;
  switch (orr_request_read(request, &piece)) {
  case ORR_READ_PIECE: return push_slice(L, piece);
  case ORR_READ_END: return lua_pushnil(L), 1;
  case ORR_READ_LATER: return -1;
  case ORR_READ_BROKEN: break;
  }
  lua_pushnil(L);
  if (request->aborted) return lua_pushliteral(L, "aborted"), 2;
  lua_pushstring(L, request->fault.kind);
  lua_pushstring(L, request->fault.detail);
  return 3;
}

static int l_read(lua_State *L) {
  struct orr_request_box *box = check(L);
  int results = push_piece(L, box->request);
  if (results >= 0) return results;
  box->reading = orr_task_wait(L);
  return lua_yield(L, 0);
}

void orr_request_box_readable(struct orr_request_box *box) {
  lua_State *L = orr_ticket_state(box->reading);
  int results = L ? push_piece(L, box->request) : -1;
  if (results >= 0) orr_ticket_resume(box->reading, results);
}

static int l_cut(lua_State *L) {
  struct orr_request_box *box = check(L);
  luaL_argcheck(L, box->streaming, 1, "the answer has not begun");
  box->cut = true;
  return 0;
}

void orr_request_box_proceed(struct orr_request_box *box) {
  lua_State *L = orr_ticket_state(box->writing);
  if (!L) return;
  lua_pushboolean(L, 1);
  orr_ticket_resume(box->writing, 1);
}

void orr_request_box_aborted(struct orr_request_box *box) {
  struct orr_ticket ticket = orr_ticket_state(box->writing) ? box->writing : box->reading;
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_pushnil(L);
  lua_pushliteral(L, "aborted");
  orr_ticket_resume(ticket, 2);
}

bool orr_request_box_close(struct orr_request_box *box, bool failed) {
  struct orr_request *request = box->request;
  if (box->taken) return true;
  box->request = NULL;
  if (box->streaming) orr_respond_end(request, failed || box->cut);
  return box->streaming;
}

struct orr_request *orr_request_box_take(lua_State *L) {
  struct orr_request_box *box = check(L);
  luaL_argcheck(L, box->streaming, 1, "the answer has not begun");
  struct orr_request *request = box->request;
  box->request = NULL;
  box->taken = true;
  return request;
}

static int l_method(lua_State *L) { return lua_pushstring(L, method_name(check(L)->request->method)), 1; }
static int l_path(lua_State *L) { return push_slice(L, check(L)->request->path); }
static int l_id(lua_State *L) { return lua_pushstring(L, check(L)->request->id), 1; }

struct orr_request_box *orr_push_request(lua_State *L, struct orr_request *request) {
  static const luaL_Reg methods[] = {{"header", l_header}, {"bearer", l_bearer},   {"query", l_query},
                                     {"body", l_body},     {"aborted", l_aborted}, {"begin", l_begin},
                                     {"write", l_write},   {"cut", l_cut},         {"method", l_method},
                                     {"path", l_path},     {"id", l_id},           {"read", l_read},
                                     {NULL, NULL}};
  struct orr_request_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (struct orr_request_box){.request = request};
  if (luaL_newmetatable(L, NAME)) {
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  return box;
}
