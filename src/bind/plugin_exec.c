/* exec(argv, {stdin, timeout, environment, directory})
     waits → {exit_code, signal, stdout, stderr, timed_out, cut} | nil, sentence: it was not begun
   Here and as ourselves a command is a child; elsewhere, or as somebody else, it is an errand of the resource's transport.
   That of which nobody knows how it ended, since its connection broke, looks like one that a hangup has killed.

   Commands get PATH and the schedulers' own variables from the server's environment, if they run on its machine, and
   nothing else of it; then what the resource's configuration says, then what the plug-in says. Commands of the verb submit
   hold a file, so that it can be told whether any of them is left (base/hold.h). */
#include "bind/plugin_exec.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/hold.h"
#include "loop/child.h"
#include "script/task.h"
#include "transport/errand.h"

enum { MOST_OUTPUT = 64 << 20, TIMEOUT_MS = 30000 };

/* --- what a command is given --- */

static const char *const passed_on[] = {"PATH=", "LD_LIBRARY_PATH=", "SLURM_", "SGE_",
                                        "PBS_",  "LOADL_",           "LANG=",  NULL};

static bool is_passed_on(const char *variable) {
  for (const char *const *prefix = passed_on; *prefix; prefix++)
    if (strncmp(variable, *prefix, strlen(*prefix)) == 0) return true;
  return false;
}

struct variables {
  char **list;
  size_t count;
};

/* Of two of one name some programs take the first, and some the last: there is to be one. */
static void add_variable(struct variables *all, char *variable) {
  size_t name = strcspn(variable, "=") + 1;
  for (size_t i = 0; i < all->count; i++)
    if (strncmp(all->list[i], variable, name) == 0) return;
  all->list[all->count++] = variable;
}

static size_t count_of(char *const *list) {
  size_t count = 0;
  while (list && list[count]) count++;
  return count;
}

/* The plug-in's own, from the table at `options`, unless that is 0. */
static char **environment_for(lua_State *L, const struct orr_plugin_host *host, int options,
                              struct orr_arena *arena) {
  bool is_far = host->transport && orr_transport_is_far(host->transport);
  bool has_own = options && lua_getfield(L, options, "environment") == LUA_TTABLE;
  char *const *configured = host->transport ? orr_transport_environment(host->transport) : NULL;
  size_t room = count_of(environ) + count_of(configured) + 1;
  if (has_own)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) room++;
  struct variables all = {orr_arena_alloc(arena, room * sizeof(char *)), 0};
  if (has_own)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
      if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1))
        add_variable(&all, orr_arena_printf(arena, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1)));
  for (char *const *variable = configured; variable && *variable; variable++) add_variable(&all, *variable);
  for (char **variable = environ; !is_far && *variable; variable++)
    if (is_passed_on(*variable)) add_variable(&all, *variable);
  all.list[all.count] = NULL;
  return all.list;
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

/* --- whether one is left --- */

/* The file that commands of submit hold. A server that is killed leaves them behind, and as long as one of them lives
   it may yet submit: nobody may say then that the scheduler does not have the job. */
static char *submitting_path(const struct orr_plugin_host *host, struct orr_arena *arena) {
  return orr_arena_printf(arena, "%s/submitting%s%s", host->orrery->state_directory, host->account ? "." : "",
                          host->account ? host->account : "");
}

bool orr_plugin_is_quiet(const struct orr_plugin_host *host) {
  struct orr_arena *arena = orr_arena_create();
  bool quiet = orr_hold_free(submitting_path(host, arena));
  orr_arena_destroy(arena);
  if (!quiet)
    orr_log(host->orrery->log, ORR_LOG_WARN, "killed commands that an earlier submission left behind",
            ORR_S("resource", host->orrery->resource));
  return quiet;
}

/* --- how it runs --- */

struct running {
  struct orr_ticket ticket;
  int64_t begun_ms, timeout_ms;
};

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static void set_truth(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

static void set_bytes(lua_State *L, const char *name, const struct orr_buf *bytes) {
  lua_pushlstring(L, bytes->size ? bytes->data : "", bytes->size);
  lua_setfield(L, -2, name);
}

static void go_on(struct orr_ticket ticket, const struct orr_child_result *result) {
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_createtable(L, 0, 6);
  set_integer(L, "exit_code", result->exit_code);
  set_integer(L, "signal", result->signal);
  set_bytes(L, "stdout", &result->out);
  set_bytes(L, "stderr", &result->err);
  set_truth(L, "timed_out", result->timed_out);
  set_truth(L, "cut", result->cut);
  orr_ticket_resume(ticket, 1);
}

static void command_ended(void *data, struct orr_child_result *result) {
  struct running *running = data;
  struct orr_ticket ticket = running->ticket;
  free(running);
  go_on(ticket, result);
}

static void go_on_without(struct orr_ticket ticket, const struct orr_err *err) {
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  lua_pushnil(L);
  lua_pushstring(L, err->text);
  orr_ticket_resume(ticket, 2);
}

static void errand_ended(void *data, struct orr_errand_result *result) {
  struct running it = *(struct running *)data;
  free(data);
  if (result->err.code) {
    go_on_without(it.ticket, &result->err);
    return;
  }
  bool stopped =
      (result->exit_code == 124 || result->exit_code == 137) && orr_clock_ms() - it.begun_ms >= it.timeout_ms;
  struct orr_child_result child = {.exit_code = result->exit_code,
                                   .timed_out = result->timed_out || stopped,
                                   .cut = result->cut,
                                   .out = result->out,
                                   .err = result->errors};
  static const char broken[] = "the connection broke while the command ran";
  if (result->exit_code == -1) {
    child.signal = SIGHUP;
    if (!child.err.size) child.err = (struct orr_buf){(char *)broken, sizeof broken - 1, sizeof broken};
  }
  go_on(it.ticket, &child);
}

static int start_here(struct orr_plugin_host *host, const struct orr_child_options *child,
                      struct running *running, struct orr_err *err) {
  return orr_child_start(host->loop, child, command_ended, running, err) ? ORR_OK : err->code;
}

static int start_there(struct orr_plugin_host *host, const struct orr_child_options *child,
                       struct running *running, struct orr_err *err) {
  if (child->input_size && memchr(child->input, 0, child->input_size))
    return orr_fail(err, ORR_INVALID, "%s: what it is to read has a NUL in it, which is not sent",
                    child->argv[0]);
  struct orr_errand_command command = {.argv = child->argv,
                                       .environment = child->environment,
                                       .directory = child->directory ? child->directory : "/",
                                       .input = child->input,
                                       .input_size = child->input_size,
                                       .timeout_ms = child->timeout_ms};
  struct orr_buf script = {0};
  orr_errand_command_put(&script, &command);
  struct orr_errand_options options = {.transport = host->transport,
                                       .account = host->account,
                                       .script = script.data,
                                       .script_size = script.size,
                                       .held = child->held,
                                       .timeout_ms = child->timeout_ms,
                                       .most_output = child->most_output};
  orr_errand_start(host->loop, &options, errand_ended, running);
  orr_buf_free(&script);
  return ORR_OK;
}

static int start(struct orr_plugin_host *host, struct orr_child_options *child, struct running *running,
                 struct orr_arena *arena, struct orr_err *err) {
  bool is_here = !host->transport || orr_transport_is_here(host->transport, host->account);
  if (host->submitting) child->held = orr_hold_take(submitting_path(host, arena), err);
  if (child->held < 0) return err->code;
  int code = (is_here ? start_here : start_there)(host, child, running, err);
  if (child->held && (is_here || code != ORR_OK)) close(child->held); /* else it is the errand's */
  return code;
}

int orr_l_exec(lua_State *L) {
  check_argv(L);
  lua_settop(L, 2);
  int options = lua_istable(L, 2) ? 2 : 0;
  struct orr_plugin_host *host = orr_plugin_host_of(L);
  struct orr_child_options child = {.timeout_ms = TIMEOUT_MS, .most_output = MOST_OUTPUT};
  if (options) {
    if (lua_getfield(L, 2, "stdin") == LUA_TSTRING) child.input = lua_tolstring(L, -1, &child.input_size);
    if (lua_getfield(L, 2, "timeout") == LUA_TNUMBER) child.timeout_ms = (long long)lua_tonumber(L, -1);
    if (lua_getfield(L, 2, "directory") == LUA_TSTRING) child.directory = lua_tostring(L, -1);
  }
  struct orr_ticket ticket = orr_task_wait(L); /* which raises where nobody can wait */
  struct orr_arena *arena = orr_arena_create();
  struct running *running = orr_alloc(sizeof *running);
  *running = (struct running){ticket, orr_clock_ms(), child.timeout_ms};
  struct orr_err err;
  child.argv = argv_for(L, arena);
  child.environment = environment_for(L, host, options, arena);
  int code = start(host, &child, running, arena, &err);
  orr_arena_destroy(arena);
  if (code == ORR_OK) return lua_yield(L, 0);
  free(running);
  lua_pushnil(L);
  lua_pushstring(L, err.text);
  return 2;
}
