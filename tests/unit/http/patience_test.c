/* How long and for how many the server waits. */
#include "server.h"

static struct server server;

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.limits.header_ms = 300;
  server.limits.idle_ms = 600;
  server.limits.connections = 3;
  server_start(&server);
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

static void a_head_has_to_come(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET / HTTP/1.1\r\nHo");
  expect_answer(&client, 408, "408 timeout");
  expect_end(&client);
  client_close(&client);
}

static void a_silent_client_is_told(void **state) {
  (void)state;
  struct client client = client_open(&server);
  expect_answer(&client, 408, "408 timeout");
  expect_end(&client);
  client_close(&client);
}

/* Neither bytes one at a time nor empty lines win more time. */
static void dribbling_does_not_help(void **state) {
  (void)state;
  struct client slow = client_open(&server), empty = client_open(&server);
  int64_t began = orr_clock_ms();
  client_send(&slow, "GET / HTTP/1.1\r\nX: ");
  while (server.refused < 2 && orr_clock_ms() < began + 10000) {
    send(slow.fd, "x", 1, MSG_NOSIGNAL);
    send(empty.fd, "\r\n", 2, MSG_NOSIGNAL);
    usleep(20000);
  }
  expect_answer(&slow, 408, "408 timeout");
  expect_answer(&empty, 408, "408 timeout");
  client_close(&slow);
  client_close(&empty);
}

static void an_idle_connection_ends_without_a_word(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, NULL);
  usleep(400000); /* longer than a head may take, shorter than a rest between requests */
  client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, NULL);
  int64_t began = orr_clock_ms();
  expect_end(&client);
  assert_true(orr_clock_ms() - began >= 400);
  assert_int_equal(server.refused, 0);
  client_close(&client);
}

/* A second request that does not come to its end is late like a first one. */
static void a_second_head_has_to_come(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /");
  expect_answer(&client, 200, NULL);
  expect_answer(&client, 408, "408 timeout");
  client_close(&client);
}

static int start_patient(void **state) {
  (void)state;
  server_init(&server);
  server.limits.connections = 3;
  server_start(&server);
  return 0;
}

static void one_client_too_many_is_told(void **state) {
  (void)state;
  struct client clients[3];
  for (int i = 0; i < 3; i++) {
    clients[i] = client_open(&server);
    client_send(&clients[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_answer(&clients[i], 200, NULL);
  }
  expect_exchange(&server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 503, "503 too-many-connections");
  client_close(&clients[0]);
  for (int i = 0, status = 0; status != 200; i++, usleep(1000)) { /* until the server has seen it leave */
    assert_true(i < 5000);
    struct client client = client_open(&server);
    client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct answer answer = client_answer(&client);
    status = answer.status;
    answer_free(&answer);
    client_close(&client);
  }
  client_close(&clients[1]);
  client_close(&clients[2]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_head_has_to_come, start, stop),
      cmocka_unit_test_setup_teardown(a_silent_client_is_told, start, stop),
      cmocka_unit_test_setup_teardown(dribbling_does_not_help, start, stop),
      cmocka_unit_test_setup_teardown(an_idle_connection_ends_without_a_word, start, stop),
      cmocka_unit_test_setup_teardown(a_second_head_has_to_come, start, stop),
      cmocka_unit_test_setup_teardown(one_client_too_many_is_told, start_patient, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
