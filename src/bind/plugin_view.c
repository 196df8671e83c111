#include "bind/plugin_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bind/plugin_exec.h"
#include "bind/value.h"
#include "script/task.h"

enum { MOST_REPORTED = 64 << 20 };

struct orr_view {
  struct orr_lua_plugin *plugin;
  struct orr_plugin_host host;
  char *account; /* NULL: the service's own */
  int self;      /* registry reference: the instance; 0: it is not open */
  bool opening;
  struct orrery_call *first, **last; /* calls that wait their turn */
  struct orrery_call *running;
  size_t room;      /* for what the running call has yet to report */
  lua_Integer turn; /* counts calls: whoever kept an old call's `report` is known by it */
  void (*opened)(void *data, int code);
  void *opened_data;
  struct orr_view *next;
};

static void run_next(struct orr_view *view);

/* Logs the failure of a task, and returns its sentence. */
static const char *log_failure(struct orr_view *view, lua_State *L, const char *verb,
                               enum orr_outcome outcome) {
  const char *sentence = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "threw what is no text";
  orr_log(view->host.orrery->log, ORR_LOG_ERROR, "plug-in failed",
          ORR_S("resource", view->host.orrery->resource),
          ORR_S("account", view->account ? view->account : ""), ORR_S("verb", verb),
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", orr_task_trace(L)));
  return sentence;
}

static int push_verb(struct orr_view *view, lua_State *L, const char *verb) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, view->plugin->verbs);
  int type = lua_getfield(L, -1, verb);
  lua_remove(L, -2);
  return type;
}

/* --- open --- */

/* Around the plug-in's open, in its task, since looking at an instance may run code of it. The services that it is given
   are kept beneath its arguments, for what it returns to be given them as well. */
static int l_opened(lua_State *L, int status, lua_KContext host) {
  (void)status;
  lua_rotate(L, 1, -1); /* services, instance, reason → instance, reason, services */
  lua_insert(L, 2);     /* → instance, services, reason */
  if (lua_istable(L, 1)) orr_plugin_host_keep((struct orr_plugin_host *)host, L);
  lua_remove(L, 2);
  return 2;
}

static int l_open(lua_State *L) { /* host, open, config */
  struct orr_plugin_host *host = lua_touserdata(L, 1);
  orr_plugin_host_push(host, L);
  lua_replace(L, 1);
  lua_pushvalue(L, 1);
  lua_callk(L, 2, 2, (lua_KContext)host, l_opened);
  return l_opened(L, LUA_OK, (lua_KContext)host);
}

/* What it was to do is not done, and was not begun. */
static void refuse_all(struct orr_view *view, const char *why) {
  while (view->first) {
    struct orrery_call *call = view->first;
    view->first = (struct orrery_call *)call->message.next;
    orr_call_finish(call, ORR_UNAVAILABLE, why);
  }
  view->last = &view->first;
}

static void open_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_view *view = data;
  struct orr_err why = {0};
  (void)results;
  view->opening = false;
  if (outcome != ORR_TASK_DONE) {
    orr_fail(&why, ORR_INVALID, "open failed: %s", log_failure(view, L, "open", outcome));
  } else if (lua_istable(L, -2)) {
    lua_pushvalue(L, -2);
    view->self = luaL_ref(L, LUA_REGISTRYINDEX);
  } else {
    const char *sentence = lua_tostring(L, -1);
    orr_fail(&why, ORR_INVALID, "%s", sentence ? sentence : "open returned neither an instance nor a reason");
  }
  if (view->opened) {
    if (why.code) view->host.orrery->failure = why;
    view->opened(view->opened_data, why.code);
  } else if (why.code) {
    refuse_all(view, why.text);
  }
  if (!why.code) run_next(view);
}

static void open(struct orr_view *view) {
  struct orr_lua_plugin *plugin = view->plugin;
  view->opening = true;
  struct orr_task *task = orr_task_create(plugin->script, open_ended, view);
  lua_State *L = orr_task_state(task);
  lua_pushcfunction(L, l_open);
  lua_pushlightuserdata(L, &view->host);
  push_verb(view, L, "open");
  orr_push_value(L, plugin->config);
  orr_task_run(task, 3);
}

static struct orr_view *create(struct orr_lua_plugin *plugin, const char *account) {
  struct orr_view *view = orr_zalloc(sizeof *view);
  *view = (struct orr_view){.plugin = plugin, .account = orr_strdup(account), .next = plugin->views};
  view->last = &view->first;
  view->host = (struct orr_plugin_host){
      .loop = plugin->loop, .orrery = plugin->host, .transport = plugin->transport, .account = view->account};
  return plugin->views = view;
}

void orr_view_open_first(struct orr_lua_plugin *plugin, struct orrery_value *honours,
                         void (*opened)(void *data, int code), void *data) {
  struct orr_view *view = create(plugin, NULL);
  view->host.honours = honours;
  view->opened = opened;
  view->opened_data = data;
  open(view);
}

/* --- verbs --- */

static int l_report(lua_State *L) {
  struct orr_view *view = lua_touserdata(L, lua_upvalueindex(1));
  lua_Integer turn = lua_tointeger(L, lua_upvalueindex(2));
  size_t i = (size_t)luaL_checkinteger(L, 1) - 1;
  luaL_checktype(L, 2, LUA_TTABLE);
  struct orrery_call *call = view->running;
  if (!call || view->turn != turn) return luaL_error(L, "this call is over");
  struct orrery_value *report = orrery_report(call, i);
  struct orr_arena *arena = report->arena;
  if (!orr_try_value(L, 2, arena, report, &view->room)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  orrery_report_send(call, i, report);
  return 0;
}

static void verb_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_view *view = data;
  struct orrery_call *call = view->running;
  (void)results;
  view->running = NULL;
  if (outcome == ORR_TASK_DONE) {
    orr_call_finish(call, ORR_OK, NULL);
  } else {
    const char *sentence = log_failure(view, L, orr_verb_name(call->verb), outcome);
    orr_call_finish(call, outcome == ORR_TASK_OVERTIME ? ORR_TIMEOUT : ORR_INTERNAL, sentence);
  }
  run_next(view);
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

static void run_next(struct orr_view *view) {
  struct orr_lua_plugin *plugin = view->plugin;
  struct orrery_call *call = view->first;
  if (!call || view->running || view->opening) return;
  if (!view->self) {
    open(view);
    return;
  }
  view->first = (struct orrery_call *)call->message.next;
  if (!view->first) view->last = &view->first;
  if (call->verb == ORR_FIND && !orr_plugin_is_quiet(&view->host)) {
    find_nothing_out(call);
    run_next(view);
    return;
  }
  view->running = call;
  view->room = MOST_REPORTED;
  view->host.submitting = call->verb == ORR_SUBMIT;
  struct orr_task *task = orr_task_create(plugin->script, verb_ended, view);
  lua_State *L = orr_task_state(task);
  push_verb(view, L, orr_verb_name(call->verb));
  lua_rawgeti(L, LUA_REGISTRYINDEX, view->self);
  orr_push_value(L, orrery_call_items(call));
  lua_pushlightuserdata(L, view);
  lua_pushinteger(L, ++view->turn);
  lua_pushcclosure(L, l_report, 2);
  orr_push_value(L, call->request);
  orr_task_run(task, 4);
}

static struct orr_view *view_for(struct orr_lua_plugin *plugin, const char *account) {
  for (struct orr_view *view = plugin->views; view; view = view->next)
    if (account ? view->account && strcmp(view->account, account) == 0 : !view->account) return view;
  return create(plugin, account);
}

/* Nothing may be done as another account than the one that is named. */
static int check(const struct orr_lua_plugin *plugin, const char *account, struct orr_err *err) {
  if (!account) return ORR_OK;
  if (!plugin->transport || !orr_transport_has_accounts(plugin->transport))
    return orr_fail(err, ORR_INVALID, "this resource does everything as one account (run_as = \"service\")");
  if (!orr_is_account(account))
    return orr_fail(err, ORR_INVALID, "%s cannot be an account's name here", account);
  return ORR_OK;
}

void orr_view_run(struct orr_lua_plugin *plugin, struct orrery_call *call) {
  const char *account = orrery_text(orrery_get(call->request, "account"), NULL, NULL);
  struct orr_err err = {0};
  if (check(plugin, account, &err)) {
    orr_call_finish(call, err.code, err.text);
    return;
  }
  struct orr_view *view = view_for(plugin, account);
  call->message.next = NULL;
  *view->last = call;
  view->last = (struct orrery_call **)&call->message.next;
  run_next(view);
}

/* --- close --- */

static void close_ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  (void)results;
  if (outcome != ORR_TASK_DONE) log_failure(data, L, "close", outcome);
}

/* The instance's own close cannot wait for anything: the loop has ended. */
static void close_self(struct orr_view *view) {
  struct orr_task *task = orr_task_create(view->plugin->script, close_ended, view);
  lua_State *L = orr_task_state(task);
  if (push_verb(view, L, "close") != LUA_TFUNCTION) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, view->self);
  orr_task_run(task, 1);
}

void orr_views_close(struct orr_lua_plugin *plugin) {
  for (struct orr_view *view = plugin->views; view; view = view->next)
    if (view->self) close_self(view);
  orr_script_close(plugin->script); /* a task under way will never go on */
  for (struct orr_view *view = plugin->views; view; view = view->next) {
    if (view->running) /* not "unavailable": it may have had its effect */
      orr_call_finish(view->running, ORR_INTERNAL, "the resource was closed while the verb ran");
    refuse_all(view, "the resource was closed");
  }
}

void orr_views_free(struct orr_lua_plugin *plugin) {
  while (plugin->views) {
    struct orr_view *view = plugin->views;
    plugin->views = view->next;
    free(view->account);
    free(view);
  }
}
