/* Plug-ins in Lua. The file runs in the sandbox of a state of its own and returns a table of verbs; each call
   of a verb is a task, VERB(self, items, report, more), so that it may wait for a command to end. Calls are
   made one at a time: a queue holds the others back. A Lua error becomes the call's failure, and costs the
   server a line in the log. */
#include "bind/plugin.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bind/plugin_host.h"
#include "bind/plugin_require.h"
#include "bind/value.h"

enum { MEMORY_LIMIT = 256 << 20, MOST_REPORTED = 64 << 20, SLICE_MS = 5000, ABI_MINOR = 0 };

struct lua_plugin {
  struct orr_plugin plugin; /* first: the one is the other */
  struct orr_script *script;
  struct orr_plugin_host host;
  int verbs, self;                   /* registry references: the table of verbs, the instance */
  struct orrery_call *first, **last; /* calls that wait their turn */
  struct orrery_call *running;
  size_t room;      /* for what the running call has yet to report */
  lua_Integer turn; /* counts calls: whoever kept an old call's `report` is known by it */
  void (*opened)(void *data, int code);
  void *opened_data;
};

static void run_next(struct lua_plugin *plugin);

/* Logs the failure of a task, and returns its sentence. */
static const char *log_failure(struct lua_plugin *plugin, lua_State *L, const char *verb,
                               enum orr_outcome outcome) {
  const char *sentence = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "threw what is no text";
  orr_log(plugin->host.orrery->log, ORR_LOG_ERROR, "plug-in failed",
          ORR_S("resource", plugin->host.orrery->resource), ORR_S("verb", verb),
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", orr_task_trace(L)));
  return sentence;
}

static int push_verb(struct lua_plugin *plugin, lua_State *L, const char *verb) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->verbs);
  int type = lua_getfield(L, -1, verb);
  lua_remove(L, -2);
  return type;
}

/* --- open --- */

/* Around the plug-in's open, in its task, since looking at an instance may run code of it. */
static int l_opened(lua_State *L, int status, lua_KContext host) {
  (void)status;
  if (lua_istable(L, 1)) orr_plugin_host_keep((struct orr_plugin_host *)host, L);
  return 2;
}

static int l_open(lua_State *L) {
  lua_KContext host = (lua_KContext)orr_script_user(L);
  lua_callk(L, 2, 2, host, l_opened);
  return l_opened(L, LUA_OK, host);
}

static void open_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct lua_plugin *plugin = data;
  struct orrery_host *host = plugin->host.orrery;
  int code = ORR_OK;
  (void)results;
  if (outcome != ORR_TASK_DONE) {
    code = orr_fail(&host->failure, ORR_INVALID, "open failed: %s", log_failure(plugin, L, "open", outcome));
  } else if (lua_istable(L, -2)) {
    lua_pushvalue(L, -2);
    plugin->self = luaL_ref(L, LUA_REGISTRYINDEX);
  } else {
    const char *why = lua_tostring(L, -1);
    code = orr_fail(&host->failure, ORR_INVALID, "%s",
                    why ? why : "open returned neither an instance nor a reason");
  }
  plugin->opened(plugin->opened_data, code);
}

static void lua_open(struct orr_plugin *base, struct orrery_host *host, const struct orrery_value *config,
                     struct orrery_value *honours, void (*opened)(void *data, int code), void *data) {
  struct lua_plugin *plugin = (struct lua_plugin *)base;
  plugin->host.orrery = host;
  plugin->host.honours = honours;
  plugin->opened = opened;
  plugin->opened_data = data;
  struct orr_task *task = orr_task_create(plugin->script, open_ended, plugin);
  lua_State *L = orr_task_state(task);
  lua_pushcfunction(L, l_open);
  push_verb(plugin, L, "open");
  orr_push_value(L, config);
  orr_plugin_host_push(&plugin->host, L);
  orr_task_run(task, 3);
}

/* --- verbs --- */

static int l_report(lua_State *L) {
  struct lua_plugin *plugin = lua_touserdata(L, lua_upvalueindex(1));
  lua_Integer turn = lua_tointeger(L, lua_upvalueindex(2));
  size_t i = (size_t)luaL_checkinteger(L, 1) - 1;
  luaL_checktype(L, 2, LUA_TTABLE);
  struct orrery_call *call = plugin->running;
  if (!call || plugin->turn != turn) return luaL_error(L, "this call is over");
  struct orrery_value *report = orrery_report(call, i);
  struct orr_arena *arena = report->arena;
  if (!orr_try_value(L, 2, arena, report, &plugin->room)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  orrery_report_send(call, i, report);
  return 0;
}

static void verb_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct lua_plugin *plugin = data;
  struct orrery_call *call = plugin->running;
  (void)results;
  plugin->running = NULL;
  if (outcome == ORR_TASK_DONE) {
    orr_call_finish(call, ORR_OK, NULL);
  } else {
    const char *sentence = log_failure(plugin, L, orr_verb_name(call->verb), outcome);
    orr_call_finish(call, outcome == ORR_TASK_OVERTIME ? ORR_TIMEOUT : ORR_INTERNAL, sentence);
  }
  run_next(plugin);
}

/* "Absent" would be no answer yet. */
static void find_nothing_out(struct orrery_call *call) {
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) {
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "answer", "unknown");
    orrery_report_send(call, i, report);
  }
  orr_call_finish(call, ORR_OK, NULL);
}

static void run_next(struct lua_plugin *plugin) {
  struct orrery_call *call = plugin->first;
  if (!call || plugin->running) return;
  plugin->first = (struct orrery_call *)call->message.next;
  if (!plugin->first) plugin->last = &plugin->first;
  if (call->verb == ORR_FIND && !orr_plugin_host_quiet(&plugin->host)) {
    find_nothing_out(call);
    run_next(plugin);
    return;
  }
  plugin->running = call;
  plugin->room = MOST_REPORTED;
  plugin->host.submitting = call->verb == ORR_SUBMIT;
  struct orr_task *task = orr_task_create(plugin->script, verb_ended, plugin);
  lua_State *L = orr_task_state(task);
  push_verb(plugin, L, orr_verb_name(call->verb));
  lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->self);
  orr_push_value(L, orrery_call_items(call));
  lua_pushlightuserdata(L, plugin);
  lua_pushinteger(L, ++plugin->turn);
  lua_pushcclosure(L, l_report, 2);
  orr_push_value(L, call->request);
  orr_task_run(task, 4);
}

static void lua_run(struct orr_plugin *base, struct orrery_call *call) {
  struct lua_plugin *plugin = (struct lua_plugin *)base;
  call->message.next = NULL;
  *plugin->last = call;
  plugin->last = (struct orrery_call **)&call->message.next;
  run_next(plugin);
}

/* --- close --- */

static void close_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  (void)results;
  if (outcome != ORR_TASK_DONE) log_failure(data, L, "close", outcome);
}

/* The instance's own close cannot wait for anything: the loop has ended. */
static void close_self(struct lua_plugin *plugin) {
  struct orr_task *task = orr_task_create(plugin->script, close_ended, plugin);
  lua_State *L = orr_task_state(task);
  if (push_verb(plugin, L, "close") != LUA_TFUNCTION) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, plugin->self);
  orr_task_run(task, 1);
}

static void lua_close_instance(struct orr_plugin *base) {
  struct lua_plugin *plugin = (struct lua_plugin *)base;
  if (plugin->self) close_self(plugin);
  orr_script_close(plugin->script); /* a task under way will never go on */
  if (plugin->running)              /* not "unavailable": it may have had its effect */
    orr_call_finish(plugin->running, ORR_INTERNAL, "the resource was closed while the verb ran");
  while (plugin->first) {
    struct orrery_call *call = plugin->first;
    plugin->first = (struct orrery_call *)call->message.next;
    orr_call_finish(call, ORR_UNAVAILABLE, "the resource was closed");
  }
}

static void lua_destroy(struct orr_plugin *base) {
  struct lua_plugin *plugin = (struct lua_plugin *)base;
  orr_script_destroy(plugin->script);
  free(plugin->plugin.name);
  free(plugin->plugin.version);
  free(plugin->plugin.path);
  free(plugin);
}

/* --- loading --- */

static char *field_text(lua_State *L, const char *field, const char *otherwise) {
  lua_getfield(L, -1, field);
  char *text = orr_strdup(lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : otherwise);
  lua_pop(L, 1);
  return text;
}

/* What the house will ever look at, in a plain table: the plug-in's own may run code when it is looked at. */
static int l_collect(lua_State *L) {
  static const char *const others[] = {"version", "open", "close"};
  lua_newtable(L);
  for (size_t i = 0; i < ORR_VERBS + sizeof others / sizeof *others; i++) {
    const char *name = i < ORR_VERBS ? orr_verb_name((enum orr_verb)i) : others[i - ORR_VERBS];
    lua_getfield(L, 1, name);
    lua_setfield(L, 2, name);
  }
  return 1;
}

static int collect_verbs(struct lua_plugin *plugin, lua_State *L, struct orr_err *err) {
  if (!lua_istable(L, -1))
    return orr_fail(err, ORR_INVALID, "%s returns no table of verbs", plugin->plugin.path);
  lua_pushcfunction(L, l_collect);
  lua_insert(L, -2);
  int code = orr_script_call(plugin->script, 1, 1, err);
  if (code != ORR_OK) return code;
  if (lua_getfield(L, -1, "open") != LUA_TFUNCTION)
    return orr_fail(err, ORR_INVALID, "%s lacks the required verb open", plugin->plugin.path);
  lua_pop(L, 1);
  for (int verb = 0; verb < ORR_VERBS; verb++) {
    const char *name = orr_verb_name((enum orr_verb)verb);
    if (lua_getfield(L, -1, name) == LUA_TFUNCTION)
      plugin->plugin.verbs |= 1u << verb;
    else if (orr_verb_required((enum orr_verb)verb))
      return orr_fail(err, ORR_INVALID, "%s lacks the required verb %s", plugin->plugin.path, name);
    lua_pop(L, 1);
  }
  return ORR_OK;
}

static char *name_of(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  return orr_strndup(name, dot ? (size_t)(dot - name) : strlen(name));
}

static struct orr_plugin *load(const char *path, struct orr_loop *loop, const char *resource,
                               const struct orr_plugin_loading *loading, struct orr_err *err) {
  static const struct orr_plugin_ops ops = {lua_open, lua_run, lua_close_instance, lua_destroy};
  struct lua_plugin *plugin = orr_zalloc(sizeof *plugin);
  plugin->plugin = (struct orr_plugin){.ops = &ops,
                                       .language = "Lua",
                                       .name = name_of(path),
                                       .path = orr_strdup(path),
                                       .abi_major = ORRERY_ABI_MAJOR,
                                       .abi_minor = ABI_MINOR};
  plugin->last = &plugin->first;
  plugin->host.loop = loop;
  struct orr_script_options options = {.name = resource,
                                       .memory_limit = MEMORY_LIMIT,
                                       .slice_ms = SLICE_MS,
                                       .watchdog = loading->watchdog,
                                       .log = loading->log,
                                       .user = &plugin->host};
  plugin->script = orr_script_create(&options, err);
  if (plugin->script) orr_plugin_require_from(plugin->script, path, loading->bundled);
  if (plugin->script && orr_script_load_sandboxed(plugin->script, path, err) == ORR_OK) {
    lua_State *L = orr_script_state(plugin->script);
    if (collect_verbs(plugin, L, err) == ORR_OK) {
      plugin->plugin.version = field_text(L, "version", "0");
      plugin->verbs = luaL_ref(L, LUA_REGISTRYINDEX);
      return &plugin->plugin;
    }
  }
  lua_destroy(&plugin->plugin);
  return NULL;
}

struct orr_plugin *orr_plugin_load_any(const char *path, struct orr_loop *loop, const char *resource,
                                       void *data, struct orr_err *err) {
  const struct orr_plugin_loading *loading = data;
  const char *ending = strrchr(path, '.');
  if (ending && strcmp(ending, ".so") == 0) return orr_cmodule_load(loading->modules, path, err);
  return load(path, loop, resource, data, err);
}
