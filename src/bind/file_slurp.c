/* Many small files at once: read whole, or their folders removed. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "bind/file_work.h"

static void run_slurp(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  for (size_t i = 0; i < work->count; i++)
    work->got[i] = orr_file_read(work->paths[i], work->limit, &work->texts[i], NULL) == ORR_OK;
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
  size_t count = orr_file_paths_check(L, 2);
  lua_Integer limit = luaL_checkinteger(L, 3), ms = luaL_checkinteger(L, 4);
  struct orr_file_work *work = orr_file_work_create(run_slurp, push_slurp);
  work->limit = (size_t)limit;
  orr_file_paths_take(L, 2, work, count);
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

int l_files_remove(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  size_t count = orr_file_paths_check(L, 2);
  lua_Integer ms = luaL_checkinteger(L, 3);
  struct orr_file_work *work = orr_file_work_create(run_remove, push_remove);
  orr_file_paths_take(L, 2, work, count);
  return orr_file_work_send(L, work, lane, ms);
}
