/* Fuzzes a connection of the HTTP server without a socket: this file plays the wire. The input is a script
   and the bytes of a client:

     1 byte n, n bytes of script, the rest is what the client sends

   Each byte of the script, over and over, is a step: mostly "deliver so many bytes", else something that
   befalls a connection: a slow client, a late answer, a deadline, an end, a reset, a server that drains. The
   request's path says how the handler answers. A script of deliveries only is run a second time with all
   bytes at once: what the server made of them must be the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "http/private.h"

#define CHECK(truth)                                                                                         \
  do {                                                                                                       \
    if (!(truth)) {                                                                                          \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth);                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static struct orr_loop *loop;
static struct orr_http *http;

/* The wire, and what has happened on it. */
static struct {
  struct orr_connection *connection;
  bool slow, paused, finished, closing;
  size_t queued;
  struct orr_request *held; /* to be answered by a later step */
  bool held_begun;
  bool uploading; /* the held one reads its body as it comes */
  bool may_read;  /* it has been told that there is some, or was not told to wait */
  uint64_t body;  /* a hash of what it has read */
  int arrived, ended;
  long long now;
  uint64_t written;
  uint64_t seen; /* a hash of everything the handler was shown */
} play;

static bool wire_write(void *carrier, const void *bytes, size_t size) {
  (void)carrier;
  CHECK(!play.closing && !play.finished && size > 0);
  play.written ^= orr_hash(bytes, size); /* reads every byte of it */
  if (play.slow) play.queued += size;
  return !play.slow;
}
static size_t wire_queued(void *carrier) {
  (void)carrier;
  CHECK(!play.closing);
  return play.queued;
}
static void wire_pause(void *carrier) {
  (void)carrier;
  CHECK(!play.closing && !play.paused);
  play.paused = true;
}
static void wire_resume(void *carrier) {
  (void)carrier;
  CHECK(!play.closing && play.paused);
  play.paused = false;
}
static void wire_finish(void *carrier) {
  (void)carrier;
  CHECK(!play.closing && !play.finished);
  play.finished = true;
}
static void wire_close(void *carrier) {
  (void)carrier;
  CHECK(!play.closing);
  play.closing = true;
}
static void wire_peer(void *carrier, char *out, size_t room) {
  (void)carrier;
  snprintf(out, room, "nobody");
}
static const struct orr_wire_ops wire = {
    .write = wire_write,
    .queued = wire_queued,
    .pause = wire_pause,
    .resume = wire_resume,
    .finish = wire_finish,
    .close = wire_close,
    .reset = wire_close,
    .peer = wire_peer,
};

static char much[300 * 1024];

static void see(struct orr_slice slice) {
  play.seen = play.seen * 31 + slice.size;
  if (slice.size) play.seen = play.seen * 31 + orr_hash(slice.text, slice.size);
}

static bool streams(void *data, const struct orr_request *request) {
  (void)data;
  return request->method == ORR_PUT && request->path.size > 1;
}

/* Reads until it has to wait, or one piece, and answers at the end. What was read of a body that is broken depends on how
   its bytes came, and does not count. */
static void read_body(bool one) {
  struct orr_request *request = play.held;
  struct orr_slice piece;
  enum orr_reading what;
  while ((what = orr_request_read(request, &piece)) == ORR_READ_PIECE) {
    CHECK(piece.size > 0 && piece.size <= ORR_AHEAD + sizeof much);
    for (size_t i = 0; i < piece.size; i++) play.body = play.body * 31 + (unsigned char)piece.text[i];
    if (one) return;
  }
  play.may_read = what != ORR_READ_LATER;
  if (!play.may_read) return;
  play.held = NULL;
  play.uploading = false;
  play.seen = play.seen * 31 + (what == ORR_READ_END ? play.body : (uint64_t)request->fault.status);
  CHECK(what == ORR_READ_END || request->fault.status || request->aborted);
  orr_respond(request, what == ORR_READ_END ? 200 : request->fault.status, NULL, 0, "read", 4);
}

/* By its path it reads all as it comes, or a piece at a later step, or nothing. */
static void begin_upload(struct orr_request *request) {
  play.held = request;
  play.uploading = play.may_read = true;
  play.body = 0;
  if (request->path.text[1] == 'u') read_body(false);
}

static void readable(void *data, struct orr_request *request) {
  (void)data;
  CHECK(request == play.held);
  if (!play.uploading) return; /* it is being answered */
  CHECK(!play.may_read);
  play.may_read = true;
  if (request->path.text[1] == 'u') read_body(false);
}

static void arrived(void *data, struct orr_request *request) {
  (void)data;
  CHECK(!play.held);
  play.arrived++;
  see(request->target);
  see(request->path);
  see(request->query);
  see(request->body);
  for (size_t i = 0; i < request->header_count; i++)
    see(request->headers[i].name), see(request->headers[i].value);
  static const char type[] = "Content-Type: text/plain\r\n";
  if (streams(NULL, request)) {
    begin_upload(request);
    return;
  }
  switch (request->path.size > 1 ? request->path.text[1] : 0) {
  case 'l': play.held = request; break;
  case 's':
    orr_respond_begin(request, 200, type, sizeof type - 1, -1);
    orr_respond_write(request, "some", 4);
    orr_respond_write(request, much, request->path.size * 1000);
    orr_respond_end(request, request->path.size == 5);
    break;
  case 'p': /* promises, and keeps them or not */
    orr_respond_begin(request, 200, type, sizeof type - 1, 10);
    orr_respond_write(request, much, request->path.size);
    orr_respond_end(request, false);
    break;
  case 'm': orr_respond(request, 200, type, sizeof type - 1, much, sizeof much); break;
  case 'n': orr_respond(request, 204, NULL, 0, NULL, 0); break;
  default: orr_respond(request, 404, type, sizeof type - 1, request->path.text, request->path.size);
  }
}

static void end_held(bool cut) {
  struct orr_request *request = play.held;
  play.held = NULL;
  play.held_begun = play.uploading = false;
  orr_respond_end(request, cut);
}
static void aborted(void *data, struct orr_request *request) {
  (void)data;
  CHECK(request == play.held && request->aborted);
  if (request->path.size % 2) end_held(true); /* at once, or at a later step */
}
static void half_closed(void *data, struct orr_request *request) {
  (void)data;
  CHECK(request == play.held && request->half_closed);
}
static void proceed(void *data, struct orr_request *request) {
  (void)data;
  CHECK(request == play.held && play.held_begun);
  orr_respond_write(request, "more", 4);
}
static void refused(void *data, int status, const char *kind, const char *detail, const char *id,
                    struct orr_buf *headers, struct orr_buf *body) {
  (void)data;
  (void)id;
  CHECK(status >= 400 && *kind);
  play.seen = play.seen * 31 + (uint64_t)status;
  orr_buf_puts(headers, "Content-Type: text/plain\r\n");
  orr_buf_puts(body, detail);
}
static void finished(void *data, struct orr_request *request, int status, uint64_t bytes) {
  (void)data;
  (void)bytes;
  CHECK(strlen(request->id) == 16 && status >= 0);
  play.ended++;
}
static const struct orr_http_events events = {streams, arrived, aborted, half_closed, proceed, readable, refused, finished};

static void drained(void *data) { (void)data; }

static void step_answer(int how) {
  if (!play.held) return;
  if (play.uploading && how % 8 != 4) { /* else it is answered early */
    if (play.may_read) read_body(true);
    return;
  }
  play.uploading = false;
  if (!play.held_begun && how % 4 == 0) {
    struct orr_request *request = play.held;
    play.held = NULL;
    orr_respond(request, 200, NULL, 0, "late", 4);
  } else if (!play.held_begun) {
    play.held_begun = true;
    orr_respond_begin(play.held, 200, NULL, 0, how % 4 == 1 ? 50 : -1);
  } else if (how % 4 < 2) {
    orr_respond_write(play.held, much, (size_t)how * 10000);
  } else {
    end_held(how % 4 == 2);
  }
}

/* Delivers a copy of exactly that size, so that reading beyond it is noticed, and lets nobody keep it. */
static void deliver(const void *bytes, size_t size) {
  if (play.paused || play.connection->half_closed) return;
  char *copy = malloc(size);
  memcpy(copy, bytes, size);
  orr_connection_data(play.connection, copy, size);
  free(copy);
}

/* As much as a read can bring: too much to keep, to skip, or for a body. */
static void deliver_flood(void) {
  static char flood[64 * 1024];
  memset(flood, 'x', sizeof flood);
  deliver(flood, sizeof flood);
}

static void step_event(int which) {
  switch (which % 8) {
  case 0: play.slow = true; break;
  case 1:
    play.slow = false;
    if (play.queued) {
      play.queued = 0;
      orr_connection_drained(play.connection);
    }
    break;
  case 2: orr_http_sweep(http, play.now += 1000); break;
  case 3: orr_http_sweep(http, play.now += 40000); break;
  case 4:
    if (!play.connection->half_closed) orr_connection_end(play.connection, 0);
    break;
  case 5: orr_connection_end(play.connection, -1); break;
  case 6: http->draining = true; break;
  case 7: deliver_flood(); break;
  }
}

/* True while the wire lives. */
static bool still_open(void) {
  if (!play.closing) {
    CHECK(!play.paused || play.held || play.queued); /* else nothing would ever wake it */
    return true;
  }
  if (play.connection) {
    struct orr_connection *connection = play.connection;
    play.connection = NULL;
    orr_connection_closed(connection);
  }
  return false;
}

static void run(const uint8_t *script, size_t steps, const uint8_t *bytes, size_t size) {
  memset(&play, 0, sizeof play);
  play.now = orr_loop_now(loop);
  play.connection = orr_connection_create(http, &wire, NULL);
  size_t most = 2 * (steps + size) + 1; /* a script need not deliver anything */
  for (size_t at = 0, step = 0; still_open() && step < most && (at < size || step < steps); step++) {
    int what = steps ? script[step % steps] : 31 << 3;
    size_t piece = what >> 3 == 31 ? size - at : (size_t)(what >> 3) + 1;
    if (piece > size - at) piece = size - at;
    if (what % 8 == 6) {
      step_answer(what >> 3);
    } else if (what % 8 == 7) {
      step_event(what >> 3);
    } else if (piece > 0 && !play.paused && !play.connection->half_closed) {
      deliver(bytes + at, piece);
      at += piece;
    }
  }
  for (int i = 0; still_open() && play.held && i < 100; i++) step_answer(i % 2 ? 4 : 7);
  if (still_open()) orr_connection_end(play.connection, -1);
  still_open();
  if (play.held) end_held(false);
  http->draining = false;
  CHECK(http->count == 0 && http->out.size == 0);
  CHECK(play.arrived == play.ended);
}

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count;
  (void)words;
  static const struct orr_log log = {.fd = 2, .level = ORR_LOG_ERROR};
  struct orr_http_limits limits = orr_http_default_limits;
  limits.header_bytes = 1024;
  limits.body_bytes = 100000;
  limits.upload_bytes = 400000;
  int fd, port;
  loop = orr_loop_create(NULL);
  CHECK(loop && orr_listen("127.0.0.1", 0, &fd, &port, NULL) == 0);
  http = orr_http_create(loop, fd, &limits, &events, NULL, &log, NULL);
  CHECK(http);
  http->drained = drained;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size == 0) return 0;
  size_t steps = bytes[0] < size ? bytes[0] : size - 1;
  const uint8_t *script = bytes + 1, *sent = script + steps;
  size -= 1 + steps;
  run(script, steps, sent, size);
  for (size_t i = 0; i < steps; i++)
    if (script[i] % 8 >= 6) return 0;
  uint64_t seen = play.seen;
  run(NULL, 0, sent, size);
  CHECK(play.seen == seen);
  return 0;
}
