#include "app/worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "bind/resources.h"

enum { PATIENCE_S = 2 }; /* with a worker that may be blocked, when it is to end */

struct orr_worker *orr_worker_create(struct orr_server *server, const struct orr_worker_kind *kind,
                                     struct orr_err *err) {
  struct orr_loop *loop = orr_loop_create(err);
  if (!loop) return NULL;
  struct orr_worker *worker = orr_zalloc(sizeof *worker);
  worker->kind = kind;
  worker->server = server;
  worker->loop = loop;
  worker->changes = orr_changes_create(loop);
  orr_store_subscribe(server->store, orr_changes_announce, worker->changes);
  return worker;
}

static int begin(struct orr_worker *worker) {
  struct orr_server *server = worker->server;
  const struct orr_worker_kind *kind = worker->kind;
  struct orr_err *err = &worker->failure;
  worker->reader = orr_reader_open(server->store, err);
  if (!worker->reader || orr_reader_follow(worker->reader, worker->loop, err)) return err->code;
  worker->house = (struct orr_house){.name = kind->name,
                                     .loop = worker->loop,
                                     .store = server->store,
                                     .reader = worker->reader,
                                     .ids = &server->ids,
                                     .log = &server->log,
                                     .config = server->config,
                                     .changes = worker->changes,
                                     .lanes = server->lanes,
                                     .transports = server->transports,
                                     .bus = server->bus,
                                     .plugin_folders = server->schedulers,
                                     .stats = server->stats,
                                     .data = server->data,
                                     .started_ms = server->started_ms,
                                     .owner = worker};
  struct orr_script_options options = {.name = kind->name,
                                       .lua_path = server->paths.lua,
                                       .memory_limit = kind->memory_limit,
                                       .slice_ms = kind->slice_ms,
                                       .watchdog = server->watchdog,
                                       .log = &server->log,
                                       .user = &worker->house};
  worker->script = orr_script_create(&options, err);
  if (!worker->script) return err->code;
  orr_bind_provide(worker->script, kind->tables);
  return kind->begin(worker, err);
}

static void *work(void *data) {
  struct orr_worker *worker = data;
  pthread_setname_np(pthread_self(), worker->kind->name);
  int code = begin(worker);
  if (code != ORR_OK)
    worker->failure.code = (enum orr_code)code; /* the control task may have failed already */
  orr_loop_post(worker->server->loop, &worker->began);
  if (code == ORR_OK) orr_loop_run(worker->loop);
  if (worker->script) worker->kind->end(worker);
  if (worker->script) orr_script_close(worker->script);
  orr_reader_close(worker->reader);
  return NULL;
}

int orr_worker_start(struct orr_worker *worker, void (*began)(struct orr_message *message),
                     struct orr_err *err) {
  worker->began.deliver = began;
  int code = pthread_create(&worker->thread, NULL, work, worker);
  if (code == 0) return ORR_OK;
  worker->thread = 0;
  return orr_fail(err, ORR_IO, "cannot start a thread: %s", strerror(code));
}

struct draining {
  struct orr_message message;
  struct orr_worker *worker;
  bool now;
};

static void drain(struct orr_message *message) {
  struct draining *draining = (struct draining *)message;
  draining->worker->kind->drain(draining->worker, draining->now);
  free(draining);
}

void orr_worker_drain(struct orr_worker *worker, bool now) {
  struct draining *draining = orr_alloc(sizeof *draining);
  *draining = (struct draining){{.deliver = drain}, worker, now};
  orr_loop_post(worker->loop, &draining->message);
}

void orr_worker_drained(struct orr_worker *worker) {
  worker->drained.deliver = orr_server_drained;
  orr_loop_post(worker->server->loop, &worker->drained);
}

void orr_worker_stop(struct orr_worker *worker) {
  if (!worker || !worker->thread) return;
  struct timespec patience;
  orr_loop_stop(worker->loop);
  clock_gettime(CLOCK_REALTIME, &patience);
  patience.tv_sec += PATIENCE_S;
  if (!worker->kind->unblock || pthread_timedjoin_np(worker->thread, NULL, &patience) != 0) {
    if (worker->kind->unblock) worker->kind->unblock(worker);
    pthread_join(worker->thread, NULL);
  }
  worker->thread = 0;
}

void orr_worker_destroy(struct orr_worker *worker) {
  if (!worker) return;
  orr_loop_destroy(worker->loop);
  orr_resources_destroy(worker->house.resources);
  orr_changes_destroy(worker->changes);
  orr_script_destroy(worker->script);
  free(worker->user);
  free(worker);
}
