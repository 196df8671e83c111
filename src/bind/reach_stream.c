/* What an errand says, as it comes, for one reader:
     stream:read(ms)   waits, at most so long → bytes | nil, code, sentence; code "ok": that was all, sentence: the errors
                       that it wrote, then its exit code
     stream:write(bytes, ms)
                       waits, at most so long, until they are on the way; of one that is fed, and has said something
                       → true | nil, code, sentence; code "ok": nobody reads them any more, and `read` tells why
     stream:finish()   that was all that it is told
     stream:close()    ends the errand; so does the collector
   More than the reader has taken waits at the far end, not here. */
#include "bind/reach_stream.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "script/task.h"

static const char NAME[] = "orrery.stream";

enum { MOST_AHEAD = 1 << 20 };

/* Shared by the box and the errand: the last of them to go frees it. */
struct link {
  struct orr_loop *loop;
  struct orr_errand *errand; /* NULL: it has ended */
  struct orr_buf ahead;      /* what the reader has not taken */
  struct orr_buf errors;
  struct orr_err why;
  int exit_code;
  bool paused, abandoned, fed, has_spoken;
  enum { NOTHING, READING, WRITING } waiting; /* for what */
  struct orr_ticket ticket;
  struct orr_timer *timer;
};

static void destroy(struct link *link) {
  orr_buf_free(&link->ahead);
  orr_buf_free(&link->errors);
  free(link);
}

static int push_next(lua_State *L, struct link *link) {
  if (link->ahead.size) {
    lua_pushlstring(L, link->ahead.data, link->ahead.size);
    orr_buf_drop(&link->ahead, link->ahead.size);
    if (link->paused && link->errand) orr_errand_resume(link->errand);
    link->paused = false;
    return 1;
  }
  if (link->why.code) return orr_push_failure(L, &link->why);
  lua_pushnil(L);
  lua_pushliteral(L, "ok");
  lua_pushlstring(L, link->errors.size ? link->errors.data : "", link->errors.size);
  lua_pushinteger(L, link->exit_code);
  return 4;
}

static void stop_waiting(struct link *link) {
  link->waiting = NOTHING;
  orr_timer_stop(link->timer);
  link->timer = NULL;
}

static void wake_reader(struct link *link) {
  if (link->waiting != READING) return;
  stop_waiting(link);
  lua_State *L = orr_ticket_state(link->ticket);
  if (L) orr_ticket_resume(link->ticket, push_next(L, link));
}

static void wake_writer(struct link *link) {
  if (link->waiting != WRITING) return;
  stop_waiting(link);
  lua_State *L = orr_ticket_state(link->ticket);
  if (!L) return;
  lua_pushboolean(L, true);
  orr_ticket_resume(link->ticket, 1);
}

static void drained(void *data) { wake_writer(data); }

static void said(void *data, const char *bytes, size_t size) {
  struct link *link = data;
  if (link->abandoned) return;
  link->has_spoken = true;
  orr_buf_put(&link->ahead, bytes, size);
  if (link->ahead.size > MOST_AHEAD && !link->paused) {
    link->paused = true;
    orr_errand_pause(link->errand);
  }
  wake_reader(link);
}

static void ended(void *data, struct orr_errand_result *result) {
  struct link *link = data;
  link->errand = NULL;
  link->why = result->err;
  link->exit_code = result->exit_code;
  orr_buf_put(&link->errors, result->errors.data, result->errors.size);
  if (!link->why.code && result->exit_code == -1)
    orr_fail(&link->why, ORR_UNAVAILABLE, "the connection broke");
  if (link->abandoned) {
    destroy(link);
  } else if (link->waiting == READING) {
    wake_reader(link);
  } else {
    wake_writer(link);
  }
}

static void too_late(void *data) {
  struct link *link = data;
  struct orr_err late;
  stop_waiting(link);
  orr_fail(&late, ORR_TIMEOUT, "the far end did not answer in time");
  lua_State *L = orr_ticket_state(link->ticket);
  if (L) orr_ticket_resume(link->ticket, orr_push_failure(L, &late));
}

static struct link *check(lua_State *L) {
  struct link *link = *(struct link **)luaL_checkudata(L, 1, NAME);
  luaL_argcheck(L, link && !link->waiting, 1, link ? "somebody waits for it" : "it is closed");
  return link;
}

static int wait_for(lua_State *L, struct link *link, int what, lua_Integer ms) {
  link->ticket = orr_task_wait(L);
  link->timer = orr_timer_start(link->loop, ms, 0, too_late, link);
  link->waiting = what;
  return lua_yield(L, 0);
}

static int l_read(lua_State *L) {
  struct link *link = check(L);
  lua_Integer ms = luaL_checkinteger(L, 2);
  if (link->ahead.size || !link->errand) return push_next(L, link);
  return wait_for(L, link, READING, ms);
}

static int l_write(lua_State *L) {
  struct link *link = check(L);
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  lua_Integer ms = luaL_checkinteger(L, 3);
  luaL_argcheck(L, link->fed && link->has_spoken, 1, "it does not listen");
  if (!link->errand) return lua_pushnil(L), lua_pushliteral(L, "ok"), lua_pushliteral(L, "it has ended"), 3;
  if (orr_errand_write(link->errand, bytes, size)) return lua_pushboolean(L, true), 1;
  return wait_for(L, link, WRITING, ms);
}

static int l_finish(lua_State *L) {
  struct link *link = check(L);
  luaL_argcheck(L, link->fed && link->has_spoken, 1, "it does not listen");
  if (link->errand) orr_errand_finish(link->errand);
  return 0;
}

static int l_close(lua_State *L) {
  struct link **box = luaL_checkudata(L, 1, NAME), *link = *box;
  *box = NULL;
  if (!link) return 0;
  stop_waiting(link);
  link->abandoned = true;
  if (link->errand)
    orr_errand_stop(link->errand);
  else
    destroy(link);
  return 0;
}

int orr_reach_stream(lua_State *L, struct orr_loop *loop, const struct orr_errand_options *options) {
  static const luaL_Reg methods[] = {{"read", l_read},   {"write", l_write}, {"finish", l_finish},
                                     {"close", l_close}, {"__gc", l_close},  {"__close", l_close},
                                     {NULL, NULL}};
  struct orr_errand_options streamed = *options;
  struct link **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, NAME)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  struct link *link = *box = orr_zalloc(sizeof *link);
  link->loop = loop;
  link->fed = options->fed;
  streamed.said = said;
  streamed.drained = drained;
  link->errand = orr_errand_start(loop, &streamed, ended, link);
  return 1;
}
