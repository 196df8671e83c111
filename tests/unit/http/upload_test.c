/* Bodies that are read as they come: pieces, back-pressure, clients that wait to be asked, break off, or send nonsense. */
#include "server.h"

enum { MEGABYTE = 1 << 20, MUCH = 24 * MEGABYTE };

static struct server server;

/* What the reader of the one upload at a time has seen; the loop's own. */
static struct {
  unsigned long sum;
  size_t size, largest;
  struct orr_timer *timer;
  atomic_bool hold; /* it does not read on */
} seen;

static void read_on(struct orr_request *request);

static void wake(void *data) {
  if (seen.hold) return;
  orr_timer_stop(seen.timer);
  seen.timer = NULL;
  read_on(data);
}

static void answer_sum(struct orr_request *request) {
  char text[64];
  snprintf(text, sizeof text, "%zu %lx.", seen.size, seen.sum);
  server.held = NULL;
  answer_text(request, 200, text);
}

static void take(struct orr_slice piece) {
  for (size_t i = 0; i < piece.size; i++) seen.sum = seen.sum * 31 + (unsigned char)piece.text[i];
  seen.size += piece.size;
  if (piece.size > seen.largest) seen.largest = piece.size;
}

static void read_on(struct orr_request *request) {
  struct orr_slice piece;
  server.held = request;
  if (seen.hold) {
    seen.timer = orr_timer_start(server.loop, 1, 1, wake, request);
    return;
  }
  enum orr_reading what;
  while ((what = orr_request_read(request, &piece)) == ORR_READ_PIECE) {
    assert(piece.size > 0);
    take(piece);
    if (path_is(request, "/some")) break;
  }
  if (what == ORR_READ_LATER) return;
  if (what != ORR_READ_BROKEN) {
    answer_sum(request);
    return;
  }
  server.held = NULL;
  if (request->aborted)
    orr_respond_end(request, true);
  else
    answer_text(request, request->fault.status, request->fault.detail);
}

static void handle(struct server *owner, struct orr_request *request) {
  (void)owner;
  assert(request->body.size == 0);
  seen.sum = seen.size = seen.largest = 0;
  if (path_is(request, "/no"))
    answer_text(request, 409, "not now");
  else
    read_on(request);
}

static bool streams(void *data, const struct orr_request *request) {
  (void)data;
  return request->method == ORR_PUT;
}

static void readable(void *data, struct orr_request *request) {
  (void)data;
  read_on(request);
}

static int start_with(size_t most, int body_ms) {
  seen.hold = false;
  server_init(&server);
  server.handle = handle;
  server.events.streams = streams;
  server.events.readable = readable;
  server.limits.body_bytes = 10;
  server.limits.upload_bytes = (int64_t)most;
  server.limits.body_ms = body_ms;
  server_start(&server);
  return 0;
}
static int start(void **state) {
  (void)state;
  return start_with(MUCH, 30000);
}
static int start_small(void **state) {
  (void)state;
  return start_with(20, 30000);
}
static int start_hasty(void **state) {
  (void)state;
  return start_with(MUCH, 200);
}
static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

static void comes_in_pieces(void **state) {
  (void)state;
  char sum[64], head[128];
  char *body = make_body(MUCH, sum, sizeof sum);
  struct client client = client_open(&server);
  for (int i = 0; i < 2; i++) { /* and the connection is as good as new afterwards */
    snprintf(head, sizeof head, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", MUCH);
    client_send(&client, head);
    client_send_bytes(&client, body, MUCH);
    expect_answer(&client, 200, sum);
    assert_true(seen.largest < MEGABYTE);
  }
  client_close(&client);
  free(body);
}

static void comes_in_chunks(void **state) {
  (void)state;
  char sum[64], line[32];
  char *body = make_body(MEGABYTE, sum, sizeof sum);
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (size_t at = 0, size = 1; at < MEGABYTE; at += size, size = size * 3 % 70001) {
    if (size > MEGABYTE - at) size = MEGABYTE - at;
    snprintf(line, sizeof line, "%zX\r\n", size);
    client_send(&client, line);
    client_send_bytes(&client, body + at, size);
    client_send(&client, "\r\n");
  }
  client_send(&client, "0\r\nTrailer: x\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, sum);
  expect_answer(&client, 200, "0 0.");
  client_close(&client);
  free(body);
}

static void what_is_behind_it_is_the_next_request(void **state) {
  (void)state;
  expect_exchange(&server, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 200, "0 0.");
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcPUT / HTTP/1.1\r\nHost: h\r\n"
                       "Content-Length: 4\r\n\r\nabcdPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");
  expect_answer(&client, 200, "3 ");
  expect_answer(&client, 200, "4 ");
  expect_answer(&client, 413, "413 body-too-large: The body is larger than the 10 bytes that this server accepts.");
  client_close(&client);
}

/* Nobody reads: what the client can send is bounded. */
static void a_client_is_held_back(void **state) {
  (void)state;
  char sum[64], head[128];
  char *body = make_body(MUCH, sum, sizeof sum);
  size_t sent = 0;
  seen.hold = true;
  struct client client = client_open(&server);
  snprintf(head, sizeof head, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", MUCH);
  client_send(&client, head);
  for (int idle = 0; idle < 20 && sent < MUCH;) {
    ssize_t count = send(client.fd, body + sent, MUCH - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent += (size_t)count;
    idle = count > 0 ? 0 : idle + 1;
    if (count < 0) usleep(10000);
  }
  assert_true(sent < MUCH);
  seen.hold = false;
  client_send_bytes(&client, body + sent, MUCH - sent);
  expect_answer(&client, 200, sum);
  client_close(&client);
  free(body);
}

static void a_client_that_waits_is_asked_by_the_first_read(void **state) {
  (void)state;
  static const char head[] = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  struct client client = client_open(&server);
  seen.hold = true;
  client_send(&client, head);
  usleep(50000);
  assert_int_equal(recv(client.fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT), -1);
  seen.hold = false;
  struct answer interim = client_answer(&client);
  assert_int_equal(interim.status, 100);
  client_send(&client, "body");
  expect_answer(&client, 200, "4 ");
  client_close(&client);
  client = client_open(&server); /* one that is refused is never asked */
  client_send(&client, "PUT /no HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  struct answer answer = client_answer(&client);
  assert_int_equal(answer.status, 409);
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  answer_free(&answer);
  expect_end(&client);
  client_close(&client);
}

/* The answer arrives, though a megabyte is on the way; then the connection ends, since nobody knows where the next request
   would begin. */
static void an_early_answer_is_heard(void **state) {
  (void)state;
  char sum[64];
  char *body = make_body(MEGABYTE, sum, sizeof sum);
  static const char *const paths[] = {"/no", "/some"};
  for (size_t i = 0; i < 2; i++) {
    char head[128];
    struct client client = client_open(&server);
    snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n", paths[i]);
    client_send(&client, head);
    usleep(20000);
    client_send_bytes(&client, body, MEGABYTE);
    usleep(20000);
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.status, i ? 200 : 409);
    assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
    answer_free(&answer);
    expect_end(&client);
    client_close(&client);
  }
  free(body);
}

static void over_the_limit(void **state) {
  (void)state;
  expect_exchange(&server, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234567890123456789", 200, "20 ");
  expect_exchange(&server, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n", 413,
                  "413 body-too-large: The body is larger than the 20 bytes that this server accepts.");
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n0123456789012345678\r\n");
  client_send(&client, "2\r\n01\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 413, "The body is larger than the 20 bytes");
  expect_end(&client);
  client_close(&client);
}

static void nonsense(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n");
  expect_answer(&client, 400, "The request cannot be read");
  expect_end(&client);
  client_close(&client);
}

static void a_client_that_ends_too_early(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome");
  shutdown(client.fd, SHUT_WR);
  expect_answer(&client, 400, "The client ended before the body did.");
  expect_end(&client);
  client_close(&client);
}

static void a_client_that_breaks_off(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome");
  await_count(&server.arrived, 1);
  client_reset(&client);
  await_count(&server.aborted, 1);
  await_count(&server.finished, 1);
}

static void has_to_come(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbod");
  expect_answer(&client, 408, "The body of the request came too slowly.");
  expect_end(&client);
  client_close(&client);
}

/* A byte now and then does not keep an upload alive. */
static void has_to_move_on(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n");
  for (int i = 0; i < 200 && server.finished == 0; i++, usleep(20000)) send(client.fd, "x", 1, MSG_NOSIGNAL);
  expect_answer(&client, 408, "The body of the request came too slowly.");
  client_close(&client);
}

/* While it is the reader who takes long, the client has all the time of the world. */
static void a_slow_reader_is_not_the_clients_fault(void **state) {
  (void)state;
  struct client client = client_open(&server);
  seen.hold = true;
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbod");
  usleep(600000);
  assert_int_equal(server.finished, 0);
  seen.hold = false;
  usleep(20000);
  client_send(&client, "y");
  expect_answer(&client, 200, "4 ");
  client_close(&client);
}

static void is_waited_for_by_a_server_that_ends(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nsome");
  await_count(&server.arrived, 1);
  server_drain(&server);
  usleep(50000);
  client_send(&client, "more");
  struct answer answer = client_answer(&client);
  assert_int_equal(answer.status, 200);
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  answer_free(&answer);
  expect_end(&client);
  client_close(&client);
  server_join(&server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(comes_in_pieces, start, stop),
      cmocka_unit_test_setup_teardown(comes_in_chunks, start, stop),
      cmocka_unit_test_setup_teardown(what_is_behind_it_is_the_next_request, start, stop),
      cmocka_unit_test_setup_teardown(a_client_is_held_back, start, stop),
      cmocka_unit_test_setup_teardown(a_client_that_waits_is_asked_by_the_first_read, start, stop),
      cmocka_unit_test_setup_teardown(an_early_answer_is_heard, start, stop),
      cmocka_unit_test_setup_teardown(over_the_limit, start_small, stop),
      cmocka_unit_test_setup_teardown(nonsense, start, stop),
      cmocka_unit_test_setup_teardown(a_client_that_ends_too_early, start, stop),
      cmocka_unit_test_setup_teardown(a_client_that_breaks_off, start, stop),
      cmocka_unit_test_setup_teardown(has_to_come, start_hasty, stop),
      cmocka_unit_test_setup_teardown(has_to_move_on, start_hasty, stop),
      cmocka_unit_test_setup_teardown(a_slow_reader_is_not_the_clients_fault, start_hasty, stop),
      cmocka_unit_test_setup(is_waited_for_by_a_server_that_ends, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
