/* The server's life: set up in order, serve, take down in the opposite order. The main thread runs a loop of its
   own for signals and for the messages of the workers; everything that can be refused is refused before the first
   thread starts.

     up    data directory, lock, socket, store (migrated) │ control worker ─ready─► API and bus workers ─began─► server.json
     down  server.json away │ all workers drain │ they end, the control worker and its resources at last │ store, lock */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/worker.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "bind/stats.h"
#include "loop/lane.h"
#include "loop/stream.h"

enum { DRAIN_MS = 10000 };

struct life {
  struct orr_server server; /* first: messages find their way back by it */
  struct orr_signal *terminate, *interrupt;
  struct orr_timer *patience;
  int serving;  /* API workers */
  int draining; /* workers */
  bool ending;
  int exit_code;
  char data[PATH_MAX];
  struct orr_buf schedulers;
};

static const struct orrery_value *setting(const struct life *life, const char *path) {
  return orrery_get(life->server.config, path);
}

static void open_log(struct life *life) {
  const char *format = orrery_text(setting(life, "log.format"), NULL, "auto");
  struct orr_log *log = &life->server.log;
  log->fd = STDERR_FILENO;
  log->json = strcmp(format, "json") == 0 || (strcmp(format, "auto") == 0 && !isatty(STDERR_FILENO));
  log->level = ORR_LOG_INFO;
  orr_log_level_parse(orrery_text(setting(life, "log.level"), NULL, "info"), &log->level);
}

static void server_json_path(const struct life *life, char *out, size_t room) {
  snprintf(out, room, "%s/server.json", life->data);
}

static int write_server_json(struct life *life, struct orr_err *err) {
  struct orr_server *server = &life->server;
  struct orr_buf text = {0}, token = {0};
  char path[PATH_MAX + 16];
  orr_buf_printf(&token, "%s/admin.token", life->data);
  ORR_BUF_LIT(&text, "{\"url\":");
  orr_json_put_text(&text, server->url, strlen(server->url));
  orr_buf_printf(&text, ",\"pid\":%d,\"version\":\"%s\",\"token_file\":", (int)getpid(), ORRERY_VERSION);
  orr_json_put_text(&text, token.data, token.size);
  ORR_BUF_LIT(&text, "}\n");
  server_json_path(life, path, sizeof path);
  int code = orr_file_write(path, text.data, text.size, 0644, err);
  orr_buf_free(&text);
  orr_buf_free(&token);
  return code;
}

/* --- down --- */

static void stop_main(struct life *life) {
  orr_timer_stop(life->patience);
  life->patience = NULL;
  orr_loop_stop(life->server.loop);
}

static void drain_all(struct life *life, bool now) {
  for (int i = 0; i < life->server.api_count; i++)
    if (life->server.api[i]->serves) orr_worker_drain(life->server.api[i], now);
  if (life->server.bus_worker && life->server.bus_worker->serves)
    orr_worker_drain(life->server.bus_worker, now);
  if (life->server.control->serves) orr_worker_drain(life->server.control, now);
}

static void patience_over(void *data) {
  struct life *life = data;
  orr_log(&life->server.log, ORR_LOG_WARN, "requests did not finish in time, breaking them off");
  drain_all(life, true);
  orr_timer_again(life->patience, 1000);
  if (life->exit_code == ORR_EXIT_OK && life->draining == 0) stop_main(life);
}

/* The workers let go of the socket as well when they drain; then whoever comes is refused and need not wait. */
static void stop_listening(struct orr_server *server) {
  if (server->listen_fd >= 0) close(server->listen_fd);
  server->listen_fd = -1;
}

static void begin_end(struct life *life, int exit_code) {
  if (life->ending) return;
  char path[PATH_MAX + 16];
  life->ending = true;
  life->exit_code = exit_code;
  server_json_path(life, path, sizeof path);
  unlink(path);
  life->draining = life->serving + (life->server.bus_worker && life->server.bus_worker->serves) +
                   life->server.control->serves;
  if (life->draining == 0) {
    stop_main(life);
    return;
  }
  if (life->serving == life->server.api_count) stop_listening(&life->server);
  orr_log(&life->server.log, ORR_LOG_INFO, "draining");
  life->patience = orr_timer_start(life->server.loop, DRAIN_MS, 0, patience_over, life);
  drain_all(life, false);
}

static struct life *life_of(const struct orr_worker *worker) { return (struct life *)worker->server; }

void orr_server_drained(struct orr_message *message) {
  struct life *life = life_of((struct orr_worker *)((char *)message - offsetof(struct orr_worker, drained)));
  if (--life->draining == 0) stop_main(life);
}

static void signalled(int number, void *data) {
  struct life *life = data;
  if (life->ending) { /* asked twice: now */
    orr_log(&life->server.log, ORR_LOG_WARN, "stopped at once", ORR_I("signal", number));
    _exit(128 + number);
  }
  orr_log(&life->server.log, ORR_LOG_INFO, "stopping", ORR_I("signal", number));
  begin_end(life, ORR_EXIT_OK);
}

/* --- up --- */

static int exit_code_of(const struct orr_err *err) {
  if (err->code == ORR_BUSY) return ORR_EXIT_UNAVAILABLE;
  if (err->code == ORR_IO || err->code == ORR_NO_SPACE || err->code == ORR_NOT_FOUND) return ORR_EXIT_IO;
  return ORR_EXIT_FAILED;
}

/* In plain words, since whoever started it is there to read them. → the exit code */
static int tell_failure(const struct orr_err *err) {
  fprintf(stderr, "orrery: %s\n", err->text);
  return exit_code_of(err);
}

/* Told once, though what failed may fail again while the end is under way. */
static void start_failed(struct life *life, const struct orr_err *err) {
  if (!life->ending) begin_end(life, tell_failure(err));
}

void orr_server_began(struct orr_message *message) {
  struct orr_worker *worker = (struct orr_worker *)((char *)message - offsetof(struct orr_worker, began));
  struct life *life = life_of(worker);
  struct orr_server *server = &life->server;
  struct orr_err err;
  if (worker->failure.code != ORR_OK) {
    start_failed(life, &worker->failure);
    return;
  }
  if (worker == server->control || life->ending) return;
  worker->serves = true;
  if (worker == server->bus_worker) return;
  if (++life->serving < server->api_count) return;
  if (write_server_json(life, &err)) {
    start_failed(life, &err);
    return;
  }
  orr_log(&server->log, ORR_LOG_INFO, "serving", ORR_S("url", server->url), ORR_S("data", life->data),
          ORR_I("workers", server->api_count), ORR_I("ms", orr_wall_ms() - server->started_ms));
}

void orr_server_ready(struct orr_message *message) {
  struct orr_worker *control = (struct orr_worker *)((char *)message - offsetof(struct orr_worker, ready));
  struct life *life = life_of(control);
  struct orr_server *server = &life->server;
  struct orr_err err;
  if (control->failure.code != ORR_OK)
    start_failed(life, &control->failure);
  else
    control->serves = true;
  for (int i = 0; !life->ending && i < server->api_count; i++)
    if (orr_worker_start(server->api[i], orr_server_began, &err)) start_failed(life, &err);
  if (!life->ending && server->bus_worker && orr_worker_start(server->bus_worker, orr_server_began, &err))
    start_failed(life, &err);
}

static int use_data(struct life *life, struct orr_err *err) {
  const char *data = orrery_text(setting(life, "data"), NULL, "");
  int code = orr_file_folders(data, 0700, err);
  if (code != ORR_OK) return code;
  if (!realpath(data, life->data))
    return orr_fail(err, ORR_IO, "cannot resolve %s: %s", data, strerror(errno));
  if (access(life->data, W_OK | X_OK) != 0)
    return orr_fail(err, ORR_IO,
                    "the data directory %s cannot be written by this user; give another with --data",
                    life->data);
  life->server.data = life->data;
  life->server.lock_fd = orr_lock_take(life->data, err);
  return life->server.lock_fd < 0 ? life->server.lock_fd : ORR_OK;
}

static int open_store(struct life *life, struct orr_err *err) {
  struct orr_server *server = &life->server;
  char path[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/orrery.db", life->data);
  struct orr_store_options options = {.path = path,
                                      .migrations = server->paths.migrations,
                                      .log = &server->log,
                                      .wal_limit = (int64_t)64 << 20};
  server->store = orr_store_open(&options, err);
  return server->store ? ORR_OK : err->code;
}

static int listen_on(struct life *life, struct orr_err *err) {
  struct orr_server *server = &life->server;
  const char *host = orrery_text(setting(life, "listen.host"), NULL, "127.0.0.1");
  int code = orr_listen(host, (int)orrery_int(setting(life, "listen.port"), 0), &server->listen_fd,
                        &server->port, err);
  snprintf(server->url, sizeof server->url, strchr(host, ':') ? "http://[%s]:%d" : "http://%s:%d", host,
           server->port);
  return code;
}

static int make_workers(struct life *life, struct orr_err *err) {
  struct orr_server *server = &life->server;
  server->api_count = (int)orrery_int(setting(life, "workers"), 1);
  server->api = orr_zalloc((size_t)server->api_count * sizeof *server->api);
  server->control = orr_worker_create(server, &orr_control_worker, err);
  if (!server->control) return err->code;
  for (int i = 0; i < server->api_count; i++)
    if (!(server->api[i] = orr_worker_create(server, &orr_api_worker, err))) return err->code;
  return orr_server_make_bus(server, err);
}

static int set_up(struct life *life, struct orr_err *err) {
  struct orr_server *server = &life->server;
  int code;
  server->listen_fd = server->lock_fd = -1;
  server->started_ms = orr_wall_ms();
  signal(SIGPIPE, SIG_IGN);
  if ((code = orr_paths_find(&server->paths, err))) return code;
  const char *site = orrery_text(setting(life, "schedulers"), NULL, "");
  orr_buf_printf(&life->schedulers, "%s%s%s", site, *site ? ":" : "", server->paths.schedulers);
  server->schedulers = orr_buf_text(&life->schedulers);
  if ((code = use_data(life, err))) return code;
  if ((code = listen_on(life, err)))
    return code; /* before the store: a taken port must not migrate anything */
  if ((code = open_store(life, err))) return code;
  server->stats = orr_zalloc(sizeof *server->stats);
  server->lanes = orr_lanes_create();
  server->transports = orr_transports_create(life->data, &server->log);
  if (!(server->watchdog = orr_watchdog_start(err))) return err->code;
  if (!(server->loop = orr_loop_create(err))) return err->code;
  if ((code = make_workers(life, err))) return code;
  life->terminate = orr_signal_start(server->loop, SIGTERM, signalled, life, err);
  life->interrupt = orr_signal_start(server->loop, SIGINT, signalled, life, err);
  if (!life->terminate || !life->interrupt) return err->code;
  return orr_worker_start(server->control, orr_server_began, err);
}

/* Everything in the opposite order; parts that were never made are NULL. */
static void take_down(struct life *life) {
  struct orr_server *server = &life->server;
  for (int i = 0; i < server->api_count; i++) orr_worker_stop(server->api[i]);
  orr_worker_stop(server->bus_worker);
  orr_worker_stop(server->control);
  bool stuck = server->control && server->control->stuck;
  orr_transports_stop(server->transports);
  bool ended = orr_lanes_destroy(server->lanes); /* before the loops to which their work goes home */
  orr_store_close(server->store);
  if (stuck || !ended) { /* a thread still uses what would be freed now */
    orr_log(&server->log, ORR_LOG_WARN,
            stuck ? "a scheduler plug-in hangs and was left behind"
                  : "a file system hangs and was left behind");
    _exit(life->exit_code);
  }
  orr_signal_stop(life->terminate);
  orr_signal_stop(life->interrupt);
  orr_loop_destroy(server->loop);         /* before the workers, whose last words it may still deliver */
  orr_worker_destroy(server->bus_worker); /* first of them: what others gave to it goes home */
  for (int i = 0; i < server->api_count; i++) orr_worker_destroy(server->api[i]);
  orr_worker_destroy(server->control);
  orr_transports_destroy(server->transports);
  orr_bus_destroy(server->bus);
  orr_watchdog_stop(server->watchdog);
  free(server->api);
  free(server->stats);
  stop_listening(server);
  if (server->lock_fd >= 0) close(server->lock_fd);
  orr_paths_free(&server->paths);
  orr_buf_free(&life->schedulers);
}

int orr_serve(const struct orrery_value *config) {
  struct life life = {.server = {.config = config}, .exit_code = ORR_EXIT_OK};
  struct orr_err err = {0};
  open_log(&life);
  orr_descriptors_raise(config, &life.server.log);
  if (set_up(&life, &err) == ORR_OK)
    orr_loop_run(life.server.loop);
  else
    life.exit_code = tell_failure(&err);
  take_down(&life);
  if (life.exit_code == ORR_EXIT_OK) orr_log(&life.server.log, ORR_LOG_INFO, "stopped");
  return life.exit_code;
}
