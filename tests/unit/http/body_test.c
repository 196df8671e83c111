/* Bodies of requests: large, chunked, expected, too large, too slow. */
#include "server.h"

enum { MEGABYTE = 1 << 20 };

static struct server server;

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

/* Answers with the body's size and a checksum of it. */
static void answer_sum(struct server *owner, struct orr_request *request) {
  (void)owner;
  unsigned long sum = 0;
  for (size_t i = 0; i < request->body.size; i++) sum = sum * 31 + (unsigned char)request->body.text[i];
  char text[64];
  snprintf(text, sizeof text, "%zu %lx.", request->body.size, sum);
  answer_text(request, 200, text);
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = answer_sum;
  server_start(&server);
  return 0;
}

static void takes_sixteen_megabytes(void **state) {
  (void)state;
  char sum[64], head[128];
  char *body = make_body(16 * MEGABYTE, sum, sizeof sum);
  struct client client = client_open(&server);
  for (int i = 0; i < 2; i++) { /* the connection is as good as new afterwards */
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", 16 * MEGABYTE);
    client_send(&client, head);
    client_send_bytes(&client, body, 16 * MEGABYTE);
    expect_answer(&client, 200, sum);
  }
  client_close(&client);
  free(body);
}

static void takes_sixteen_megabytes_in_chunks(void **state) {
  (void)state;
  char sum[64], line[32];
  char *body = make_body(16 * MEGABYTE, sum, sizeof sum);
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (size_t at = 0, size = 1; at < 16 * MEGABYTE; at += size, size = size * 3 % 70001) {
    if (size > 16 * MEGABYTE - at) size = 16 * MEGABYTE - at;
    snprintf(line, sizeof line, "%zX\r\n", size);
    client_send(&client, line);
    client_send_bytes(&client, body + at, size);
    client_send(&client, "\r\n");
  }
  client_send(&client, "0\r\n\r\n");
  expect_answer(&client, 200, sum);
  client_close(&client);
  free(body);
}

static int start_small(void **state) {
  (void)state;
  server_init(&server);
  server.handle = answer_sum;
  server.limits.body_bytes = 10;
  server_start(&server);
  return 0;
}

static void refuses_a_body_over_the_limit(void **state) {
  (void)state;
  expect_exchange(&server, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789", 200, "10 ");
  expect_exchange(&server, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413,
                  "413 body-too-large: The body is larger than the 10 bytes that this server accepts.");
  expect_exchange(&server,
                  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n",
                  200, "10 ");
  expect_exchange(&server,
                  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\n01234\r\n5\r\n01234\r\n1\r\n0\r\n",
                  413, "413 body-too-large");
}

/* A client that sends a megabyte before it reads must find the refusal, and not a reset in its place. */
static void a_refusal_outlives_what_is_still_sent(void **state) {
  (void)state;
  char sum[64];
  char *body = make_body(MEGABYTE, sum, sizeof sum);
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
  usleep(50000);
  client_send_bytes(&client, body, MEGABYTE);
  usleep(50000);
  expect_answer(&client, 413, "413 body-too-large");
  client_close(&client);
  free(body);
}

static void says_continue_when_the_body_is_wanted(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n");
  struct answer interim = client_answer(&client);
  assert_int_equal(interim.status, 100);
  client_send(&client, "body");
  expect_answer(&client, 200, "4 ");
  client_send(&client,
              "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  interim = client_answer(&client);
  assert_int_equal(interim.status, 100);
  client_send(&client, "1\r\nx\r\n0\r\n\r\n");
  expect_answer(&client, 200, "1 ");
  client_close(&client);

  expect_exchange(&server, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n",
                  413, "413 body-too-large");
  expect_exchange(&server, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
                  200, "0 ");
  expect_exchange(&server, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 200,
                  "1 ");
}

static int start_hasty(void **state) {
  (void)state;
  server_init(&server);
  server.handle = answer_sum;
  server.limits.body_ms = 200;
  server_start(&server);
  return 0;
}

static void a_body_has_to_come(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbod");
  expect_answer(&client, 408, "408 timeout: The body");
  expect_end(&client);
  client_close(&client);
}

/* A byte now and then does not keep a connection alive. */
static void a_body_has_to_move_on(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n");
  for (int i = 0; i < 100 && server.refused == 0; i++, usleep(20000)) client_send(&client, "x");
  assert_int_equal(server.refused, 1);
  expect_answer(&client, 408, "408 timeout: The body");
  client_close(&client);
}

/* But a long body that does move on may take longer than the limit for a piece of it. */
static void a_steady_body_has_its_time(void **state) {
  (void)state;
  char sum[64];
  char *body = make_body(20 * 20000, sum, sizeof sum);
  struct client client = client_open(&server);
  client_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n");
  for (int i = 0; i < 20; i++, usleep(20000)) client_send_bytes(&client, body + 20000 * i, 20000);
  expect_answer(&client, 200, sum);
  client_close(&client);
  free(body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(takes_sixteen_megabytes, start, stop),
      cmocka_unit_test_setup_teardown(takes_sixteen_megabytes_in_chunks, start, stop),
      cmocka_unit_test_setup_teardown(refuses_a_body_over_the_limit, start_small, stop),
      cmocka_unit_test_setup_teardown(a_refusal_outlives_what_is_still_sent, start_small, stop),
      cmocka_unit_test_setup_teardown(says_continue_when_the_body_is_wanted, start_small, stop),
      cmocka_unit_test_setup_teardown(a_body_has_to_come, start_hasty, stop),
      cmocka_unit_test_setup_teardown(a_body_has_to_move_on, start_hasty, stop),
      cmocka_unit_test_setup_teardown(a_steady_body_has_its_time, start_hasty, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
