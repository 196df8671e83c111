/* The command line's HTTP client against our own server, where the two meet: what it sends, what it keeps, and how it lets go. */
#include "fetch/client.h"

#include <strings.h>
#include <sys/eventfd.h>

#include "../http/server.h"

static struct server server;
static struct orr_client *client;
static struct orr_client_response response;
static struct orr_err err;
static char url[64];

static void handle(struct server *owner, struct orr_request *request) {
  char text[32];
  if (path_is(request, "/hold")) {
    owner->held = request;
  } else if (path_is(request, "/connection")) {
    snprintf(text, sizeof text, "%p", (void *)request->connection);
    answer_text(request, 200, text);
  } else if (path_is(request, "/refuse")) {
    answer_text(request, 422, "this is wrong");
  } else {
    answer_seen(request);
  }
}

/* A client that lets go looks like one that has finished sending: what is held is answered, to nobody. */
static void let_go(void *data, struct orr_request *request) {
  struct server *owner = data;
  owner->held = NULL;
  answer_text(request, 200, "too late");
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = handle;
  server.events.half_closed = let_go;
  server_start(&server);
  client = orr_client_create();
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_client_response_free(&response);
  orr_client_destroy(client);
  server_stop(&server);
  return 0;
}

static struct orr_client_request request_for(const char *method, const char *path) {
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
  return (struct orr_client_request){.method = method, .url = url, .wake = -1};
}

static int send_it(const struct orr_client_request *request) {
  return orr_client_send(client, request, &response, &err);
}

static bool body_has(const char *text) { return strstr(orr_buf_text(&response.body), text) != NULL; }

static void it_sends_what_it_is_given(void **state) {
  (void)state;
  static const char *const headers[] = {"Content-Type: application/json", "Idempotency-Key: k1", NULL};
  struct orr_client_request request = request_for("POST", "/v1/x?limit=3");
  request.headers = headers;
  request.body = "{\"a\":1}";
  request.body_size = 7;
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 200);
  assert_true(body_has("path=/v1/x\nquery=limit=3\n"));
  assert_true(body_has("content-type=[application/json]\n"));
  assert_true(body_has("idempotency-key=[k1]\n"));
  assert_true(body_has("body=[{\"a\":1}]\n"));
  assert_false(body_has("expect="));
  assert_non_null(strcasestr(orr_buf_text(&response.head), "content-length: "));
}

static void a_post_may_have_no_body(void **state) {
  (void)state;
  struct orr_client_request request = request_for("POST", "/x");
  assert_int_equal(send_it(&request), ORR_OK);
  assert_true(body_has("content-length=[0]\n"));
  assert_false(body_has("content-type="));
}

static void connections_are_kept(void **state) {
  (void)state;
  char first[32];
  struct orr_client_request request = request_for("GET", "/connection");
  assert_int_equal(send_it(&request), ORR_OK);
  snprintf(first, sizeof first, "%s", orr_buf_text(&response.body));
  assert_int_equal(send_it(&request), ORR_OK);
  assert_string_equal(orr_buf_text(&response.body), first);
}

static bool gather(void *data, int status, const char *bytes, size_t size) {
  assert_int_equal(status, 200);
  orr_buf_put(data, bytes, size);
  return true;
}

static void a_sink_takes_successful_bodies_only(void **state) {
  (void)state;
  struct orr_buf got = {0};
  struct orr_client_request request = request_for("GET", "/x");
  request.sink = gather;
  request.data = &got;
  assert_int_equal(send_it(&request), ORR_OK);
  assert_non_null(strstr(orr_buf_text(&got), "path=/x\n"));
  assert_int_equal(response.body.size, 0);
  got.size = 0;
  request = request_for("GET", "/refuse");
  request.sink = gather;
  request.data = &got;
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 422);
  assert_int_equal(got.size, 0);
  assert_string_equal(orr_buf_text(&response.body), "this is wrong");
  orr_buf_free(&got);
}

static bool refuse(void *data, int status, const char *bytes, size_t size) {
  (void)status, (void)bytes, (void)size;
  ++*(int *)data;
  return false;
}

static void a_sink_can_break_it_off(void **state) {
  (void)state;
  int calls = 0;
  struct orr_client_request request = request_for("GET", "/x");
  request.sink = refuse;
  request.data = &calls;
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 0);
  assert_int_equal(calls, 1);
}

static bool count_to_three(void *data) { return ++*(int *)data < 3; }

static void ticks_come_while_it_waits(void **state) {
  (void)state;
  int ticks = 0;
  struct orr_client_request request = request_for("GET", "/hold");
  request.tick = count_to_three;
  request.tick_ms = 10;
  request.data = &ticks;
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 0);
  assert_int_equal(ticks, 3);
  request = request_for("GET", "/x"); /* the client is still good */
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 200);
}

static void *wake_later(void *data) {
  await_count(&server.arrived, 1);
  assert(eventfd_write(*(int *)data, 1) == 0);
  return NULL;
}

static void a_descriptor_wakes_it(void **state) {
  (void)state;
  pthread_t thread;
  int wake = eventfd(0, EFD_CLOEXEC);
  struct orr_client_request request = request_for("GET", "/hold");
  request.wake = wake;
  pthread_create(&thread, NULL, wake_later, &wake);
  assert_int_equal(send_it(&request), ORR_OK);
  assert_int_equal(response.status, 0);
  pthread_join(thread, NULL);
  close(wake);
}

static void it_does_not_wait_for_ever(void **state) {
  (void)state;
  struct orr_client_request request = request_for("GET", "/hold");
  request.timeout_ms = 30;
  assert_int_equal(send_it(&request), ORR_TIMEOUT);
}

static void failures_have_a_code_and_words(void **state) {
  (void)state;
  struct orr_client_request request = {.method = "GET", .url = "http://127.0.0.1:1/", .wake = -1};
  assert_int_equal(send_it(&request), ORR_UNAVAILABLE);
  assert_string_equal(err.text, "Connection refused");
  request.url = "file:///etc/passwd";
  assert_int_equal(send_it(&request), ORR_INVALID);
  request.url = "http://127.0.0.1:notaport/";
  assert_int_equal(send_it(&request), ORR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_sends_what_it_is_given),      TEST(a_post_may_have_no_body),
      TEST(connections_are_kept),           TEST(a_sink_takes_successful_bodies_only),
      TEST(a_sink_can_break_it_off),        TEST(ticks_come_while_it_waits),
      TEST(a_descriptor_wakes_it),          TEST(it_does_not_wait_for_ever),
      TEST(failures_have_a_code_and_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
