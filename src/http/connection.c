/* The life of a connection: bytes come in, are eaten by the phase it is in, and when a request is whole it
   goes to the receiver. One request at a time: what a client has pipelined behind it rests until the answer
   is out. The connection is freed when the wire has forgotten it and the receiver holds no request of it,
   whichever comes last. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/private.h"

struct orr_connection *orr_connection_create(struct orr_http *http, const struct orr_wire_ops *wire,
                                             void *carrier) {
  struct orr_connection *connection = orr_zalloc(sizeof *connection);
  connection->http = http;
  connection->wire = wire;
  connection->carrier = carrier;
  connection->request.arena = orr_arena_create();
  connection->begun = true; /* a client that connects and says nothing is on the clock, too */
  connection->deadline = orr_loop_now(http->loop) + http->limits.header_ms;
  connection->next = http->first;
  if (http->first) http->first->previous = connection;
  http->first = connection;
  http->count++;
  return connection;
}

static void destroy(struct orr_connection *connection) {
  orr_arena_destroy(connection->request.arena);
  orr_buf_free(&connection->head);
  orr_buf_free(&connection->body);
  orr_buf_free(&connection->piece);
  orr_buf_free(&connection->rest);
  orr_http_forget(connection);
  free(connection);
}

static size_t resting(const struct orr_connection *connection) {
  return connection->rest.size - connection->rest_at;
}

bool orr_connection_idle(const struct orr_connection *connection) {
  return connection->phase == ORR_PHASE_HEAD && connection->head.size == 0 && resting(connection) == 0;
}

static bool reading(const struct orr_connection *connection) {
  if (connection->gone) return false;
  if (connection->phase == ORR_PHASE_ANSWER)
    return orr_body_comes(connection) && connection->body.size < ORR_AHEAD;
  return (connection->phase == ORR_PHASE_HEAD || connection->phase == ORR_PHASE_BODY) &&
         connection->wire->queued(connection->carrier) <= ORR_HIGH_WATER;
}

static void hand_over(struct orr_connection *connection) {
  struct orr_http *http = connection->http;
  struct orr_request *request = &connection->request;
  connection->phase = ORR_PHASE_ANSWER;
  connection->deadline = 0;
  connection->answer = (struct orr_answer){0};
  request->body = (struct orr_slice){connection->body.data, connection->body.size};
  request->half_closed = connection->half_closed;
  request->began_ns = orr_clock_ns();
  orr_http_next_id(http, request->id);
  http->events->arrived(http->data, request);
}

static size_t eat(struct orr_connection *connection, const char *bytes, size_t size) {
  size_t used = 0;
  connection->eating = true;
  while (used < size && reading(connection)) {
    if (!connection->begun) {
      connection->begun = true;
      connection->deadline = orr_loop_now(connection->http->loop) + connection->http->limits.header_ms;
    }
    used += connection->phase == ORR_PHASE_HEAD ? orr_head_take(connection, bytes + used, size - used)
                                                : orr_parse_body(connection, bytes + used, size - used);
    if (connection->phase == ORR_PHASE_WHOLE) hand_over(connection);
  }
  connection->eating = false;
  return used;
}

/* Listens to the client or not. While a request is being answered it does, so that it hears of a client that
   leaves; but what it says meanwhile has to be kept. A body that nobody reads is left with the client. */
static void listen_or_not(struct orr_connection *connection) {
  bool answering = connection->phase == ORR_PHASE_ANSWER && !orr_body_comes(connection);
  size_t most = answering ? ORR_REST_ROOM : 1;
  bool pause = connection->phase != ORR_PHASE_LINGER && resting(connection) >= most;
  if (connection->gone || pause == connection->paused) return;
  connection->paused = pause;
  (pause ? connection->wire->pause : connection->wire->resume)(connection->carrier);
}

static void shrink(struct orr_buf *buf) {
  if (buf->room > ORR_KEPT_ROOM) orr_buf_free(buf);
  buf->size = 0;
}

static void client_ended(struct orr_connection *connection) {
  if (connection->phase == ORR_PHASE_ANSWER)
    orr_body_break(connection, 400, "bad-request", "The client ended before the body did.");
  else
    orr_connection_finish(connection);
}

void orr_connection_go_on(struct orr_connection *connection) {
  if (resting(connection) > 0) {
    connection->rest_at += eat(connection, connection->rest.data + connection->rest_at, resting(connection));
    if (resting(connection) == 0) {
      shrink(&connection->rest);
      connection->rest_at = 0;
    }
  }
  if (connection->half_closed && resting(connection) == 0 && reading(connection)) client_ended(connection);
  listen_or_not(connection);
}

/* After an answer, or when the client has caught up with its answers, or has finished sending. */
static void go_on(struct orr_connection *connection) {
  orr_connection_go_on(connection);
  orr_body_tell(connection);
}

void orr_connection_data(void *data, char *bytes, size_t size) {
  struct orr_connection *connection = data;
  if (connection->phase == ORR_PHASE_LINGER) {
    connection->lingered += size;
    if (connection->lingered > ORR_LINGER_BYTES) orr_connection_drop(connection, false);
    return;
  }
  size_t used = resting(connection) == 0 ? eat(connection, bytes, size) : 0;
  if (used < size && connection->phase != ORR_PHASE_LINGER && !connection->gone) {
    orr_buf_drop(&connection->rest, connection->rest_at);
    connection->rest_at = 0;
    orr_buf_put(&connection->rest, bytes + used, size - used);
  }
  listen_or_not(connection);
  orr_body_tell(connection);
}

void orr_connection_end(void *data, int code) {
  struct orr_connection *connection = data;
  struct orr_http *http = connection->http;
  if (code < 0) {
    orr_connection_drop(connection, false);
    return;
  }
  connection->half_closed = true;
  if (connection->phase == ORR_PHASE_ANSWER) {
    connection->request.half_closed = true;
    if (connection->request.keeper)
      connection->request.keeper->left(&connection->request);
    else if (http->events->half_closed)
      http->events->half_closed(http->data, &connection->request);
    if (orr_body_comes(connection)) go_on(connection);
  } else if (connection->phase == ORR_PHASE_LINGER) {
    if (connection->wire->queued(connection->carrier) == 0) orr_connection_drop(connection, false);
  } else {
    go_on(connection);
  }
}

void orr_connection_drained(void *data) {
  struct orr_connection *connection = data;
  struct orr_http *http = connection->http;
  connection->taken_deadline = 0;
  if (connection->phase == ORR_PHASE_LINGER) {
    connection->deadline = orr_loop_now(http->loop) + ORR_LINGER_MS;
    if (connection->half_closed) orr_connection_drop(connection, false);
  } else if (connection->phase == ORR_PHASE_ANSWER) {
    bool waiting = connection->answer.waiting;
    connection->answer.waiting = false;
    if (waiting && connection->request.keeper)
      connection->request.keeper->proceed(&connection->request);
    else if (waiting && http->events->proceed)
      http->events->proceed(http->data, &connection->request);
  } else {
    go_on(connection);
  }
}

void orr_connection_closed(void *data) {
  struct orr_connection *connection = data;
  connection->closed = true;
  if (connection->phase != ORR_PHASE_ANSWER) destroy(connection);
}

void orr_connection_answered(struct orr_connection *connection) {
  struct orr_http *http = connection->http;
  struct orr_arena *arena = connection->request.arena;
  const struct orr_answer answer = connection->answer;
  http->events->finished(http->data, &connection->request, answer.status, answer.bytes);
  if (connection->request.keeper) http->kept--;

  orr_arena_reset(arena);
  connection->request = (struct orr_request){.arena = arena};
  shrink(&connection->head);
  shrink(&connection->body);
  shrink(&connection->piece);
  connection->streams = connection->expects = connection->awaited = false;
  connection->line = connection->lines = 0;
  connection->begun = false;
  connection->phase = ORR_PHASE_HEAD;
  connection->deadline = orr_loop_now(http->loop) + http->limits.idle_ms;

  if (connection->closed) {
    destroy(connection);
  } else if (answer.cut && answer.framing == ORR_FRAMING_UNTIL_CLOSE) {
    orr_connection_drop(connection, true); /* only an error tells this client that there was more to come */
  } else if (!connection->keep || http->draining) {
    orr_connection_finish(connection);
  } else if (!connection->eating) {
    go_on(connection);
  }
}

/* A close that the client hears: half of the connection is closed behind the answer, and what the client
   still sends is thrown away for a while. Closing at once would make its kernel drop the answer unread. */
void orr_connection_finish(struct orr_connection *connection) {
  if (connection->gone) return;
  connection->phase = ORR_PHASE_LINGER;
  connection->deadline = orr_loop_now(connection->http->loop) + ORR_LINGER_MS;
  connection->wire->finish(connection->carrier);
  if (connection->half_closed && connection->wire->queued(connection->carrier) == 0)
    orr_connection_drop(connection, false);
  listen_or_not(connection);
}

void orr_connection_drop(struct orr_connection *connection, bool reset) {
  struct orr_http *http = connection->http;
  if (connection->gone) return;
  connection->gone = true;
  (reset ? connection->wire->reset : connection->wire->close)(connection->carrier);
  if (connection->phase != ORR_PHASE_ANSWER) return;
  connection->request.aborted = true;
  if (connection->request.keeper)
    connection->request.keeper->left(&connection->request);
  else if (http->events->aborted) http->events->aborted(http->data, &connection->request);
}

/* True while the client owes us the taking of an answer. */
static bool watch_taking(struct orr_connection *connection, long long now) {
  size_t queued = connection->wire->queued(connection->carrier);
  uint64_t taken = connection->given - queued;
  if (queued == 0) {
    connection->taken_deadline = 0;
  } else if (connection->taken_deadline == 0 || taken - connection->taken_mark >= ORR_PIECE) {
    connection->taken_mark = taken;
    connection->taken_deadline = now + connection->http->limits.write_ms;
  } else if (now >= connection->taken_deadline) {
    orr_connection_drop(connection, true);
  }
  return queued > 0;
}

void orr_connection_sweep(struct orr_connection *connection, long long now) {
  if (connection->gone || watch_taking(connection, now)) return;
  if (connection->deadline == 0 || now < connection->deadline) return;
  bool served = connection->phase == ORR_PHASE_HEAD && connection->head.size == 0 && connection->given > 0;
  if (connection->phase == ORR_PHASE_LINGER || served)
    orr_connection_drop(connection, false);
  else if (connection->phase == ORR_PHASE_BODY || connection->phase == ORR_PHASE_ANSWER)
    orr_refuse(connection, 408, "timeout", "The body of the request came too slowly.");
  else
    orr_refuse(connection, 408, "timeout", "The request came too slowly.");
  orr_body_tell(connection);
}
