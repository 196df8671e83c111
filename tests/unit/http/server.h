/* What the tests of http/ share: a server on a thread of its own, whose handler answers by path, and a
   blocking client that reads answers as a strict client would. The handlers run on the server's thread, where
   cmocka's assertions must not: they use assert. */
#pragma once
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http.h"

struct server {
  struct orr_loop *loop;
  struct orr_http *http;
  struct orr_http_limits limits;
  struct orr_http_events events;
  struct orr_log log;
  struct orr_message stopping;
  pthread_t thread;
  int fd, port;
  struct orr_request *held; /* by a handler; ended when its client has gone; the loop's own */
  atomic_int arrived, aborted, half_closed, proceeded, finished, refused;
  atomic_int last_status;
  atomic_ullong last_bytes;
  void (*handle)(struct server *server, struct orr_request *request);
};

static inline bool path_is(const struct orr_request *request, const char *path) {
  return request->path.size == strlen(path) && memcmp(request->path.text, path, request->path.size) == 0;
}

static inline void answer_text(struct orr_request *request, int status, const char *text) {
  static const char type[] = "Content-Type: text/plain\r\n";
  orr_respond(request, status, type, sizeof type - 1, text, strlen(text));
}

/* Everything the server made of a request, in lines. */
static inline void answer_seen(struct orr_request *request) {
  struct orr_buf out = {0};
  orr_buf_printf(&out, "method=%d\npath=%.*s\nquery=%.*s\n", (int)request->method, (int)request->path.size,
                 request->path.text, (int)request->query.size, request->query.text);
  for (size_t i = 0; i < request->header_count; i++) {
    const struct orr_header *header = &request->headers[i];
    orr_buf_printf(&out, "%.*s=[%.*s]\n", (int)header->name.size, header->name.text, (int)header->value.size,
                   header->value.text);
  }
  orr_buf_printf(&out, "body=[%.*s]\n", (int)request->body.size, request->body.text);
  orr_respond(request, 200, NULL, 0, out.data, out.size);
  orr_buf_free(&out);
}

static inline void server_arrived(void *data, struct orr_request *request) {
  struct server *server = data;
  server->arrived++;
  if (server->handle)
    server->handle(server, request);
  else
    answer_seen(request);
}
static inline void server_aborted(void *data, struct orr_request *request) {
  struct server *server = data;
  server->aborted++;
  assert(request->aborted);
  if (server->held == request) {
    server->held = NULL;
    orr_respond_end(request, true);
  }
}
static inline void server_half_closed(void *data, struct orr_request *request) {
  struct server *server = data;
  assert(request->half_closed);
  server->half_closed++;
}
static inline void server_refused(void *data, int status, const char *kind, const char *detail,
                                  const char *id, struct orr_buf *headers, struct orr_buf *body) {
  struct server *server = data;
  server->refused++;
  assert(strlen(id) == 16);
  orr_buf_puts(headers, "Content-Type: text/plain\r\n");
  orr_buf_printf(body, "%d %s: %s", status, kind, detail);
}
static inline void server_finished(void *data, struct orr_request *request, int status, uint64_t bytes) {
  struct server *server = data;
  assert(strlen(request->id) == 16);
  server->last_status = status;
  server->last_bytes = bytes;
  server->finished++;
}

static inline void *server_run(void *data) {
  struct server *server = data;
  orr_loop_run(server->loop);
  return NULL;
}

/* Fill in limits, handler and further events between these two. */
static inline void server_init(struct server *server) {
  *server = (struct server){
      .limits = orr_http_default_limits,
      .log = {.fd = STDERR_FILENO, .level = ORR_LOG_ERROR},
      .events = {.arrived = server_arrived,
                 .aborted = server_aborted,
                 .half_closed = server_half_closed,
                 .refused = server_refused,
                 .finished = server_finished},
  };
}
static inline void server_start(struct server *server) {
  struct orr_err err = {0};
  signal(SIGPIPE, SIG_IGN);
  server->loop = orr_loop_create(&err);
  assert_non_null(server->loop);
  assert_int_equal(orr_listen("127.0.0.1", 0, &server->fd, &server->port, &err), 0);
  server->http =
      orr_http_create(server->loop, server->fd, &server->limits, &server->events, server, &server->log, &err);
  assert_non_null(server->http);
  pthread_create(&server->thread, NULL, server_run, server);
}

static inline void server_drained(void *data) {
  struct server *server = data;
  orr_http_destroy(server->http);
  server->http = NULL;
  orr_loop_stop(server->loop);
}
static inline void server_drain_now(struct orr_message *message) {
  struct server *server = (struct server *)((char *)message - offsetof(struct server, stopping));
  orr_http_drain(server->http, server_drained);
}
static inline void server_drain(struct server *server) {
  server->stopping.deliver = server_drain_now;
  orr_loop_post(server->loop, &server->stopping);
}
static inline void server_join(struct server *server) {
  pthread_join(server->thread, NULL);
  close(server->fd);
  orr_loop_destroy(server->loop);
  assert_int_equal(server->arrived, server->finished);
}
static inline void server_stop(struct server *server) {
  server_drain(server);
  server_join(server);
}

/* Waits until the loop has counted that far; fails after ten seconds. */
static inline void await_count(atomic_int *counter, int wanted) {
  for (int64_t end = orr_clock_ms() + 10000; *counter < wanted && orr_clock_ms() < end;) usleep(1000);
  assert_int_equal(*counter, wanted);
}

struct client {
  int fd;
  struct orr_buf in; /* read and not yet taken */
};
struct answer {
  int status;
  char head[4096];
  struct orr_buf body;
  bool cut; /* the connection ended within the body */
};

static inline struct client client_open(const struct server *server) {
  struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  struct timeval patience = {.tv_sec = 10};
  setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)server->port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(client.fd, (struct sockaddr *)&to, sizeof to), 0);
  return client;
}
static inline void client_close(struct client *client) {
  close(client->fd);
  orr_buf_free(&client->in);
}
static inline void client_reset(struct client *client) {
  struct linger now = {.l_onoff = 1};
  setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client_close(client);
}
static inline void client_send_bytes(struct client *client, const void *bytes, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t count = send(client->fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
    assert_true(count > 0);
    sent += (size_t)count;
  }
}
static inline void client_send(struct client *client, const char *text) {
  client_send_bytes(client, text, strlen(text));
}
/* Bytes read; 0 at the end; -1 after a reset. A silent server fails the test. */
static inline ssize_t client_read(struct client *client) {
  enum { PIECE = 65536 };
  ssize_t count = recv(client->fd, orr_buf_reserve(&client->in, PIECE), PIECE, 0);
  if (count < 0) assert_int_equal(errno, ECONNRESET);
  if (count > 0) client->in.size += (size_t)count;
  return count;
}
static inline bool client_need(struct client *client, size_t size) {
  while (client->in.size < size)
    if (client_read(client) <= 0) return false;
  return true;
}
/* Size of the next line with its CRLF; 0 at the end of the connection. */
static inline size_t client_line(struct client *client) {
  for (;;) {
    char *end = client->in.size ? memmem(client->in.data, client->in.size, "\r\n", 2) : NULL;
    if (end) return (size_t)(end - client->in.data) + 2;
    if (client_read(client) <= 0) return 0;
  }
}
static inline void answer_move(struct answer *answer, struct client *client, size_t size) {
  answer->cut = !client_need(client, size);
  if (answer->cut) size = client->in.size;
  orr_buf_put(&answer->body, client->in.data, size);
  orr_buf_drop(&client->in, size);
}
static inline const char *answer_header(const struct answer *answer, const char *name) {
  const char *at = strcasestr(answer->head, name);
  return at ? at + strlen(name) : NULL;
}
static inline void client_chunks(struct client *client, struct answer *answer) {
  for (;;) {
    size_t line = client_line(client);
    answer->cut = line == 0;
    if (answer->cut) return;
    size_t size = strtoul(client->in.data, NULL, 16);
    orr_buf_drop(&client->in, line);
    if (size) answer_move(answer, client, size);
    if (answer->cut) return;
    assert_true(client_need(client, 2));
    assert_memory_equal(client->in.data, "\r\n", 2);
    orr_buf_drop(&client->in, 2);
    if (size == 0) return;
  }
}
/* Reads one answer; `head_only` for the answer to a HEAD. Status 0: the connection ended instead. */
static inline struct answer client_answer_to(struct client *client, bool head_only) {
  struct answer answer = {0};
  size_t used = 0;
  for (size_t line; (line = client_line(client)) > 0;) {
    assert_true(used + line < sizeof answer.head);
    memcpy(answer.head + used, client->in.data, line);
    used += line;
    orr_buf_drop(&client->in, line);
    if (line == 2) break;
  }
  if (sscanf(answer.head, "HTTP/1.1 %d ", &answer.status) != 1) return answer;
  if (head_only || answer.status == 204 || answer.status == 304 || answer.status < 200) return answer;
  const char *length = answer_header(&answer, "\r\nContent-Length: ");
  if (length) {
    answer_move(&answer, client, strtoul(length, NULL, 10));
  } else if (answer_header(&answer, "\r\nTransfer-Encoding: chunked\r\n")) {
    client_chunks(client, &answer);
  } else {
    ssize_t count;
    while ((count = client_read(client)) > 0) continue;
    answer_move(&answer, client, client->in.size);
    answer.cut = count < 0;
  }
  return answer;
}
static inline struct answer client_answer(struct client *client) { return client_answer_to(client, false); }
static inline void answer_free(struct answer *answer) { orr_buf_free(&answer->body); }

/* One answer of this status, whose body contains the text (NULL: any). */
static inline void expect_answer(struct client *client, int status, const char *text) {
  struct answer answer = client_answer(client);
  assert_int_equal(answer.status, status);
  assert_false(answer.cut);
  if (text && !strstr(orr_buf_text(&answer.body), text))
    fail_msg("\"%s\" is not in \"%s\"", text, answer.body.data);
  answer_free(&answer);
}
static inline void expect_end(struct client *client) {
  assert_int_equal(client->in.size, 0);
  assert_true(client_read(client) <= 0);
}
/* A whole conversation: what is sent on a fresh connection, and what comes back. */
static inline void expect_exchange(const struct server *server, const char *sent, int status,
                                   const char *text) {
  struct client client = client_open(server);
  client_send(&client, sent);
  expect_answer(&client, status, text);
  client_close(&client);
}

/* A body of no pattern, and the text that tells its size and sum. */
static inline char *make_body(size_t size, char *sum, size_t room) {
  char *body = malloc(size);
  unsigned long value = 0;
  for (size_t i = 0; i < size; i++) {
    body[i] = (char)(i * 2654435761u >> 13);
    value = value * 31 + (unsigned char)body[i];
  }
  snprintf(sum, room, "%zu %lx.", size, value);
  return body;
}
