/* The sandbox: what a Lua plug-in or a policy sees. Lists are of what is let in, so a new Lua brings nothing
   new in. Left out on purpose: io, most of os, package, require, debug, load of binary chunks, coroutine (a
   coroutine of one's own would hide from the watchdog and cannot wait), collectgarbage, and string.dump. */
#include <string.h>

#include "script/script.h"

static const char *const globals[] = {
    "assert", "error",  "ipairs",       "math",         "next",     "pairs",    "pcall",    "rawequal",
    "rawget", "rawlen", "rawset",       "select",       "table",    "tonumber", "tostring", "type",
    "utf8",   "xpcall", "getmetatable", "setmetatable", "_VERSION", NULL};
static const char *const os_functions[] = {"time", "date", "clock", "difftime", NULL};
static const char *const string_functions[] = {"byte",    "char",  "find",   "format", "gmatch",   "gsub",
                                               "len",     "lower", "match",  "pack",   "packsize", "rep",
                                               "reverse", "sub",   "unpack", "upper",  NULL};

/* Copies the named fields of the table at `from` into a new table on the top of the stack. */
static void pick(lua_State *L, int from, const char *const *names) {
  from = lua_absindex(L, from);
  lua_newtable(L);
  for (; *names; names++) {
    lua_getfield(L, from, *names);
    lua_setfield(L, -2, *names);
  }
}

static void pick_library(lua_State *L, int environment, const char *library, const char *const *names) {
  lua_getglobal(L, library);
  pick(L, -1, names);
  lua_setfield(L, environment, library);
  lua_pop(L, 1);
}

int orr_script_load_sandboxed(struct orr_script *script, const char *path, struct orr_err *err) {
  lua_State *L = orr_script_state(script);
  if (luaL_loadfilex(L, path, "t") != LUA_OK) {
    orr_fail(err, ORR_INVALID, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return ORR_INVALID;
  }
  lua_pushglobaltable(L);
  pick(L, -1, globals);
  lua_remove(L, -2);
  int environment = lua_gettop(L);
  pick_library(L, environment, "os", os_functions);
  pick_library(L, environment, "string", string_functions);
  lua_setupvalue(L, -2, 1); /* _ENV */
  return orr_script_call(script, 0, 1, err);
}
