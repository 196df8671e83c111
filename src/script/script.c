#include "script/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "script/private.h"
#include "script/watchdog.h"

/* The allocator counts, and says no beyond the limit; Lua then collects, tries again, and fails the running
   task. Outside of a slice nobody could catch that, and the process would end: there the limit may be passed,
   and the next task to ask for memory fails. */
static void *allocate(void *user, void *old, size_t old_size, size_t size) {
  struct orr_script *script = user;
  if (!old) old_size = 0; /* Lua passes a type tag there */
  if (size == 0) {
    free(old);
    script->used -= old_size;
    return NULL;
  }
  bool limited = script->limit && script->current;
  if (size > old_size && limited && script->used + (size - old_size) > script->limit) return NULL;
  void *memory = realloc(old, size);
  if (memory) script->used += size - old_size;
  return memory;
}

static int l_panic(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  orr_log(orr_script_of(L)->log, ORR_LOG_ERROR, "lua error outside a task",
          ORR_S("error", text ? text : "?"));
  return 0; /* Lua aborts */
}

static void set_path(lua_State *L, const char *folder) {
  lua_getglobal(L, "package");
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", folder, folder);
  lua_setfield(L, -2, "path");
  lua_pushliteral(L, ""); /* no modules in C, least of all from the current directory */
  lua_setfield(L, -2, "cpath");
  lua_pop(L, 1);
}

struct orr_script *orr_script_create(const struct orr_script_options *options, struct orr_err *err) {
  struct orr_script *script = orr_zalloc(sizeof *script);
  script->name = options->name;
  script->limit = options->memory_limit;
  script->log = options->log;
  script->user = options->user;
  script->slice_ns = options->slice_ms * 1000000;
  script->L = lua_newstate(allocate, script);
  if (!script->L) {
    free(script);
    orr_fail(err, ORR_NO_MEMORY, "no memory for a Lua state");
    return NULL;
  }
  *(struct orr_script **)lua_getextraspace(script->L) = script;
  lua_atpanic(script->L, l_panic);
  luaL_openlibs(script->L);
  if (options->lua_path) set_path(script->L, options->lua_path);
  script->watchdog = options->watchdog;
  orr_watchdog_add(script->watchdog, script);
  return script;
}

void orr_script_close(struct orr_script *script) {
  if (!script->L) return;
  orr_watchdog_remove(script->watchdog, script);
  orr_task_forget_all(script);
  lua_close(script->L);
  script->L = NULL;
}

void orr_script_destroy(struct orr_script *script) {
  if (!script) return;
  orr_script_close(script);
  orr_task_destroy_all(script);
  free(script);
}

lua_State *orr_script_state(struct orr_script *script) { return script->L; }
struct orr_script *orr_script_of(lua_State *L) {
  return *(struct orr_script **)lua_getextraspace(L);
}
void *orr_script_user(lua_State *L) { return orr_script_of(L)->user; }
const struct orr_log *orr_script_log(const struct orr_script *script) { return script->log; }
size_t orr_script_memory(const struct orr_script *script) { return script->used; }

void orr_script_provide(struct orr_script *script, const char *name, lua_CFunction open) {
  lua_getfield(script->L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushfstring(script->L, "house.%s", name);
  lua_pushcfunction(script->L, open);
  lua_settable(script->L, -3);
  lua_pop(script->L, 1);
}

static int l_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

int orr_script_call(struct orr_script *script, int arguments, int results, struct orr_err *err) {
  lua_State *L = script->L;
  int function = lua_gettop(L) - arguments;
  lua_pushcfunction(L, l_traceback);
  lua_insert(L, function);
  lua_State *outer = orr_slice_begin(script, L);
  int status = lua_pcall(L, arguments, results, function);
  orr_slice_end(script, outer);
  if (script->overtime) lua_sethook(L, NULL, 0, 0);
  lua_remove(L, function);
  if (status == LUA_OK) return ORR_OK;
  enum orr_code code = script->overtime ? ORR_TIMEOUT : status == LUA_ERRMEM ? ORR_NO_MEMORY : ORR_INVALID;
  orr_fail(err, code, "%s", lua_tostring(L, -1));
  lua_pop(L, 1);
  return code;
}

int orr_script_require(struct orr_script *script, const char *module, struct orr_err *err) {
  lua_getglobal(script->L, "require");
  lua_pushstring(script->L, module);
  return orr_script_call(script, 1, 1, err);
}
