/* house.fetch: HTTP requests to where users say (fetch/fetch.h).
     url(text, allow)      → the address as it is asked for | nil, code, sentence
     open(allow, ca_file)  → a fetcher | nil, code, sentence
     fetcher:send {url =, method = "POST", headers = {["Name"] = "value"}, body =, timeout_ms =, most_body =}
       waits → status, {name = "value"}, body | nil, code, sentence
   `most_body`: so much of the answer's body is read. */
#include "fetch/fetch.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "bind/headers.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "script/task.h"

static const char NAME[] = "orrery.fetcher";

struct box {
  struct orr_fetch *fetch; /* NULL once it is collected */
};

static int l_url(lua_State *L) {
  const char *text = luaL_checkstring(L, 1), *allow = luaL_optstring(L, 2, NULL);
  struct orr_buf out = {0};
  struct orr_err err;
  if (orr_fetch_url(text, allow, &out, &err) == ORR_OK) return orr_push_buf(L, &out);
  orr_buf_free(&out);
  return orr_push_failure(L, &err);
}

static void done(void *data, struct orr_fetch_answer *answer, const struct orr_err *err) {
  struct orr_ticket *waiting = data, ticket = *waiting;
  lua_State *L = orr_ticket_state(ticket);
  free(waiting);
  if (!L) return;
  if (!answer) {
    orr_ticket_resume(ticket, orr_push_failure(L, err));
    return;
  }
  lua_pushinteger(L, answer->status);
  orr_push_headers(L, &answer->head);
  lua_pushlstring(L, answer->body.size ? answer->body.data : "", answer->body.size);
  orr_ticket_resume(ticket, 3);
}

static const char *text_field(lua_State *L, const char *name, const char *otherwise, size_t *size) {
  if (lua_getfield(L, 2, name) == LUA_TNIL) return otherwise;
  return luaL_checklstring(L, -1, size); /* stays on the stack, so that it stays alive */
}

static lua_Integer integer_field(lua_State *L, const char *name) {
  lua_getfield(L, 2, name);
  lua_Integer value = luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  return value;
}

static int l_send(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, NAME);
  luaL_checktype(L, 2, LUA_TTABLE);
  struct orr_fetch_request request = {.timeout_ms = integer_field(L, "timeout_ms"),
                                      .most_body = (size_t)integer_field(L, "most_body")};
  request.url = text_field(L, "url", NULL, NULL);
  luaL_argcheck(L, request.url, 2, "url is missing");
  request.method = text_field(L, "method", "POST", NULL);
  request.body = text_field(L, "body", NULL, &request.body_size);
  request.headers = orr_header_lines(L, 2);
  struct orr_ticket ticket = orr_task_wait(L), *waiting = orr_alloc(sizeof *waiting);
  *waiting = ticket;
  orr_fetch_send(box->fetch, &request, done, waiting);
  return lua_yield(L, 0);
}

static int l_gc(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, NAME);
  orr_fetch_destroy(box->fetch);
  box->fetch = NULL;
  return 0;
}

static int l_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", l_send}, {"__gc", l_gc}, {NULL, NULL}};
  const char *allow = luaL_optstring(L, 1, NULL), *ca_file = luaL_optstring(L, 2, NULL);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  struct orr_err err;
  box->fetch = NULL;
  if (luaL_newmetatable(L, NAME)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  box->fetch = orr_fetch_create(orr_house_of(L)->loop, allow, ca_file, &err);
  return box->fetch ? 1 : orr_push_failure(L, &err);
}

int orr_bind_fetch(lua_State *L) {
  static const luaL_Reg functions[] = {{"url", l_url}, {"open", l_open}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
