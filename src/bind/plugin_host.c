/* The services of a Lua plug-in, which are also methods of its instance (`self.exec(…)`):
     exec(argv, {stdin, timeout, environment, directory})
         waits → {exit_code, signal, stdout, stderr, timed_out, cut} | nil, sentence
     each(list, fn, most) waits (plugin_each.h)
     sleep(ms) waits           now() → wall ms        monotonic() → ms
     log(level, text)          changed(native_id)     directory("state" | "plugin") → path
     fs.read(path) → text | nil, sentence
     fs.write(path, text) → true | nil, sentence; whole or not at all
   Commands of the verb submit hold a file, so that it can be told whether any of them is left (base/hold.h).
   The instance's member `honours` is what it honours (schedulers/README.md). Commands get PATH and the
   schedulers' own variables from the server's environment, and nothing else of it. */
#include "bind/plugin_host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hold.h"
#include "bind/house.h"
#include "bind/plugin_each.h"
#include "bind/sleep.h"
#include "bind/value.h"
#include "loop/child.h"
#include "script/task.h"

extern char **environ;

enum { MOST_OUTPUT = 64 << 20, MOST_FILE = 64 << 20, MOST_HONOURED = 1 << 20, TIMEOUT_MS = 30000 };

static struct orr_plugin_host *host_of(lua_State *L) { return orr_script_user(L); }

/* --- exec --- */

static const char *const passed_on[] = {"PATH=", "LD_LIBRARY_PATH=", "SLURM_", "SGE_",
                                        "PBS_",  "LOADL_",           "LANG=",  NULL};

static bool is_passed_on(const char *variable) {
  for (const char *const *prefix = passed_on; *prefix; prefix++)
    if (strncmp(variable, *prefix, strlen(*prefix)) == 0) return true;
  return false;
}

/* Whether the table of a plug-in's own variables, on the top of the stack, has this one. */
static bool is_own(lua_State *L, const char *variable) {
  lua_pushlstring(L, variable, strcspn(variable, "="));
  bool own = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 1);
  return own;
}

/* The environment of a command, in the arena of its call: ours that is passed on, then the plug-in's own, which come instead:
   of two of one name some programs take the first, and some the last. */
static char **environment_for(lua_State *L, int options, struct orr_arena *arena) {
  size_t count = 0, room = 1;
  for (char **variable = environ; *variable; variable++) room++;
  int has_own = options && lua_getfield(L, options, "environment") == LUA_TTABLE;
  if (has_own)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) room++;
  char **list = orr_arena_alloc(arena, (room + 1) * sizeof *list);
  for (char **variable = environ; *variable; variable++)
    if (is_passed_on(*variable) && !(has_own && is_own(L, *variable))) list[count++] = *variable;
  if (has_own)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
      if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1))
        list[count++] = orr_arena_printf(arena, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
  list[count] = NULL;
  return list;
}

/* The file that commands of submit hold. A server that is killed leaves them behind, and as long as one of them lives
   it may yet submit: nobody may say then that the scheduler does not have the job. */
static char *submitting_path(const struct orr_plugin_host *host, struct orr_arena *arena) {
  return orr_arena_printf(arena, "%s/submitting", host->orrery->state_directory);
}

bool orr_plugin_host_quiet(const struct orr_plugin_host *host) {
  struct orr_arena *arena = orr_arena_create();
  bool quiet = orr_hold_free(submitting_path(host, arena));
  orr_arena_destroy(arena);
  if (!quiet)
    orr_log(host->orrery->log, ORR_LOG_WARN, "killed commands that an earlier submission left behind",
            ORR_S("resource", host->orrery->resource));
  return quiet;
}

struct running {
  struct orr_ticket ticket;
};

static void command_ended(void *data, struct orr_child_result *result) {
  struct running *running = data;
  struct orr_ticket ticket = running->ticket;
  lua_State *L = orr_ticket_state(ticket);
  free(running);
  if (!L) return;
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, result->exit_code), lua_setfield(L, -2, "exit_code");
  lua_pushinteger(L, result->signal), lua_setfield(L, -2, "signal");
  lua_pushlstring(L, result->out.size ? result->out.data : "", result->out.size),
      lua_setfield(L, -2, "stdout");
  lua_pushlstring(L, result->err.size ? result->err.data : "", result->err.size),
      lua_setfield(L, -2, "stderr");
  lua_pushboolean(L, result->timed_out), lua_setfield(L, -2, "timed_out");
  lua_pushboolean(L, result->cut), lua_setfield(L, -2, "cut");
  orr_ticket_resume(ticket, 1);
}

static void check_argv(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t count = lua_rawlen(L, 1), size;
  luaL_argcheck(L, count > 0, 1, "an empty argument vector");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    const char *text = luaL_checklstring(L, -1, &size);
    luaL_argcheck(L, strlen(text) == size, 1, "an argument has a NUL in it");
    lua_pop(L, 1);
  }
}

static char **argv_for(lua_State *L, struct orr_arena *arena) {
  size_t count = lua_rawlen(L, 1);
  char **argv = orr_arena_alloc(arena, (count + 1) * sizeof *argv);
  for (size_t i = 0; i < count; i++) {
    size_t size;
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    const char *text = lua_tolstring(L, -1, &size);
    argv[i] = orr_arena_dup(arena, text, size);
    lua_pop(L, 1);
  }
  argv[count] = NULL;
  return argv;
}

static int l_exec(lua_State *L) {
  check_argv(L);
  lua_settop(L, 2);
  int options = lua_istable(L, 2) ? 2 : 0;
  struct orr_plugin_host *host = host_of(L);
  struct orr_child_options child = {.timeout_ms = TIMEOUT_MS, .most_output = MOST_OUTPUT};
  if (options) {
    if (lua_getfield(L, 2, "stdin") == LUA_TSTRING) child.input = lua_tolstring(L, -1, &child.input_size);
    if (lua_getfield(L, 2, "timeout") == LUA_TNUMBER) child.timeout_ms = (long long)lua_tonumber(L, -1);
    if (lua_getfield(L, 2, "directory") == LUA_TSTRING) child.directory = lua_tostring(L, -1);
  }
  struct orr_ticket ticket = orr_task_wait(L);
  struct orr_arena *arena = orr_arena_create();
  struct running *running = orr_alloc(sizeof *running);
  struct orr_err err;
  running->ticket = ticket;
  child.argv = argv_for(L, arena);
  child.environment = environment_for(L, options, arena);
  if (host->submitting) child.held = orr_hold_take(submitting_path(host, arena), &err);
  bool started = child.held >= 0 && orr_child_start(host->loop, &child, command_ended, running, &err) != NULL;
  if (child.held > 0) close(child.held);
  orr_arena_destroy(arena);
  if (started) return lua_yield(L, 0);
  free(running);
  lua_pushnil(L);
  lua_pushstring(L, err.text);
  return 2;
}

/* --- the others --- */

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
      {"exec", l_exec},           {"sleep", l_sleep},   {"now", l_now},
      {"monotonic", l_monotonic}, {"log", l_log},       {"changed", l_changed},
      {"directory", l_directory}, {"each", orr_l_each}, {NULL, NULL}};
  static const luaL_Reg file_functions[] = {{"read", l_read}, {"write", l_write}, {NULL, NULL}};
  (void)host;
  luaL_newlib(L, functions);
  luaL_newlib(L, file_functions);
  lua_setfield(L, -2, "fs");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "orrery.host");
}

void orr_plugin_host_keep(struct orr_plugin_host *host, lua_State *L) {
  const int self = 1;
  size_t room = MOST_HONOURED;
  if (lua_getfield(L, self, "honours") == LUA_TTABLE)
    orr_to_value(L, -1, host->honours->arena, host->honours, &room);
  lua_pop(L, 1);
  if (lua_getmetatable(L, self)) {
    lua_pop(L, 1);
    return; /* it has a class of its own; it keeps the host that open was given */
  }
  lua_createtable(L, 0, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "orrery.host");
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, self);
}
