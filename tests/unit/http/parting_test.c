/* How connections end: clients that leave, and a server that drains. */
#include "server.h"

static struct server server;

static void hold(struct server *owner, struct orr_request *request) {
  if (path_is(request, "/hold"))
    owner->held = request;
  else
    answer_seen(request);
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = hold;
  server_start(&server);
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

/* Answers what is held, on the loop. */
static void release_now(struct orr_message *message) {
  free(message);
  struct orr_request *request = server.held;
  server.held = NULL;
  answer_text(request, 200, "released");
}
static void release(void) {
  struct orr_message *message = orr_alloc(sizeof *message);
  message->deliver = release_now;
  orr_loop_post(server.loop, message);
}

static struct client client_holding(void) {
  struct client client = client_open(&server);
  client_send(&client, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  await_count(&server.arrived, 1);
  return client;
}

static void a_reset_aborts_the_request(void **state) {
  (void)state;
  struct client client = client_holding();
  client_reset(&client);
  await_count(&server.aborted, 1);
  await_count(&server.finished, 1);
  assert_int_equal(server.half_closed, 0);
}

/* After a half-close, too, a reset is heard of when something is written. */
static void a_client_that_leaves_is_half_closed_first(void **state) {
  (void)state;
  struct client client = client_holding();
  client_close(&client);
  await_count(&server.half_closed, 1);
  assert_int_equal(server.aborted, 0);
  release();
  await_count(&server.finished, 1);
}

static void a_half_closed_client_gets_its_answers(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  shutdown(client.fd, SHUT_WR);
  await_count(&server.half_closed, 1);
  assert_int_equal(server.aborted, 0);
  release();
  expect_answer(&client, 200, "released");
  expect_answer(&client, 200, "path=/next");
  expect_end(&client);
  client_close(&client);

  client = client_open(&server);
  client_send(&client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  shutdown(client.fd, SHUT_WR);
  expect_answer(&client, 200, "path=/a");
  expect_end(&client);
  client_close(&client);
}

static void stream_held(struct orr_message *message) {
  free(message);
  if (!server.held) return;
  if (server.finished == 0 && !server.held->aborted) orr_respond_write(server.held, "tick\n", 5);
}
static void begin_held(struct orr_message *message) {
  free(message);
  orr_respond_begin(server.held, 200, NULL, 0, -1);
}
static void post(void (*deliver)(struct orr_message *message)) {
  struct orr_message *message = orr_alloc(sizeof *message);
  message->deliver = deliver;
  orr_loop_post(server.loop, message);
}

/* An event stream learns from a failing write that nobody listens any more. */
static void a_failing_write_aborts_the_stream(void **state) {
  (void)state;
  struct client client = client_holding();
  post(begin_held);
  client_close(&client);
  for (int i = 0; i < 5000 && server.aborted == 0; i++, usleep(1000)) post(stream_held);
  await_count(&server.aborted, 1);
  await_count(&server.finished, 1);
}

static void a_request_cut_short_is_none(void **state) {
  (void)state;
  static const char *const cut[] = {"", "GET / HT",
                                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"};
  for (int i = 0; i < 3; i++) {
    struct client client = client_open(&server);
    client_send(&client, cut[i]);
    shutdown(client.fd, SHUT_WR);
    expect_end(&client);
    client_close(&client);
  }
  assert_int_equal(server.arrived, 0);
}

static void drains_at_once_when_idle(void **state) {
  (void)state;
  struct client fresh = client_open(&server), idle = client_open(&server);
  client_send(&idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&idle, 200, NULL);
  server_drain(&server);
  expect_end(&fresh);
  expect_end(&idle);
  client_close(&fresh);
  client_close(&idle);
  server_join(&server);
}

static void drains_behind_the_last_answer(void **state) {
  (void)state;
  struct client client = client_holding(), sending = client_open(&server);
  client_send(&sending, "POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  usleep(50000);
  server_drain(&server);
  client_send(&sending, "dy");
  struct answer answer = client_answer(&sending);
  assert_int_equal(answer.status, 200);
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  answer_free(&answer);
  expect_end(&sending);
  client_close(&sending);
  assert_int_equal(server.finished, 1);

  release();
  answer = client_answer(&client);
  assert_int_equal(answer.status, 200);
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  answer_free(&answer);
  expect_end(&client);
  client_close(&client);
  server_join(&server);
}

static void close_all_now(struct orr_message *message) {
  free(message);
  orr_http_close_all(server.http);
}

static void a_drain_can_be_cut_short(void **state) {
  (void)state;
  struct client client = client_holding();
  server_drain(&server);
  usleep(20000);
  assert_int_equal(server.aborted, 0);
  post(close_all_now);
  await_count(&server.aborted, 1);
  expect_end(&client);
  client_close(&client);
  server_join(&server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_reset_aborts_the_request, start, stop),
      cmocka_unit_test_setup_teardown(a_client_that_leaves_is_half_closed_first, start, stop),
      cmocka_unit_test_setup_teardown(a_half_closed_client_gets_its_answers, start, stop),
      cmocka_unit_test_setup_teardown(a_failing_write_aborts_the_stream, start, stop),
      cmocka_unit_test_setup_teardown(a_request_cut_short_is_none, start, stop),
      cmocka_unit_test_setup(drains_at_once_when_idle, start),
      cmocka_unit_test_setup(drains_behind_the_last_answer, start),
      cmocka_unit_test_setup(a_drain_can_be_cut_short, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
