/* The control worker: drives reality towards what the store says is wanted. All of its judgement is Lua
   (lua/orrery/core/control.lua); here it gets a thread and the resource workers. Its one task, `run`, never ends; if
   it fails, it is started again after a moment, and finds everything it must do in the store. Another, `settle`, runs
   at an orderly end, while the workers that serve finish what they have begun. */
#include <stdio.h>
#include <stdlib.h>

#include "app/worker.h"
#include "base/alloc.h"
#include "base/file.h"
#include "bind/resources.h"
#include "bind/stats.h"

enum { CLOSE_MS = 3000, AGAIN_MS = 1000 };

struct control {
  struct orr_plugin_loading loading;
  struct orr_timer *again;
  bool is_ready, is_drained;
};

static const char *const tables[] = {"bus",       "changes", "clock", "config",   "db",  "digest",
                                     "fetch",     "files",   "ids",   "json",     "log", "reach",
                                     "resources", "server",  "task",  "template", NULL};

static void start(struct orr_worker *worker, const char *function, orr_task_finished *finished) {
  struct orr_task *task = orr_task_create(worker->script, finished, worker);
  lua_State *L = orr_script_state(worker->script);
  lua_getfield(L, 1, function); /* of the module */
  lua_xmove(L, orr_task_state(task), 1);
  orr_task_run(task, 0);
}

static orr_task_finished ended;

static void start_again(void *data) {
  struct orr_worker *worker = data;
  struct control *control = worker->user;
  orr_timer_stop(control->again);
  control->again = NULL;
  start(worker, "run", ended);
}

static void ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_worker *worker = data;
  struct control *control = worker->user;
  (void)results;
  if (worker->failure.code != ORR_OK) return; /* it has said itself that it cannot begin */
  const char *why = outcome == ORR_TASK_DONE ? "returned" : orr_task_trace(L);
  orr_log(&worker->server->log, ORR_LOG_ERROR, "control task ended",
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", why));
  if (control->is_ready) {
    control->again = orr_timer_start(worker->loop, AGAIN_MS, 0, start_again, worker);
    return;
  }
  orr_fail(&worker->failure, ORR_INTERNAL, "the control worker could not begin: %s", why);
  orr_loop_post(worker->server->loop, &worker->ready);
}

static void drained(struct orr_worker *worker) {
  struct control *control = worker->user;
  if (!control->is_drained) orr_worker_drained(worker);
  control->is_drained = true;
}

static void settled(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct orr_worker *worker = data;
  (void)results;
  if (outcome != ORR_TASK_DONE)
    orr_log(&worker->server->log, ORR_LOG_ERROR, "control worker did not settle",
            ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", orr_task_trace(L)));
  drained(worker);
}

static void drain(struct orr_worker *worker, bool now) {
  if (now)
    drained(worker);
  else if (orr_script_state(worker->script))
    start(worker, "settle", settled);
}

static void ready(struct orr_house *house, const char *why_not) {
  struct orr_worker *worker = house->owner;
  struct control *control = worker->user;
  if (control->is_ready) return; /* a task started again says so again */
  if (why_not)
    orr_fail(&worker->failure, ORR_IO, "%s", why_not);
  else
    control->is_ready = true;
  orr_loop_post(worker->server->loop, &worker->ready);
}

static int begin(struct orr_worker *worker, struct orr_err *err) {
  struct orr_server *server = worker->server;
  struct control *control = worker->user = orr_zalloc(sizeof *control);
  char folder[4200];
  snprintf(folder, sizeof folder, "%s/resources", server->data);
  if (orr_file_folders(folder, 0700, err)) return err->code;
  control->loading = (struct orr_plugin_loading){
      .log = &server->log, .watchdog = server->watchdog, .bundled = server->paths.schedulers};
  worker->ready.deliver = orr_server_ready;
  worker->house.resources =
      orr_resources_create(worker->loop, &control->loading, server->transports, server->schedulers, folder);
  worker->house.ready = ready;
  int code = orr_script_require(worker->script, "orrery.core.control", err);
  if (code != ORR_OK) return code;
  start(worker, "run", ended);
  return ORR_OK;
}

static void end(struct orr_worker *worker) {
  struct control *control = worker->user;
  if (!control) return;
  if (worker->house.resources && !orr_resources_stop(worker->house.resources, CLOSE_MS)) worker->stuck = true;
  orr_script_close(worker->script);
  orr_timer_stop(control->again);
}

const struct orr_worker_kind orr_control_worker = {.name = "control",
                                                   .memory_limit = (size_t)512 << 20,
                                                   .slice_ms = 5000,
                                                   .tables = tables,
                                                   .begin = begin,
                                                   .drain = drain,
                                                   .end = end};
