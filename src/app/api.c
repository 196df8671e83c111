/* An API worker: HTTP on one side, Lua handlers on the other. Each request becomes a task that calls the Lua
   function `serve(request, route, captures…)` of lua/orrery/api/init.lua; what it returns is the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/problem.h"
#include "app/worker.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "bind/feed.h"
#include "bind/request.h"
#include "bind/stats.h"
#include "http/router.h"

struct api {
  struct orr_http *http;
  struct orr_router *router;
  bool *streams;      /* by the number of a route: it reads its body as it comes … */
  unsigned streaming; /* … and which methods have such a route, a bit each */
  int serve;          /* reference to the Lua function */
};

const char *const orr_api_tables[] = {"bus",    "changes", "clock", "config",   "db",  "digest",  "feed",
                                      "fetch",  "files",   "ids",   "json",     "log", "plugins", "reach",
                                      "server", "shape",   "task",  "template", NULL};

static struct api *api_of(struct orr_worker *worker) { return worker->user; }

static void put_problem(struct orr_buf *headers, struct orr_buf *body, int status, const char *kind,
                        const char *detail, const char *id) {
  ORR_BUF_LIT(headers, "Content-Type: application/problem+json\r\n");
  orr_put_problem(body, status, kind, detail, id);
}

static void respond_problem(struct orr_request *request, int status, const char *kind, const char *detail) {
  struct orr_buf headers = {0}, body = {0};
  put_problem(&headers, &body, status, kind, detail, request->id);
  orr_respond(request, status, headers.data, headers.size, body.data, body.size);
  orr_buf_free(&headers);
  orr_buf_free(&body);
}

static void refused(void *data, int status, const char *kind, const char *detail, const char *id,
                    struct orr_buf *headers, struct orr_buf *body) {
  struct orr_worker *worker = data;
  put_problem(headers, body, status, kind, detail, id);
  orr_log(&worker->server->log, ORR_LOG_INFO, "refused", ORR_I("status", status), ORR_S("kind", kind),
          ORR_S("request", id));
}

struct handling {
  struct orr_worker *worker;
  struct orr_request *request;
  struct orr_request_box *box;
};

static void fail_request(struct handling *handling, lua_State *L, enum orr_outcome outcome) {
  struct orr_request *request = handling->request;
  struct orr_worker *worker = handling->worker;
  atomic_fetch_add(&worker->server->stats->handler_failures, 1);
  orr_log(&worker->server->log, ORR_LOG_ERROR, "handler failed", ORR_S("request", request->id),
          ORR_S("outcome", orr_outcome_name(outcome)), ORR_S("error", orr_task_trace(L)));
  if (orr_request_box_close(handling->box, true)) return;
  struct orr_failure failure = orr_failure_of(outcome);
  respond_problem(request, failure.status, failure.kind, failure.detail);
}

static void handled(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct handling *handling = data;
  struct orr_request *request = handling->request;
  (void)results;
  if (outcome != ORR_TASK_DONE) {
    fail_request(handling, L, outcome);
    return;
  }
  if (orr_request_box_close(handling->box, false)) return;
  lua_settop(L, 4); /* the box; status, headers, body */
  size_t headers_size = 0, body_size = 0;
  const char *headers = lua_tolstring(L, -2, &headers_size), *body = lua_tolstring(L, -1, &body_size);
  orr_respond(request, (int)lua_tointeger(L, -3), headers, headers_size, body, body_size);
}

static void arrived(void *data, struct orr_request *request) {
  struct orr_worker *worker = data;
  struct api *api = api_of(worker);
  struct orr_route_match match;
  struct orr_err err;
  if (orr_router_match(api->router, request->method, request->path, request->arena, &match, &err)) {
    respond_problem(request, 400, "bad-request", err.text);
    return;
  }
  struct handling *handling = orr_arena_alloc(request->arena, sizeof *handling);
  struct orr_task *task = orr_task_create(worker->script, handled, handling);
  lua_State *L = orr_task_state(task);
  /* At the bottom of the stack the box lives as long as the task: Lua code may have let go of it before. */
  *handling = (struct handling){worker, request, orr_push_request(L, request)};
  request->user = handling;
  lua_rawgeti(L, LUA_REGISTRYINDEX, api->serve);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, match.route);
  if (match.route == -2) {
    lua_pushinteger(L, match.allowed);
    match.capture_count = 0;
  }
  for (int i = 0; i < match.capture_count; i++)
    lua_pushlstring(L, match.captures[i].text, match.captures[i].size);
  orr_task_run(task, 2 + (match.route == -2) + match.capture_count);
}

/* Whoever waits for the store to change looks up, and may see that nobody listens any more. */
static void left(void *data, struct orr_request *request) {
  struct orr_worker *worker = data;
  (void)request;
  orr_changes_stir(worker->changes);
}

static void aborted(void *data, struct orr_request *request) {
  struct handling *handling = request->user;
  if (!handling) return;
  left(data, request);
  orr_request_box_aborted(handling->box);
}

static bool streams(void *data, const struct orr_request *request) {
  const struct api *api = api_of(data);
  struct orr_route_match match;
  if (!(api->streaming & 1u << request->method)) return false;
  return orr_router_match(api->router, request->method, request->path, request->arena, &match, NULL) ==
             ORR_OK &&
         match.route > 0 && api->streams[match.route];
}

static void readable(void *data, struct orr_request *request) {
  (void)data;
  struct handling *handling = request->user;
  if (handling) orr_request_box_readable(handling->box);
}

static void proceed(void *data, struct orr_request *request) {
  (void)data;
  struct handling *handling = request->user;
  if (handling) orr_request_box_proceed(handling->box);
}

static const char *method_text(enum orr_method method) {
  static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};
  return names[method];
}

static void finished(void *data, struct orr_request *request, int status, uint64_t bytes) {
  struct orr_worker *worker = data;
  int64_t took = orr_clock_ns() - request->began_ns;
  orr_stats_answer(worker->server->stats, status, request->keeper ? -1 : took, (int64_t)bytes);
  if (request->keeper) atomic_fetch_sub(&worker->server->stats->streams, 1);
  if (worker->server->log.level > ORR_LOG_DEBUG && status < 500) return; /* the access log is for debugging */
  char path[256];
  snprintf(path, sizeof path, "%.*s", (int)request->path.size, request->path.text);
  orr_log(&worker->server->log, status < 500 ? ORR_LOG_DEBUG : ORR_LOG_WARN, "answered",
          ORR_S("method", method_text(request->method)), ORR_S("path", path), ORR_I("status", status),
          ORR_I("bytes", (int64_t)bytes), ORR_I("us", took / 1000), ORR_S("request", request->id));
}

/* The module's `routes` is a list of {method, pattern, streams}; a route's number is its place in it. */
static int add_routes(struct api *api, lua_State *L, struct orr_err *err) {
  int code = ORR_OK;
  lua_getfield(L, -1, "routes");
  api->streams = orr_zalloc((lua_rawlen(L, -1) + 1) * sizeof *api->streams);
  for (int i = 1; code == ORR_OK && lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
    lua_getfield(L, -1, "method");
    lua_getfield(L, -2, "path");
    lua_getfield(L, -3, "streams");
    const char *name = lua_tostring(L, -3), *pattern = lua_tostring(L, -2);
    int method = ORR_GET;
    while (name && method < ORR_METHOD_OTHER && strcmp(method_text((enum orr_method)method), name) != 0)
      method++;
    code = name && pattern ? orr_router_add(api->router, (enum orr_method)method, pattern, i, err)
                           : orr_fail(err, ORR_INTERNAL, "route %d has no method or no path", i);
    api->streams[i] = lua_toboolean(L, -1);
    if (api->streams[i]) api->streaming |= 1u << method;
    lua_pop(L, 4);
  }
  lua_settop(L, 1);
  return code;
}

static void read_limits(const struct orrery_value *config, struct orr_http_limits *limits) {
  *limits = orr_http_default_limits;
  limits->header_bytes =
      (size_t)orrery_int(orrery_get(config, "http.header_bytes"), (int64_t)limits->header_bytes);
  limits->body_bytes = (size_t)orrery_int(orrery_get(config, "http.body_bytes"), (int64_t)limits->body_bytes);
  limits->upload_bytes = orrery_int(orrery_get(config, "http.upload_bytes"), limits->upload_bytes);
  limits->connections =
      (size_t)orrery_int(orrery_get(config, "http.connections"), (int64_t)limits->connections);
  limits->header_ms = (int)orrery_int(orrery_get(config, "http.header_ms"), limits->header_ms);
  limits->body_ms = (int)orrery_int(orrery_get(config, "http.body_ms"), limits->body_ms);
  limits->idle_ms = (int)orrery_int(orrery_get(config, "http.idle_ms"), limits->idle_ms);
  limits->write_ms = (int)orrery_int(orrery_get(config, "http.write_ms"), limits->write_ms);
}

static int begin(struct orr_worker *worker, struct orr_err *err) {
  static const struct orr_http_events events = {.streams = streams,
                                                .arrived = arrived,
                                                .readable = readable,
                                                .aborted = aborted,
                                                .half_closed = left,
                                                .proceed = proceed,
                                                .refused = refused,
                                                .finished = finished};
  struct orr_server *server = worker->server;
  struct api *api = worker->user = orr_zalloc(sizeof *api);
  lua_State *L = orr_script_state(worker->script);
  int64_t heartbeat_ms = orrery_int(orrery_get(server->config, "events.heartbeat_ms"), 0);
  worker->house.following = orr_following_create(worker->loop, heartbeat_ms);
  int code = orr_script_require(worker->script, "orrery.api", err);
  if (code != ORR_OK) return code;
  api->router = orr_router_create();
  code = add_routes(api, L, err);
  if (code != ORR_OK) return code;
  lua_getfield(L, 1, "serve");
  api->serve = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_settop(L, 0);
  struct orr_http_limits limits;
  read_limits(server->config, &limits);
  api->http = orr_http_create(worker->loop, server->listen_fd, &limits, &events, worker, &server->log, err);
  return api->http ? ORR_OK : err->code;
}

static void end(struct orr_worker *worker) {
  struct api *api = api_of(worker);
  orr_http_destroy(api->http);
  api->http = NULL; /* a drain() delivered after this finds nothing to do */
  orr_following_destroy(worker->house.following);
  orr_router_destroy(api->router);
  free(api->streams);
  api->streams = NULL;
}

static void drained(void *data) { orr_worker_drained(data); }

static void drain(struct orr_worker *worker, bool now) {
  struct api *api = api_of(worker);
  if (api->http && now) {
    orr_http_close_all(api->http);
  } else if (api->http) {
    orr_http_drain(api->http, drained); /* first, so that those who wait are told that the connection ends */
    orr_changes_end(worker->changes);
  }
}

const struct orr_worker_kind orr_api_worker = {.name = "api",
                                               .memory_limit = (size_t)256 << 20,
                                               .slice_ms = 2000,
                                               .tables = orr_api_tables,
                                               .begin = begin,
                                               .drain = drain,
                                               .end = end};
