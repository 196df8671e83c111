/* Streams of a feed: who gets which event, who is behind and comes back, and how they end. A request's path says what its
   handler does: /OWNER/SIMULATION/JOB/NUMBER opens a stream that has all up to a number; the number is its permit, too, and the
   owner its holder. The feed is told from the loop, by functions that a message carries there. */
#include "http/feed.h"

#include "server.h"

static struct server server;
static struct orr_feed *feed;
static atomic_int turns, opened;

static void open_stream(struct server *owner, struct orr_request *request) {
  long long number[4];
  (void)owner;
  int count =
      sscanf(request->path.text, "/%lld/%lld/%lld/%lld", &number[0], &number[1], &number[2], &number[3]);
  assert(count == 4);
  orr_respond_begin(request, 200, NULL, 0, -1);
  struct orr_feed_filter filter = {.owner = number[0], .simulation = number[1], .job = number[2]};
  struct orr_feed_right right = {.holder = (size_t)number[0], .permit = number[3]};
  orr_feed_add(feed, request, &filter, &right, number[3]);
  opened++;
}

static void waiting(void *data) {
  (void)data;
  turns++;
}

/* --- on the loop --- */

struct errand {
  struct orr_message message;
  void (*run)(int64_t number);
  int64_t number;
  atomic_bool done;
};

static void deliver(struct orr_message *message) {
  struct errand *errand = (struct errand *)message;
  errand->run(errand->number);
  atomic_store(&errand->done, true);
}

static void on_loop(void (*run)(int64_t number), int64_t number) {
  struct errand errand = {.message = {.deliver = deliver}, .run = run, .number = number};
  orr_loop_post(server.loop, &errand.message);
  while (!atomic_load(&errand.done)) usleep(100);
}

static void create_feed(int64_t heartbeat_ms) {
  feed = orr_feed_create(server.loop, heartbeat_ms, waiting, NULL);
}

static void set_number(int64_t number) { orr_feed_set_number(feed, number); }

/* Of owner 1: simulation 20, whose jobs are 200 to 209. Of owner 2: 30 and 300. */
static void tell(int64_t number) {
  static const struct orr_feed_event kinds[] = {
      {.owner = 1, .simulation = 20},
      {.owner = 1, .simulation = 20, .job = 200, .jobs = 1},
      {.owner = 1, .simulation = 20, .job = 200, .jobs = 10},
      {.owner = 2, .simulation = 30, .job = 300, .jobs = 1},
      {0},
  };
  struct orr_feed_event event = kinds[number % 10];
  char text[40];
  event.number = number;
  int size = snprintf(text, sizeof text, "<%lld>", (long long)number);
  if (orr_feed_wants(feed, &event)) orr_feed_tell(feed, &event, text, (size_t)size);
  orr_feed_set_number(feed, number);
}

static void tell_much(int64_t number) {
  static char text[60000];
  struct orr_feed_event event = {.number = number, .owner = 1};
  memset(text, 'x', sizeof text);
  orr_feed_tell(feed, &event, text, sizeof text);
}

/* What a stream behind lacks, from the one after its number up to another. */
static void help(int64_t last) {
  int64_t number;
  assert(orr_feed_behind(feed, &number));
  while (number < last) {
    char text[40];
    struct orr_feed_event event = {.number = ++number};
    int size = snprintf(text, sizeof text, "(%lld)", (long long)number);
    if (orr_feed_fits(feed, &event)) orr_feed_send(feed, text, (size_t)size);
  }
  orr_feed_reached(feed, last);
}

static bool has_permit(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  (void)filter;
  return permit == *(int64_t *)data;
}
static void end_those_of(int64_t permit) { orr_feed_end_if(feed, has_permit, &permit); }

static bool is_any(void *data, const struct orr_feed_filter *filter, int64_t permit) {
  (void)data;
  (void)filter;
  (void)permit;
  return true;
}
static void end_all(int64_t nothing) {
  (void)nothing;
  orr_feed_end_if(feed, is_any, NULL);
}

/* --- clients --- */

static struct client listen_to(const char *path) {
  struct client client = client_open(&server);
  char request[80];
  int before = opened;
  snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
  client_send(&client, request);
  await_count(&opened, before + 1);
  return client;
}

/* All that a client gets, once its stream has been ended. */
static void expect_exactly(struct client *client, const char *text) {
  struct answer answer = client_answer(client);
  assert_int_equal(answer.status, 200);
  assert_false(answer.cut);
  assert_string_equal(orr_buf_text(&answer.body), text);
  answer_free(&answer);
  client_close(client);
}

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.handle = open_stream;
  turns = opened = 0;
  server_start(&server);
  on_loop(create_feed, 600000);
  return 0;
}

static int stop(void **state) {
  (void)state;
  on_loop(end_all, 0);
  server_stop(&server);
  orr_feed_destroy(feed);
  return 0;
}

static void each_gets_what_its_filter_names(void **state) {
  (void)state;
  static const struct {
    const char *path, *text;
  } cases[] = {
      {"/0/0/0/0", "<10><11><12><13><14>"},
      {"/1/0/0/0", "<10><11><12>"},
      {"/2/0/0/0", "<13>"},
      {"/3/0/0/0", ""},
      {"/0/20/0/0", "<10><11><12>"},
      {"/1/20/0/0", "<10><11><12>"},
      {"/2/20/0/0", ""},
      {"/0/20/200/0", "<11><12>"},
      {"/1/20/209/0", "<12>"},
      {"/0/20/210/0", ""},
      {"/0/30/300/0", "<13>"},
      {"/0/30/301/0", ""},
  };
  enum { CASES = sizeof cases / sizeof *cases };
  struct client clients[10 * CASES]; /* more than a feed's first slots */
  for (int i = 0; i < 10 * CASES; i++) clients[i] = listen_to(cases[i % CASES].path);
  for (int64_t number = 10; number < 15; number++) on_loop(tell, number);
  on_loop(end_all, 0);
  for (int i = 0; i < 10 * CASES; i++) expect_exactly(&clients[i], cases[i % CASES].text);
}

static void who_begins_further_back_is_behind_until_all_was_sent(void **state) {
  (void)state;
  on_loop(set_number, 20);
  struct client client = listen_to("/0/0/0/17");
  await_count(&turns, 1);
  on_loop(tell, 21); /* not for those behind */
  on_loop(help, 19);
  await_count(&turns, 2);
  on_loop(help, 21);
  on_loop(tell, 22);
  on_loop(end_all, 0);
  expect_exactly(&client, "(18)(19)(20)(21)<22>");
}

static void who_has_more_than_was_told_gets_none_twice(void **state) {
  (void)state;
  struct client client = listen_to("/0/0/0/31");
  for (int64_t number = 30; number < 34; number++) on_loop(tell, number);
  on_loop(end_all, 0);
  expect_exactly(&client, "<32><33>");
  assert_int_equal(turns, 0);
}

/* What is told to one who takes nothing is not kept; when it has taken what there was, its turn comes. */
static void who_takes_nothing_is_behind(void **state) {
  (void)state;
  enum { MUCH = 400 };
  struct client slow = listen_to("/0/0/0/0");
  for (int64_t number = 1; number <= MUCH; number++) on_loop(tell_much, number);
  assert_int_equal(turns, 0);
  while (turns == 0) assert_true(client_read(&slow) > 0);
  size_t got = slow.in.size;
  assert_true(got < (size_t)MUCH * 60000);
  on_loop(help, MUCH);
  on_loop(tell, 410);
  on_loop(end_all, 0);
  struct answer answer = client_answer(&slow);
  assert_non_null(strstr(orr_buf_text(&answer.body), "(400)<410>"));
  assert_false(answer.cut);
  answer_free(&answer);
  client_close(&slow);
}

static void those_of_a_permit_end_and_others_go_on(void **state) {
  (void)state;
  struct client one = listen_to("/0/0/0/7"), other = listen_to("/0/0/0/8");
  on_loop(end_those_of, 7);
  expect_exactly(&one, "");
  on_loop(tell, 10);
  on_loop(end_all, 0);
  expect_exactly(&other, "<10>");
}

static void a_client_that_leaves_is_forgotten(void **state) {
  (void)state;
  struct client one = listen_to("/0/0/0/0"), other = listen_to("/0/0/0/0"), behind = listen_to("/0/0/0/-5");
  client_close(&one);
  client_reset(&other);
  client_close(&behind);
  await_count(&server.finished, 3);
  assert_int_equal(orr_feed_streams(feed), 0);
  on_loop(tell, 10);
}

/* However they end: thrown out, left by their clients, or cut off as they take nothing. */
static void each_holder_has_those_that_are_open(void **state) {
  (void)state;
  struct client clients[] = {listen_to("/1/0/0/7"), listen_to("/1/0/0/8"), listen_to("/900/0/0/8"),
                             listen_to("/1/0/0/9")};
  assert_int_equal(orr_feed_streams_of(feed, 1), 3);
  assert_int_equal(orr_feed_streams_of(feed, 900), 1);
  assert_int_equal(orr_feed_streams_of(feed, 2), 0);
  assert_int_equal(orr_feed_streams_of(feed, 1 << 20), 0);
  on_loop(end_those_of, 8);
  await_count(&server.finished, 2);
  assert_int_equal(orr_feed_streams_of(feed, 1), 2);
  assert_int_equal(orr_feed_streams_of(feed, 900), 0);
  client_close(&clients[0]);
  await_count(&server.finished, 3);
  for (int64_t number = 10; number < 500; number++) on_loop(tell_much, number);
  on_loop(end_all, 0);
  await_count(&server.finished, 4);
  assert_int_equal(orr_feed_streams_of(feed, 1), 0);
  assert_int_equal(orr_feed_streams(feed), 0);
  for (int i = 1; i < 4; i++) client_close(&clients[i]);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      CASE(each_gets_what_its_filter_names),
      CASE(who_begins_further_back_is_behind_until_all_was_sent),
      CASE(who_has_more_than_was_told_gets_none_twice),
      CASE(who_takes_nothing_is_behind),
      CASE(those_of_a_permit_end_and_others_go_on),
      CASE(a_client_that_leaves_is_forgotten),
      CASE(each_holder_has_those_that_are_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
