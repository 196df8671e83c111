/* Answers: whole and streamed, with and without bodies, in HTTP/1.1 and 1.0, to fast clients and slow ones.
 */
#include "server.h"

enum { FLOOD = 8 << 20, PIECE = 100000 };

static struct server server;

/* An answer written piece by piece, as fast as the client takes it. */
struct flood {
  size_t left;
  int refusals; /* how often a write said: wait */
};
static struct flood flood; /* one at a time, the loop's own */

static void pour(struct orr_request *request) {
  static char piece[PIECE];
  memset(piece, 'f', sizeof piece);
  while (flood.left > 0) {
    size_t size = flood.left < PIECE ? flood.left : PIECE;
    flood.left -= size;
    if (!orr_respond_write(request, piece, size)) {
      flood.refusals++;
      return;
    }
  }
  server.held = NULL;
  orr_respond_end(request, false);
}

static void proceed(void *data, struct orr_request *request) {
  struct server *owner = data;
  owner->proceeded++;
  pour(request);
}

static void begin_text(struct orr_request *request, int64_t length) {
  static const char type[] = "Content-Type: text/plain\r\n";
  orr_respond_begin(request, 200, type, sizeof type - 1, length);
}

static void handle(struct server *owner, struct orr_request *request) {
  if (path_is(request, "/hello")) {
    answer_text(request, 200, "hello");
  } else if (path_is(request, "/none")) {
    orr_respond(request, 204, NULL, 0, NULL, 0);
  } else if (path_is(request, "/same")) {
    orr_respond(request, 304, "ETag: \"x\"\r\n", 11, "never sent", 10);
  } else if (path_is(request, "/odd")) {
    answer_text(request, 299, "odd");
  } else if (path_is(request, "/chunks")) {
    begin_text(request, -1);
    assert(orr_respond_write(request, "one", 3));
    assert(orr_respond_write(request, "", 0)); /* an empty chunk would be the end */
    assert(orr_respond_write(request, "two", 3));
    orr_respond_end(request, false);
  } else if (path_is(request, "/known")) {
    begin_text(request, 6);
    assert(orr_respond_write(request, "one", 3));
    assert(orr_respond_write(request, "two", 3));
    orr_respond_end(request, false);
  } else if (path_is(request, "/more")) { /* than promised */
    begin_text(request, 6);
    assert(orr_respond_write(request, "one", 3));
    assert(orr_respond_write(request, "two and three", 13));
    orr_respond_end(request, false);
  } else if (path_is(request, "/less")) {
    begin_text(request, 6);
    assert(orr_respond_write(request, "one", 3));
    orr_respond_end(request, false);
  } else if (path_is(request, "/cut")) {
    begin_text(request, -1);
    assert(orr_respond_write(request, "one", 3));
    orr_respond_end(request, true);
  } else if (path_is(request, "/nothing")) {
    orr_respond_end(request, true);
  } else if (path_is(request, "/large")) {
    char *body = orr_zalloc(FLOOD);
    memset(body, 'l', FLOOD);
    orr_respond(request, 200, NULL, 0, body, FLOOD);
    free(body);
  } else {
    flood = (struct flood){.left = FLOOD};
    owner->held = request;
    begin_text(request, -1);
    pour(request);
  }
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = handle;
  server.events.proceed = proceed;
  server.limits.write_ms = 800;
  server_start(&server);
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

static struct answer ask(struct client *client, const char *method, const char *path, const char *version) {
  char sent[128];
  snprintf(sent, sizeof sent, "%s %s HTTP/%s\r\nHost: h\r\n\r\n", method, path, version);
  client_send(client, sent);
  return client_answer_to(client, strcmp(method, "HEAD") == 0);
}

static void expect_body(struct answer *answer, const char *body) {
  assert_false(answer->cut);
  assert_string_equal(orr_buf_text(&answer->body), body);
  answer_free(answer);
}

static void sends_whole_answers(void **state) {
  (void)state;
  struct client client = client_open(&server);
  struct answer answer = ask(&client, "GET", "/hello", "1.1");
  assert_int_equal(answer.status, 200);
  assert_non_null(strstr(answer.head, "HTTP/1.1 200 OK\r\n"));
  assert_non_null(answer_header(&answer, "\r\nContent-Type: text/plain\r\n"));
  assert_non_null(answer_header(&answer, "\r\nContent-Length: 5\r\n"));
  assert_null(answer_header(&answer, "\r\nConnection:"));
  expect_body(&answer, "hello");
  assert_int_equal(server.last_bytes, 5);

  const char *date = answer_header(&answer, "\r\nDate: ");
  struct tm at = {0};
  assert_non_null(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &at));
  assert_true(llabs((long long)timegm(&at) - time(NULL)) <= 2);

  answer = ask(&client, "GET", "/odd", "1.1");
  assert_int_equal(answer.status, 299);
  expect_body(&answer, "odd");
  client_close(&client);
}

/* What has no body must not be followed by one: the next answer would be read as garbage. */
static void sends_no_body_where_none_belongs(void **state) {
  (void)state;
  struct client client = client_open(&server);
  struct answer answer = ask(&client, "HEAD", "/hello", "1.1");
  assert_non_null(answer_header(&answer, "\r\nContent-Length: 5\r\n"));
  answer = ask(&client, "HEAD", "/chunks", "1.1");
  assert_non_null(answer_header(&answer, "\r\nTransfer-Encoding: chunked\r\n"));
  answer = ask(&client, "HEAD", "/less", "1.1");
  assert_non_null(answer_header(&answer, "\r\nContent-Length: 6\r\n"));
  answer = ask(&client, "GET", "/none", "1.1");
  assert_int_equal(answer.status, 204);
  assert_null(answer_header(&answer, "\r\nContent-Length:"));
  answer = ask(&client, "GET", "/same", "1.1");
  assert_int_equal(answer.status, 304);
  assert_non_null(answer_header(&answer, "\r\nETag: \"x\"\r\n"));
  answer = ask(&client, "GET", "/hello", "1.1");
  expect_body(&answer, "hello");
  client_close(&client);
}

static void streams(void **state) {
  (void)state;
  struct client client = client_open(&server);
  struct answer answer = ask(&client, "GET", "/chunks", "1.1");
  assert_non_null(answer_header(&answer, "\r\nTransfer-Encoding: chunked\r\n"));
  expect_body(&answer, "onetwo");
  answer = ask(&client, "GET", "/known", "1.1");
  assert_non_null(answer_header(&answer, "\r\nContent-Length: 6\r\n"));
  expect_body(&answer, "onetwo");
  answer = ask(&client, "GET", "/more", "1.1");
  expect_body(&answer, "onetwo");
  answer = ask(&client, "GET", "/hello", "1.1");
  expect_body(&answer, "hello");
  client_close(&client);
}

static void a_short_answer_is_seen_to_be_short(void **state) {
  (void)state;
  static const char *const paths[] = {"/less", "/cut", "/nothing"};
  for (int i = 0; i < 3; i++) {
    struct client client = client_open(&server);
    struct answer answer = ask(&client, "GET", paths[i], "1.1");
    assert_true(answer.cut || answer.status == 0);
    assert_int_equal(answer.body.size, i < 2 ? 3 : 0);
    answer_free(&answer);
    expect_end(&client);
    client_close(&client);
  }
}

static void speaks_the_old_version(void **state) {
  (void)state;
  struct client client = client_open(&server);
  struct answer answer = ask(&client, "GET", "/hello", "1.0");
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  expect_body(&answer, "hello");
  expect_end(&client);
  client_close(&client);

  client = client_open(&server);
  client_send(&client, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  answer = client_answer(&client);
  assert_non_null(answer_header(&answer, "\r\nConnection: keep-alive\r\n"));
  expect_body(&answer, "hello");
  client_send(&client, "GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  answer = client_answer(&client);
  assert_null(answer_header(&answer, "\r\nTransfer-Encoding:"));
  assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
  expect_body(&answer, "onetwo");
  client_close(&client);

  client =
      client_open(&server); /* here the end of the connection is the end of the body: a cut is an error */
  client_send(&client, "GET /cut HTTP/1.0\r\n\r\n");
  ssize_t count;
  while ((count = client_read(&client)) > 0) continue;
  assert_int_equal(count, -1);
  client_close(&client);
}

static void waits_for_a_slow_reader(void **state) {
  (void)state;
  struct client client = client_open(&server);
  setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &(int){16384}, sizeof(int));
  client_send(&client, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  usleep(200000);
  assert_int_equal(server.finished, 0);
  struct answer answer = client_answer(&client);
  assert_int_equal(answer.body.size, FLOOD);
  answer_free(&answer);
  await_count(&server.finished, 1);
  assert_true(server.proceeded > 0);
  assert_int_equal(server.proceeded, flood.refusals);
  assert_int_equal(server.last_bytes, FLOOD);
  client_close(&client);
}

/* What is known at once is queued at once; the client that takes its time gets every byte of it. */
static void a_large_answer_arrives_whole(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  usleep(200000);
  struct answer answer = client_answer(&client);
  assert_int_equal(answer.body.size, FLOOD);
  for (size_t i = 0; i < FLOOD; i++)
    if (answer.body.data[i] != 'l') fail();
  answer_free(&answer);
  expect_end(&client);
  client_close(&client);
}

static void gives_a_client_up_that_takes_nothing(void **state) {
  (void)state;
  struct client client = client_open(&server);
  client_send(&client, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  await_count(&server.aborted, 1);
  await_count(&server.finished, 1);
  client_close(&client);
}

/* Many requests whose answers nobody reads must not pile up in memory: the server stops reading. */
static void answers_do_not_pile_up(void **state) {
  (void)state;
  struct client client = client_open(&server);
  for (int i = 0; i < 10; i++) client_send(&client, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  await_count(&server.arrived, 1);
  usleep(50000);
  assert_int_equal(server.arrived, 1);
  for (int i = 0; i < 10; i++) {
    struct answer answer = client_answer(&client);
    assert_int_equal(answer.body.size, FLOOD);
    answer_free(&answer);
  }
  client_close(&client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sends_whole_answers, start, stop),
      cmocka_unit_test_setup_teardown(sends_no_body_where_none_belongs, start, stop),
      cmocka_unit_test_setup_teardown(streams, start, stop),
      cmocka_unit_test_setup_teardown(a_short_answer_is_seen_to_be_short, start, stop),
      cmocka_unit_test_setup_teardown(speaks_the_old_version, start, stop),
      cmocka_unit_test_setup_teardown(waits_for_a_slow_reader, start, stop),
      cmocka_unit_test_setup_teardown(a_large_answer_arrives_whole, start, stop),
      cmocka_unit_test_setup_teardown(gives_a_client_up_that_takes_nothing, start, stop),
      cmocka_unit_test_setup_teardown(answers_do_not_pile_up, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
