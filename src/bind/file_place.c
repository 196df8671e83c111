/* Where work on files takes place: folders as Lua names them, and what in them is nobody's to see. */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bind/file_work.h"

/* Looks at the place on top of the stack. */
static void check_place(lua_State *L, int argument) {
  luaL_argcheck(L, lua_istable(L, -1), argument, "not a place");
  lua_getfield(L, -1, "base");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && *lua_tostring(L, -1) == '/', argument,
                "a base is not absolute");
  lua_getfield(L, -2, "own");
  luaL_argcheck(L, lua_isnil(L, -1) || lua_type(L, -1) == LUA_TSTRING, argument,
                "a place's own folder is no text");
  lua_pop(L, 2);
}

static struct orr_place take_place(lua_State *L) {
  struct orr_place place = {0};
  lua_getfield(L, -1, "base");
  place.base = orr_strdup(lua_tostring(L, -1));
  lua_getfield(L, -2, "own");
  if (!lua_isnil(L, -1)) place.own = orr_strdup(lua_tostring(L, -1));
  lua_pop(L, 2);
  return place;
}

static void push_place(lua_State *L, bool many, size_t i) {
  if (many)
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
  else
    lua_pushvalue(L, 2);
}

struct orr_file_work *orr_file_work_at(lua_State *L, bool many, void (*run)(struct orr_work *base),
                                       int (*push)(lua_State *L, struct orr_file_work *work)) {
  const char *path = luaL_checkstring(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t count = many ? lua_rawlen(L, 2) : 1;
  for (size_t i = 0; i < count; i++) {
    push_place(L, many, i);
    check_place(L, 2);
    lua_pop(L, 1);
  }
  struct orr_file_work *work = orr_file_work_create(run, push);
  work->path = orr_strdup(path);
  work->closed = orr_house_of(L)->data;
  work->places = orr_zalloc((count + 1) * sizeof *work->places);
  for (; work->count < count; work->count++) {
    push_place(L, many, work->count);
    work->places[work->count] = take_place(L);
    lua_pop(L, 1);
  }
  return work;
}

bool orr_file_is_closed(const struct orr_file_work *work, size_t i, int fd) {
  return !work->places[i].own && orr_lies_in(fd, work->closed);
}

int orr_file_open(const struct orr_file_work *work, size_t i, int flags, struct orr_err *err) {
  int fd = orr_open_beneath(&work->places[i], work->path, flags, err);
  if (fd < 0 || !orr_file_is_closed(work, i, fd)) return fd;
  close(fd);
  return orr_fail(err, ORR_INVALID, "%s lies in the server's own data directory, which is not served",
                  *work->path ? work->path : work->places[i].base);
}
