/* A Lua state: one per thread that runs Lua, with a memory budget and a place to find modules. Only its own
   thread touches it. Coroutines run in it as tasks (task.h), never by lua_pcall on the main thread but at
   start-up. */
#pragma once
#include "base/err.h"
#include "base/log.h"
#include "script/lua.h"

struct orr_script;
struct orr_watchdog;

struct orr_script_options {
  const char *name;              /* for the log: "api", "control", the resource's name */
  const char *lua_path;          /* a folder: `require "orrery.x"` finds FOLDER/orrery/x.lua */
  size_t memory_limit;           /* bytes; beyond it the running task fails, the state lives on */
  int64_t slice_ms;              /* how long a task may run without waiting */
  struct orr_watchdog *watchdog; /* NULL: nothing interrupts this state's code (a command-line program) */
  const struct orr_log *log;
  void *user; /* what the bindings of this state reach; see orr_script_user */
};

struct orr_script *orr_script_create(const struct orr_script_options *options, struct orr_err *err);
/* On the script's own thread: ends the Lua state; tasks that wait will never go on, and their tickets are
   stale. */
void orr_script_close(struct orr_script *script);
/* Any thread, when no ticket can come back any more. NULL is legal. */
void orr_script_destroy(struct orr_script *script);

lua_State *orr_script_state(struct orr_script *script); /* the main thread, for set-up */
struct orr_script *orr_script_of(lua_State *L);
void *orr_script_user(lua_State *L);
const struct orr_log *orr_script_log(const struct orr_script *script);
size_t orr_script_memory(const struct orr_script *script); /* bytes in use */

/* Makes `require "house.NAME"` give the table that `open` pushes. */
void orr_script_provide(struct orr_script *script, const char *name, lua_CFunction open);
/* `require`s a module at start-up and leaves its value on the main thread's stack. */
int orr_script_require(struct orr_script *script, const char *module, struct orr_err *err);
/* Runs a function with its `arguments` on the main thread's stack, at start-up, where nothing may wait.
 */
int orr_script_call(struct orr_script *script, int arguments, int results, struct orr_err *err);
/* Loads a Lua file with an environment of its own, in which only what cannot reach the machine is visible
   (sandbox.c); leaves the value it returns on the stack. */
int orr_script_load_sandboxed(struct orr_script *script, const char *path, struct orr_err *err);
/* Pushes the chunk of such a file, or the sentence that says why it cannot be read, as luaL_loadfile does. */
int orr_push_sandboxed(lua_State *L, const char *path);
/* Whatever is loaded so from now on sees this function as well. */
void orr_script_offer(struct orr_script *script, const char *name, lua_CFunction function);
