/* The bus worker: where the message bus runs, and where calls of our own methods are carried out. It has a thread of its own,
   since librabbitmq blocks, and a Lua state of its own, so that a call takes no way to another thread and back. There is
   one only where the configuration names a broker. */
#include "app/calls.h"
#include "app/worker.h"
#include "base/alloc.h"
#include "base/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the bus, as the configuration describes it --- */

static const char *setting(const struct orr_server *server, const char *path) {
  return orrery_text(orrery_get(server->config, path), NULL, NULL);
}

static int64_t number(const struct orr_server *server, const char *path, int64_t otherwise) {
  return orrery_int(orrery_get(server->config, path), otherwise);
}

enum { LONGEST_PASSWORD = 4096 };

/* A file's first line. */
static int read_password(const char *path, struct orr_buf *line, struct orr_err *err) {
  struct orr_err why;
  int code = orr_file_read(path, LONGEST_PASSWORD, line, &why);
  if (code != ORR_OK) return orr_fail(err, code, "bus.password_file: %s", why.text);
  line->data[strcspn(orr_buf_text(line), "\r\n")] = 0;
  return ORR_OK;
}

/* The library would only say that something is wrong with TLS. */
static int check_files(const struct orr_server *server, struct orr_err *err) {
  static const char *const names[] = {"bus.ca_file", "bus.cert_file", "bus.key_file"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *path = setting(server, names[i]);
    if (path && access(path, R_OK) != 0)
      return orr_fail(err, ORR_INVALID, "%s: cannot read %s: %s", names[i], path, strerror(errno));
  }
  return ORR_OK;
}

static struct orr_bus *make_bus(const struct orr_server *server, struct orr_loop *loop, struct orr_err *err) {
  struct orr_buf password = {0};
  const char *file = setting(server, "bus.password_file");
  if (check_files(server, err) || (file && read_password(file, &password, err))) return NULL;
  struct orr_bus_options options = {
      .url = setting(server, "bus.url"),
      .password = file ? password.data : NULL,
      .ca = setting(server, "bus.ca_file"),
      .cert = setting(server, "bus.cert_file"),
      .key = setting(server, "bus.key_file"),
      .unverified = !orrery_bool(orrery_get(server->config, "bus.verify"), true),
      .prefix = orrery_text(orrery_get(server->config, "bus.prefix"), NULL, "orrery"),
      .heartbeat_s = (int)number(server, "bus.heartbeat_s", 10),
      .window = (int)number(server, "bus.window", 1024),
      .body_bytes = (size_t)number(server, "http.body_bytes", 16777216),
      .log = &server->log,
      .loop = loop};
  struct orr_bus *bus = orr_bus_create(&options, err);
  orr_buf_free(&password);
  return bus;
}

int orr_server_make_bus(struct orr_server *server, struct orr_err *err) {
  bool has_broker = setting(server, "bus.url") != NULL;
  if (has_broker && !(server->bus_worker = orr_worker_create(server, &orr_bus_worker, err))) return err->code;
  server->bus = make_bus(server, has_broker ? server->bus_worker->loop : NULL, err);
  return server->bus ? ORR_OK : err->code;
}

/* --- the worker --- */

static int begin(struct orr_worker *worker, struct orr_err *err) {
  struct orr_calls *calls = worker->user = orr_zalloc(sizeof *calls);
  lua_State *L = orr_script_state(worker->script);
  int code = orr_script_require(worker->script, "orrery.api", err);
  if (code != ORR_OK) return code;
  lua_getfield(L, 1, "call");
  orr_calls_begin(calls, worker);
  lua_settop(L, 0);
  orr_bus_start(worker->server->bus);
  return ORR_OK;
}

static void end(struct orr_worker *worker) {
  if (!worker->user) return;
  orr_calls_end(worker->user);
  orr_bus_stop(worker->server->bus);
}

/* Who waits for a broker that stands still would do so until it counts as lost. */
static void unblock(struct orr_worker *worker) { orr_bus_break(worker->server->bus); }

static void drained(void *data) { orr_worker_drained(data); }

static void drain(struct orr_worker *worker, bool now) {
  struct orr_calls *calls = worker->user;
  if (!calls->open) return;
  if (now) {
    orr_calls_break(calls);
    return;
  }
  orr_bus_quiet(worker->server->bus);
  orr_changes_end(worker->changes); /* so that those who wait answer */
  orr_calls_drain(calls, drained, worker);
}

const struct orr_worker_kind orr_bus_worker = {.name = "bus",
                                               .memory_limit = (size_t)256 << 20,
                                               .slice_ms = 2000,
                                               .tables = orr_api_tables,
                                               .begin = begin,
                                               .drain = drain,
                                               .end = end,
                                               .unblock = unblock};
