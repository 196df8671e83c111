#include "bind/plugin_require.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char own_folder[] = "orrery.own", bundled_folder[] = "orrery.bundled",
                  loaded[] = "orrery.required";

/* Letters, digits and _, in parts between dots: such a name leads nowhere but down. */
static bool is_module(const char *name) {
  static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  for (;;) {
    size_t legal = strspn(name, word);
    if (legal == 0) return false;
    name += legal;
    if (*name == 0) return true;
    if (*name++ != '.') return false;
  }
}

/* Pushes the path of the module beneath a folder, if it is there. */
static bool push_path(lua_State *L, const char *folder, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, folder);
  luaL_gsub(L, name, ".", "/");
  lua_pushfstring(L, "%s/%s.lua", lua_tostring(L, -2), lua_tostring(L, -1));
  lua_replace(L, -3);
  lua_pop(L, 1);
  if (access(lua_tostring(L, -1), R_OK) == 0) return true;
  lua_pop(L, 1);
  return false;
}

static int l_require(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_argcheck(L, is_module(name), 1, "letters, digits and _, in parts between dots");
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, loaded);
  int type = lua_getfield(L, 2, name);
  if (type == LUA_TBOOLEAN) return luaL_error(L, "module %s requires itself", name);
  if (type != LUA_TNIL) return 1;
  if (!push_path(L, own_folder, name) && !push_path(L, bundled_folder, name))
    return luaL_error(L, "there is no module %s beside the plug-in", name);
  if (orr_push_sandboxed(L, lua_tostring(L, -1)) != LUA_OK) return lua_error(L);
  lua_pushboolean(L, false); /* while it runs */
  lua_setfield(L, 2, name);
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1) || lua_isboolean(L, -1)) return luaL_error(L, "module %s returns nothing", name);
  lua_pushvalue(L, -1);
  lua_setfield(L, 2, name);
  return 1;
}

void orr_plugin_require_from(struct orr_script *script, const char *plugin_path, const char *bundled) {
  lua_State *L = orr_script_state(script);
  const char *slash = strrchr(plugin_path, '/');
  lua_pushlstring(L, slash ? plugin_path : ".", slash ? (size_t)(slash - plugin_path) : 1);
  lua_setfield(L, LUA_REGISTRYINDEX, own_folder);
  lua_pushstring(L, bundled ? bundled : ".");
  lua_setfield(L, LUA_REGISTRYINDEX, bundled_folder);
  orr_script_offer(script, "require", l_require);
}
