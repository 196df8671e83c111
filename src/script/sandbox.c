/* The sandbox: what a Lua plug-in or a policy sees. Lists are of what is let in, so a new Lua brings nothing
   new in. Left out on purpose: io, most of os, package, require, debug, load, collectgarbage, string.dump, and
   what would hide from the watchdog: coroutine, xpcall (its handler runs where no hook does), finalizers. */
#include <string.h>

#include "script/script.h"

static const char *const globals[] = {"assert",   "error",  "ipairs",       "next",     "pairs",  "pcall",
                                      "rawequal", "rawget", "rawlen",       "rawset",   "select", "tonumber",
                                      "tostring", "type",   "getmetatable", "_VERSION", NULL};
static const char *const math_members[] = {
    "abs",        "acos", "asin", "atan",       "ceil",      "cos",        "deg",  "exp", "floor", "fmod",
    "huge",       "log",  "max",  "maxinteger", "min",       "mininteger", "modf", "pi",  "rad",   "random",
    "randomseed", "sin",  "sqrt", "tan",        "tointeger", "type",       "ult",  NULL};
static const char *const os_members[] = {"time", "date", "clock", "difftime", NULL};
static const char *const string_members[] = {"byte",    "char",  "find",   "format", "gmatch",   "gsub",
                                             "len",     "lower", "match",  "pack",   "packsize", "rep",
                                             "reverse", "sub",   "unpack", "upper",  NULL};
static const char *const table_members[] = {"concat", "insert", "move",   "pack",
                                            "remove", "sort",   "unpack", NULL};
static const char *const utf8_members[] = {"char", "charpattern", "codepoint", "codes",
                                           "len",  "offset",      NULL};

static const struct {
  const char *name;
  const char *const *members;
} libraries[] = {{"math", math_members},
                 {"os", os_members},
                 {"string", string_members},
                 {"table", table_members},
                 {"utf8", utf8_members}};

/* Copies the named fields of the table at `from` into a new table on the top of the stack. */
static void pick(lua_State *L, int from, const char *const *names) {
  from = lua_absindex(L, from);
  lua_newtable(L);
  for (; *names; names++) {
    lua_getfield(L, from, *names);
    lua_setfield(L, -2, *names);
  }
}

static void pick_library(lua_State *L, const char *library, const char *const *names) {
  lua_getglobal(L, library);
  pick(L, -1, names);
  lua_remove(L, -2);
}

/* A finalizer would run where the watchdog cannot interrupt it. */
static int l_setmetatable(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "__gc is not for code in a sandbox");
    lua_pop(L, 1);
  }
  lua_getglobal(L, "setmetatable"); /* ours, which the sandbox cannot reach */
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

/* Methods of texts, `("x"):upper()`, are found in one table of the whole state. From now on it has no more in it
   than `string` has here, and nobody can reach it to change it. */
static void close_string_methods(lua_State *L) {
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  pick_library(L, "string", string_members);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

static const char more[] = "orrery.sandbox"; /* the registry's table of what else files see here */

/* Pushes an environment of its own for each file: what one changes in it, nobody else sees. */
static void push_environment(lua_State *L) {
  lua_pushglobaltable(L);
  pick(L, -1, globals);
  lua_remove(L, -2);
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    pick_library(L, libraries[i].name, libraries[i].members);
    lua_setfield(L, -2, libraries[i].name);
  }
  lua_pushcfunction(L, l_setmetatable);
  lua_setfield(L, -2, "setmetatable");
  if (luaL_getsubtable(L, LUA_REGISTRYINDEX, more))
    for (lua_pushnil(L); lua_next(L, -2);) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_settable(L, -5);
    }
  lua_pop(L, 1);
}

void orr_script_offer(struct orr_script *script, const char *name, lua_CFunction function) {
  lua_State *L = orr_script_state(script);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, more);
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

int orr_push_sandboxed(lua_State *L, const char *path) {
  int status = luaL_loadfilex(L, path, "t");
  if (status != LUA_OK) return status;
  close_string_methods(L);
  push_environment(L);
  lua_setupvalue(L, -2, 1); /* _ENV */
  return LUA_OK;
}

int orr_script_load_sandboxed(struct orr_script *script, const char *path, struct orr_err *err) {
  lua_State *L = orr_script_state(script);
  if (orr_push_sandboxed(L, path) == LUA_OK) return orr_script_call(script, 0, 1, err);
  orr_fail(err, ORR_INVALID, "%s", lua_tostring(L, -1));
  lua_pop(L, 1);
  return ORR_INVALID;
}
