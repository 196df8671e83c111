/* The bus: what both carriers do, and what RabbitMQ's does beside it where ORRERY_TEST_BROKER is the URL of one, and
   ORRERY_TEST_BROKER_CA who vouches for it (tests/real/bus_spec.lua). */
#include "bus/bus.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/unit.h"
#include "base/clock.h"

enum { PATIENCE_MS = 20000, SMALL = 100000 };

/* A bus with a thread for its carrier. */
struct running {
  struct orr_bus *bus;
  struct orr_loop *loop;
  pthread_t thread;
};

/* Ours, and one that serves what ours calls: its methods are in the queue of a service of ours. */
static struct running ours, theirs;
static struct orr_bus *bus, *other;
static struct orr_loop *loop;
static struct orr_bus_call *last; /* that came home */
static char prefix[64], other_prefix[80];
static struct orr_log quiet = {.fd = 2, .level = ORR_LOG_ERROR};

static const char *broker(void) { return getenv("ORRERY_TEST_BROKER"); }

/* The service is "orrery" on the embedded bus. */
static const char *service(void) { return broker() ? "test.rpc" : "orrery"; }

static void *run(void *data) {
  struct running *it = data;
  orr_bus_start(it->bus);
  orr_loop_run(it->loop);
  orr_bus_stop(it->bus);
  return NULL;
}

static struct orr_bus *make(struct running *it, const char *name) {
  struct orr_err err = {0};
  it->loop = orr_loop_create(&err);
  struct orr_bus_options options = {.url = broker(),
                                    .ca = getenv("ORRERY_TEST_BROKER_CA"),
                                    .prefix = name,
                                    .heartbeat_s = 5,
                                    .window = 64,
                                    .body_bytes = SMALL,
                                    .log = &quiet,
                                    .loop = it->loop};
  it->bus = orr_bus_create(&options, &err);
  if (!it->bus) fail_msg("%s", err.text);
  pthread_create(&it->thread, NULL, run, it);
  return it->bus;
}

static void end(struct running *it) {
  if (!it->bus) return;
  orr_loop_stop(it->loop);
  pthread_join(it->thread, NULL);
  orr_loop_destroy(it->loop);
}

static void await_up(struct orr_bus *it) {
  struct orr_bus_state state;
  for (int i = 0; i < PATIENCE_MS / 10; i++) {
    orr_bus_state(it, &state);
    if (state.up) return;
    usleep(10000);
  }
  fail_msg("it does not come up: %s", state.why);
}

static int start(void **state) {
  (void)state;
  snprintf(prefix, sizeof prefix, "unit%d", (int)getpid());
  snprintf(other_prefix, sizeof other_prefix, "%s.rpc.test", prefix);
  loop = orr_loop_create(NULL);
  bus = make(&ours, prefix);
  other = broker() ? make(&theirs, other_prefix) : bus;
  await_up(bus);
  await_up(other);
  return 0;
}

static int stop(void **state) {
  (void)state;
  end(&ours);
  end(&theirs);
  orr_loop_destroy(loop);
  if (last) orr_bus_call_free(last);
  last = NULL;
  orr_bus_destroy(bus);
  if (other != bus) orr_bus_destroy(other);
  ours = theirs = (struct running){0};
  return 0;
}

/* Runs the loop until so much has happened; once in a test. */
static int happened, wanted;

static void give_up(void *data) {
  (void)data;
  fail_msg("%d of %d things happened", happened, wanted);
}

static void happens(void) {
  if (++happened == wanted) orr_loop_stop(loop);
}

static void until(int things) {
  happened = 0;
  wanted = things;
  struct orr_timer *patience = orr_timer_start(loop, PATIENCE_MS, 0, give_up, NULL);
  orr_loop_run(loop);
  orr_timer_stop(patience);
  assert_int_equal(happened, wanted);
}

/* --- events --- */

static int codes[64], code_count;

static void published(struct orr_publication *publication) {
  codes[code_count++] = publication->err.code;
  orr_publication_free(publication);
  happens();
}

static int heard_count;
static bool in_order;

static void heard(struct orr_message *message) {
  struct orr_bus_event *event = (struct orr_bus_event *)message;
  char expected[32];
  snprintf(expected, sizeof expected, "event %d", heard_count++);
  if (event->body.size != strlen(expected) || memcmp(event->body.data, expected, event->body.size) != 0)
    in_order = false;
  orr_bus_event_free(event);
  happens();
}

static void publish(const char *key, int first, int count) {
  struct orr_publication *publication = orr_publication_create(loop, published, NULL);
  for (int i = first; i < first + count; i++) {
    char body[32], id[16];
    snprintf(body, sizeof body, "event %d", i);
    snprintf(id, sizeof id, "%d", i);
    orr_publication_add(publication, key, id, strlen(id), body, strlen(body));
  }
  orr_bus_publish(bus, publication);
}

/* A subscription is carried out on the bus's own thread: what is published behind it finds it in place. */
static void events_reach_who_subscribes_in_order(void **state) {
  (void)state;
  in_order = true;
  orr_bus_subscribe(bus, "job.#", loop, heard, NULL);
  publish("simulation.state", 7, 3);
  publish("job", 0, 0);
  for (int i = 0; i < 20; i++) publish("job.state.x", i * 150, 150);
  until(22 + 3000);
  assert_true(in_order);
  assert_int_equal(heard_count, 3000);
  for (int i = 0; i < 22; i++) assert_int_equal(codes[i], ORR_OK);
  struct orr_bus_state now;
  orr_bus_state(bus, &now);
  assert_int_equal(now.published, 3003);
  assert_int_equal(now.confirmed, 3003);
}

/* --- calls --- */

/* What the service does is in the method's name. */
static void asked(struct orr_message *message) {
  struct orr_bus_request *request = (struct orr_bus_request *)message;
  if (strcmp(request->method, "silence") == 0) {
    orr_bus_request_drop(request);
    return;
  }
  request->status = 200;
  strcpy(request->content_type, "application/json");
  size_t size = strcmp(request->method, "too much") == 0 ? SMALL + 1 : request->body.size;
  char *answer = orr_buf_reserve(&request->answer, size);
  memset(answer, 'x', size);
  if (size == request->body.size && size) memcpy(answer, request->body.data, size);
  request->answer.size = size;
  assert_true(request->awaits);
  assert_false(request->again);
  if (request->id) strcpy(request->content_type, request->id);
  orr_bus_answer(request);
}

static void call(const char *name, const char *method, const char *id, int timeout_ms);

/* The service may not have declared its queue yet. */
static void answered(struct orr_bus_call *it) {
  if (last) orr_bus_call_free(last);
  last = it;
  if (it->err.code != ORR_UNAVAILABLE || strcmp(it->service, "nobody") == 0) {
    happens();
    return;
  }
  usleep(10000);
  call(it->service, it->method, it->id, PATIENCE_MS);
}

static void call(const char *name, const char *method, const char *id, int timeout_ms) {
  struct orr_bus_call *it = orr_bus_call_create(loop, answered, NULL);
  it->service = strdup(name);
  it->method = strdup(method);
  it->id = id ? strdup(id) : NULL;
  it->deadline_ms = orr_clock_ms() + timeout_ms;
  orr_buf_put(&it->body, "{}", 2);
  orr_bus_call(bus, it);
}

static void a_call_of_nobody_fails_at_once(void **state) {
  (void)state;
  call("nobody", "m", NULL, PATIENCE_MS);
  until(1);
  assert_int_equal(last->err.code, ORR_UNAVAILABLE);
  assert_non_null(strstr(last->err.text, "nobody"));
}

static void a_call_is_answered(void **state) {
  (void)state;
  orr_bus_serve(other, loop, asked, NULL);
  call(service(), "echo", "key-1", PATIENCE_MS);
  until(1);
  assert_int_equal(last->err.code, ORR_OK);
  assert_string_equal(last->content_type, "key-1");
  assert_int_equal(last->answer.size, 2);
  assert_memory_equal(last->answer.data, "{}", 2);
}

static void calls_are_under_way_at_once(void **state) {
  (void)state;
  orr_bus_serve(other, loop, asked, NULL);
  for (int i = 0; i < 2000; i++) call(service(), "echo", NULL, PATIENCE_MS);
  until(2000);
  assert_int_equal(last->err.code, ORR_OK);
}

static void a_service_that_says_nothing_is_overdue(void **state) {
  (void)state;
  orr_bus_serve(other, loop, asked, NULL);
  int64_t before = orr_clock_ms();
  call(service(), "silence", NULL, 300);
  until(1);
  assert_int_equal(last->err.code, ORR_TIMEOUT);
  assert_true(orr_clock_ms() - before >= 300);
}

static void an_answer_may_be_too_large(void **state) {
  (void)state;
  orr_bus_serve(other, loop, asked, NULL);
  call(service(), "too much", NULL, PATIENCE_MS);
  until(1);
  assert_int_equal(last->err.code, ORR_TOO_LARGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest of_both[] = {
      TEST(events_reach_who_subscribes_in_order),
      TEST(a_call_of_nobody_fails_at_once),
      TEST(a_call_is_answered),
      TEST(calls_are_under_way_at_once),
  };
  /* The embedded bus knows at once that a call will not be answered, and copies no answer. */
  const struct CMUnitTest of_a_broker[] = {
      TEST(a_service_that_says_nothing_is_overdue),
      TEST(an_answer_may_be_too_large),
  };
  int failed = cmocka_run_group_tests(of_both, NULL, NULL);
  return broker() ? failed + cmocka_run_group_tests(of_a_broker, NULL, NULL) : failed;
}
