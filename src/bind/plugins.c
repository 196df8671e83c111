/* house.plugins: the files of scheduler plug-ins, whether anything uses them or not.
     find(name)   → path | nil, code, sentence
     list()       → {name = path} */
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "sched/plugin.h"

static int l_find(lua_State *L) {
  char path[PATH_MAX];
  struct orr_err err;
  if (orr_plugin_find(orr_house_of(L)->plugin_folders, luaL_checkstring(L, 1), path, sizeof path, &err))
    return orr_push_failure(L, &err);
  return lua_pushstring(L, path), 1;
}

/* Each with its NUL behind it. */
static void keep(void *data, const char *name, const char *path) {
  struct orr_buf *found = data;
  orr_buf_put(found, name, strlen(name) + 1);
  orr_buf_put(found, path, strlen(path) + 1);
}

static int l_table(lua_State *L) {
  const struct orr_buf *found = lua_touserdata(L, 1);
  lua_newtable(L);
  for (const char *at = found->data, *end = at + found->size; at < end; at += strlen(at) + 1) {
    const char *name = at;
    at += strlen(at) + 1;
    lua_pushstring(L, at);
    lua_setfield(L, -2, name);
  }
  return 1;
}

static int l_list(lua_State *L) {
  struct orr_buf found = {0};
  lua_pushcfunction(L, l_table);
  lua_pushlightuserdata(L, &found);
  orr_plugin_each(orr_house_of(L)->plugin_folders, keep, &found);
  int status = lua_pcall(L, 1, 1, 0);
  orr_buf_free(&found);
  return status == LUA_OK ? 1 : lua_error(L);
}

int orr_bind_plugins(lua_State *L) {
  static const luaL_Reg functions[] = {{"find", l_find}, {"list", l_list}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
