/* The services of a Lua plug-in, which are also methods of its instance (`self.exec(…)`):
     exec(argv, {stdin, timeout, environment, directory})
         waits → {exit_code, signal, stdout, stderr, timed_out, cut} | nil, sentence
     each(list, fn, most) waits (plugin_each.h)
     sleep(ms) waits           now() → wall ms        monotonic() → ms
     log(level, text)          changed(native_id)     directory("state" | "plugin") → path
     fs.read(path) → text | nil, sentence
     fs.write(path, text) → true | nil, sentence; whole or not at all
   The instance's member `honours` is what it honours (schedulers/README.md). What it says of a command is in
   plugin_exec.c. */
#include "bind/plugin_host.h"

#include "base/clock.h"
#include "base/file.h"
#include "bind/house.h"
#include "bind/plugin_each.h"
#include "bind/plugin_exec.h"
#include "bind/sleep.h"
#include "bind/value.h"
#include "script/task.h"

enum { MOST_FILE = 64 << 20, MOST_HONOURED = 1 << 20 };

static struct orr_plugin_host *host_of(lua_State *L) { return orr_plugin_host_of(L); }

static int l_sleep(lua_State *L) { return orr_sleep(L, host_of(L)->loop, luaL_checknumber(L, 1)); }
static int l_now(lua_State *L) { return lua_pushinteger(L, orr_wall_ms()), 1; }
static int l_monotonic(lua_State *L) { return lua_pushinteger(L, orr_clock_ms()), 1; }

static int l_log(lua_State *L) {
  static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
  enum orrery_level level = (enum orrery_level)luaL_checkoption(L, 1, "info", levels);
  orrery_log(host_of(L)->orrery, level, "%s", luaL_checkstring(L, 2));
  return 0;
}

static int l_changed(lua_State *L) {
  orrery_changed(host_of(L)->orrery, luaL_checkstring(L, 1));
  return 0;
}

static int l_directory(lua_State *L) {
  const char *path = orrery_host_directory(host_of(L)->orrery, luaL_checkstring(L, 1));
  luaL_argcheck(L, path, 1, "state or plugin");
  return lua_pushstring(L, path), 1;
}

static int l_read(lua_State *L) {
  struct orr_buf text = {0};
  struct orr_err err;
  if (orr_file_read(luaL_checkstring(L, 1), MOST_FILE, &text, &err) == ORR_OK) return orr_push_buf(L, &text);
  orr_buf_free(&text);
  return lua_pushnil(L), lua_pushstring(L, err.text), 2;
}

static int l_write(lua_State *L) {
  size_t size;
  const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
  struct orr_err err;
  if (orr_file_write(path, text, size, 0600, &err)) return lua_pushnil(L), lua_pushstring(L, err.text), 2;
  return lua_pushboolean(L, 1), 1;
}

void orr_plugin_host_push(struct orr_plugin_host *host, lua_State *L) {
  static const luaL_Reg functions[] = {
      {"exec", orr_l_exec},       {"sleep", l_sleep},   {"now", l_now},
      {"monotonic", l_monotonic}, {"log", l_log},       {"changed", l_changed},
      {"directory", l_directory}, {"each", orr_l_each}, {NULL, NULL}};
  static const luaL_Reg file_functions[] = {{"read", l_read}, {"write", l_write}, {NULL, NULL}};
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, host);
  luaL_setfuncs(L, functions, 1);
  luaL_newlib(L, file_functions);
  lua_setfield(L, -2, "fs");
}

void orr_plugin_host_keep(struct orr_plugin_host *host, lua_State *L) {
  const int self = 1, services = 2;
  size_t room = MOST_HONOURED;
  if (lua_getfield(L, self, "honours") == LUA_TTABLE && host->honours)
    orr_to_value(L, -1, host->honours->arena, host->honours, &room);
  lua_pop(L, 1);
  if (lua_getmetatable(L, self)) {
    lua_pop(L, 1);
    return; /* it has a class of its own; it keeps the host that open was given */
  }
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, services);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, self);
}
