/* Many small files at once: read whole, made, or their folders removed. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/tree.h"
#include "bind/file_work.h"

static void run_slurp(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  for (size_t i = 0; i < work->count; i++) {
    int fd = orr_file_open(work, i, O_RDONLY, NULL);
    work->got[i] =
        fd >= 0 && orr_file_read_open(fd, work->path, work->limit, &work->texts[i], NULL) == ORR_OK;
  }
}

static int push_slurp(lua_State *L, struct orr_file_work *work) {
  lua_createtable(L, (int)work->count, 0);
  for (size_t i = 0; i < work->count; i++) {
    if (work->got[i])
      lua_pushlstring(L, work->texts[i].data, work->texts[i].size);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

int l_files_slurp(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer limit = luaL_checkinteger(L, 4), ms = luaL_checkinteger(L, 5);
  struct orr_file_work *work = orr_file_work_at(L, true, run_slurp, push_slurp);
  work->limit = (size_t)limit;
  work->texts = orr_zalloc((work->count + 1) * sizeof *work->texts);
  work->got = orr_zalloc((work->count + 1) * sizeof *work->got);
  return orr_file_work_send(L, work, lane, ms);
}

static void run_make(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  for (size_t i = 0; i < work->count; i++) {
    int code = orr_make_beneath(&work->places[i], work->path, NULL);
    work->got[i] = code == ORR_OK || code == ORR_CONFLICT;
    orr_buf_puts(&work->texts[i], code == ORR_OK ? "made" : "other");
  }
}

int l_files_make(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 4);
  struct orr_file_work *work = orr_file_work_at(L, true, run_make, push_slurp);
  work->texts = orr_zalloc((work->count + 1) * sizeof *work->texts);
  work->got = orr_zalloc((work->count + 1) * sizeof *work->got);
  return orr_file_work_send(L, work, lane, ms);
}

static void run_remove(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  for (size_t i = 0; i < work->count; i++) {
    work->got[i] = orr_tree_remove(work->paths[i], NULL) == ORR_OK;
    *strrchr(work->paths[i], '/') = 0;
    rmdir(work->paths[i]); /* the folder above, if this was the last thing in it */
  }
}

static int push_remove(lua_State *L, struct orr_file_work *work) {
  lua_createtable(L, (int)work->count, 0);
  for (size_t i = 0; i < work->count; i++) {
    lua_pushboolean(L, work->got[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static size_t check_paths(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t count = lua_rawlen(L, 2);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    luaL_argcheck(L, *luaL_checkstring(L, -1) == '/', 2, "a path is not absolute");
    lua_pop(L, 1);
  }
  return count;
}

int l_files_remove(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  size_t count = check_paths(L);
  lua_Integer ms = luaL_checkinteger(L, 3);
  struct orr_file_work *work = orr_file_work_create(run_remove, push_remove);
  work->paths = orr_zalloc((count + 1) * sizeof *work->paths);
  work->got = orr_zalloc((count + 1) * sizeof *work->got);
  for (; work->count < count; work->count++) {
    lua_rawgeti(L, 2, (lua_Integer)work->count + 1);
    work->paths[work->count] = orr_strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return orr_file_work_send(L, work, lane, ms);
}
