/* The server of one loop: it accepts, counts, sweeps over deadlines once a second, and drains. */
#include "http/http.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "http/private.h"

enum { SWEEP_MS = 1000, REFUSED_AT_ONCE = 100 };

const struct orr_http_limits orr_http_default_limits = {
    .header_bytes = 32 * 1024,
    .body_bytes = 16 * 1024 * 1024,
    .upload_bytes = INT64_C(1) << 40,
    .connections = 10000,
    .header_ms = 10000,
    .body_ms = 30000,
    .idle_ms = 75000,
    .write_ms = 30000,
};

static const struct orr_stream_events stream_events = {
    .data = orr_connection_data,
    .end = orr_connection_end,
    .drained = orr_connection_drained,
    .closed = orr_connection_closed,
};

/* Over the limit a client is told so, unless so many are being told that telling is a burden itself. */
static void accepted(void *data, struct orr_stream *stream) {
  struct orr_http *http = data;
  size_t count = http->count - http->kept;
  if (http->draining || count >= http->limits.connections + REFUSED_AT_ONCE) {
    orr_stream_close(stream);
    return;
  }
  bool full = count >= http->limits.connections;
  struct orr_connection *connection = orr_connection_create(http, &orr_wire_stream, stream);
  orr_stream_start(stream, &stream_events, connection);
  if (full)
    orr_refuse(connection, 503, "too-many-connections", "This server has too many connections; try later.");
}

void orr_http_forget(struct orr_connection *connection) {
  struct orr_http *http = connection->http;
  *(connection->previous ? &connection->previous->next : &http->first) = connection->next;
  if (connection->next) connection->next->previous = connection->previous;
  http->count--;
  if (http->draining && http->count == 0) http->drained(http->data);
}

/* Whatever a connection does here, it is freed later, when its wire has closed; others may be freed
   meanwhile. */
void orr_http_sweep(struct orr_http *http, long long now) {
  orr_date_line(orr_wall_ms(), http->date);
  for (struct orr_connection *at = http->first; at; at = at->next) orr_connection_sweep(at, now);
}

static void sweep_time(void *data) {
  struct orr_http *http = data;
  orr_http_sweep(http, orr_loop_now(http->loop));
}

/* Limits shorter than a few sweeps, as tests have them, are kept with the same precision. */
static long long sweep_period(const struct orr_http_limits *limits) {
  const int times[] = {limits->header_ms, limits->body_ms, limits->idle_ms, limits->write_ms};
  long long period = SWEEP_MS;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i] / 4 < period) period = times[i] / 4;
  return period > 0 ? period : 1;
}

struct orr_http *orr_http_create(struct orr_loop *loop, int listen_fd, const struct orr_http_limits *limits,
                                 const struct orr_http_events *events, void *data, const struct orr_log *log,
                                 struct orr_err *err) {
  struct orr_http *http = orr_alloc(sizeof *http);
  *http = (struct orr_http){.loop = loop, .limits = *limits, .events = events, .data = data, .log = log};
  if (getrandom(&http->id_start, sizeof http->id_start, 0) != sizeof http->id_start)
    http->id_start = (uint64_t)orr_clock_ns();
  orr_date_line(orr_wall_ms(), http->date);
  http->acceptor = orr_acceptor_start(loop, listen_fd, accepted, http, err);
  if (!http->acceptor) {
    free(http);
    return NULL;
  }
  long long period = sweep_period(limits);
  http->sweeper = orr_timer_start(loop, period, period, sweep_time, http);
  return http;
}

void orr_http_drain(struct orr_http *http, void (*drained)(void *data)) {
  http->draining = true;
  http->drained = drained;
  orr_acceptor_stop(http->acceptor);
  http->acceptor = NULL;
  for (struct orr_connection *at = http->first; at; at = at->next)
    if (orr_connection_idle(at)) orr_connection_drop(at, false);
  if (http->count == 0) drained(http->data);
}

void orr_http_close_all(struct orr_http *http) {
  for (struct orr_connection *at = http->first; at; at = at->next) orr_connection_drop(at, true);
}

void orr_http_destroy(struct orr_http *http) {
  if (!http) return;
  orr_acceptor_stop(http->acceptor);
  orr_timer_stop(http->sweeper);
  orr_buf_free(&http->out);
  free(http);
}

size_t orr_http_connections(const struct orr_http *http) { return http->count; }

/* splitmix64: a bijection of the counter, so ids never repeat, and a client cannot guess its neighbours'
   easily. */
void orr_http_next_id(struct orr_http *http, char id[17]) {
  uint64_t mixed = http->id_start + ++http->id_count * UINT64_C(0x9e3779b97f4a7c15);
  mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
  mixed ^= mixed >> 31;
  orr_hash_text(mixed, id);
  id[16] = 0;
}
