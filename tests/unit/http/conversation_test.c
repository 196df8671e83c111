/* Many requests on one connection: one after the other, all at once, and answered late. */
#include "server.h"

static struct server server;

/* A request answered by a timer. */
struct late {
  struct orr_request *request;
  struct orr_timer *timer;
};

static void answer_path(struct orr_request *request) {
  char text[128];
  snprintf(text, sizeof text, "%.*s %.*s", (int)request->path.size, request->path.text,
           (int)request->body.size, request->body.text);
  answer_text(request, 200, text);
}

static void ring(void *data) {
  struct late *late = data;
  struct orr_request *request = late->request;
  orr_timer_stop(late->timer);
  free(late);
  answer_path(request);
}

/* Tells whether the peer has got anything by now. */
static atomic_int peer;
static void answer_what_has_left(struct orr_request *request) {
  char byte;
  answer_text(request, 200, recv(peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? "something" : "nothing");
}

enum { PIECE = 100000, PIECES = 3 };

static void stream_pieces(struct orr_request *request) {
  static char piece[PIECE];
  orr_respond_begin(request, 200, NULL, 0, -1);
  for (int i = 0; i < PIECES; i++) {
    memset(piece, 'a' + i, PIECE);
    orr_respond_write(request, piece, PIECE);
  }
  orr_respond_end(request, false);
}

static void handle(struct server *owner, struct orr_request *request) {
  if (path_is(request, "/left")) {
    answer_what_has_left(request);
  } else if (path_is(request, "/stream")) {
    stream_pieces(request);
  } else if (request->path.size >= 5 && memcmp(request->path.text, "/late", 5) == 0) {
    struct late *late = orr_alloc(sizeof *late);
    late->request = request;
    late->timer = orr_timer_start(owner->loop, 0, 0, ring, late);
  } else if (path_is(request, "/wait")) {
    owner->held = request;
  } else {
    if (path_is(request, "/wake")) {
      answer_path(owner->held);
      owner->held = NULL;
    }
    answer_path(request);
  }
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = handle;
  server_start(&server);
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

static void keeps_a_connection_alive(void **state) {
  (void)state;
  struct client client = client_open(&server);
  for (int i = 0; i < 100; i++) {
    client_send(&client, i % 3 ? "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
                               : "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy");
    expect_answer(&client, 200, i % 3 ? "/a " : "/b xy");
  }
  client_close(&client);
}

static void closes_when_asked(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client,
              "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  struct answer answer = client_answer(&client);
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  answer_free(&answer);
  expect_end(&client);
  assert_int_equal(server.arrived, 1);
  client_close(&client);
}

static void pipeline(const char *path, int count) {
  struct client client = client_open(&server);
  struct orr_buf sent = {0};
  for (int i = 0; i < count; i++)
    if (i % 2)
      orr_buf_printf(&sent, "GET %s%d HTTP/1.1\r\nHost: h\r\n\r\n", path, i);
    else
      orr_buf_printf(&sent, "POST %s%d HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", path, i);
  client_send_bytes(&client, sent.data, sent.size);
  for (int i = 0; i < count; i++) {
    char expected[64];
    snprintf(expected, sizeof expected, i % 2 ? "%s%d " : "%s%d body", path, i);
    expect_answer(&client, 200, expected);
  }
  assert_int_equal(client.in.size, 0);
  orr_buf_free(&sent);
  client_close(&client);
}

static void answers_a_thousand_at_once(void **state) {
  (void)state;
  pipeline("/now", 1000);
}

static void answers_late_ones_in_order(void **state) {
  (void)state;
  pipeline("/late", 1000);
}

/* More than the server keeps of what it cannot answer yet: it stops reading, and then takes up the thread. */
static void answers_more_than_it_keeps(void **state) {
  (void)state;
  pipeline("/late-and-with-a-rather-long-path-to-fill-the-buffer-of-the-server-sooner", 4000);
}

static void answers_read_together_leave_together(void **state) {
  (void)state;
  struct client client = client_open(&server);
  peer = client.fd;
  client_send(&client, "GET /first HTTP/1.1\r\nHost: h\r\n\r\nGET /left HTTP/1.1\r\nHost: h\r\n\r\n"
                       "GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, "/first");
  expect_answer(&client, 200, "nothing");
  expect_answer(&client, 200, "/last");
  client_close(&client);
}

static void a_streamed_answer_keeps_its_place(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET /before HTTP/1.1\r\nHost: h\r\n\r\nGET /stream HTTP/1.1\r\nHost: h\r\n\r\n"
                       "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, "/before");
  struct answer answer = client_answer(&client);
  assert_int_equal(answer.body.size, PIECE * PIECES);
  for (size_t i = 0; i < answer.body.size; i++)
    if (answer.body.data[i] != (char)('a' + i / PIECE)) fail();
  answer_free(&answer);
  expect_answer(&client, 200, "/after");
  client_close(&client);
}

static void ends_the_line_at_a_bad_request(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(
      &client,
      "GET /late HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&client, 200, "/late");
  expect_answer(&client, 400, "Host");
  expect_end(&client);
  assert_int_equal(server.arrived, 1);
  client_close(&client);
}

static void many_clients_at_once(void **state) {
  (void)state;
  enum { CLIENTS = 100, ROUNDS = 20 };
  struct client clients[CLIENTS];
  for (int i = 0; i < CLIENTS; i++) clients[i] = client_open(&server);
  for (int round = 0; round < ROUNDS; round++) {
    char path[32], sent[64];
    for (int i = 0; i < CLIENTS; i++) {
      snprintf(sent, sizeof sent, "GET /%s%d HTTP/1.1\r\nHost: h\r\n\r\n", i % 5 ? "now" : "late", i);
      client_send(&clients[i], sent);
    }
    for (int i = 0; i < CLIENTS; i++) {
      snprintf(path, sizeof path, "/%s%d ", i % 5 ? "now" : "late", i);
      expect_answer(&clients[i], 200, path);
    }
  }
  for (int i = 0; i < CLIENTS; i++) client_close(&clients[i]);
}

/* While one connection is read, another is answered, and goes on to what rests there. */
static void answers_of_two_connections_do_not_mix(void **state) {
  (void)state;
  struct client waiting = client_open(&server), waking = client_open(&server);
  client_send(&waiting, "GET /first HTTP/1.1\r\nHost: h\r\n\r\nGET /wait HTTP/1.1\r\nHost: h\r\n\r\n"
                        "GET /behind HTTP/1.1\r\nHost: h\r\n\r\n");
  await_count(&server.arrived, 2);
  client_send(&waking, "GET /before HTTP/1.1\r\nHost: h\r\n\r\nGET /wake HTTP/1.1\r\nHost: h\r\n\r\n"
                       "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
  expect_answer(&waking, 200, "/before");
  expect_answer(&waking, 200, "/wake");
  expect_answer(&waking, 200, "/after");
  expect_answer(&waiting, 200, "/first");
  expect_answer(&waiting, 200, "/wait");
  expect_answer(&waiting, 200, "/behind");
  client_close(&waiting);
  client_close(&waking);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(keeps_a_connection_alive, start, stop),
      cmocka_unit_test_setup_teardown(closes_when_asked, start, stop),
      cmocka_unit_test_setup_teardown(answers_a_thousand_at_once, start, stop),
      cmocka_unit_test_setup_teardown(answers_late_ones_in_order, start, stop),
      cmocka_unit_test_setup_teardown(answers_more_than_it_keeps, start, stop),
      cmocka_unit_test_setup_teardown(answers_read_together_leave_together, start, stop),
      cmocka_unit_test_setup_teardown(a_streamed_answer_keeps_its_place, start, stop),
      cmocka_unit_test_setup_teardown(ends_the_line_at_a_bad_request, start, stop),
      cmocka_unit_test_setup_teardown(many_clients_at_once, start, stop),
      cmocka_unit_test_setup_teardown(answers_of_two_connections_do_not_mix, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
