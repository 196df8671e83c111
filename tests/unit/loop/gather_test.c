/* What a stream gathers in a turn of its loop, and when it leaves. The peer's socket is read on this thread, between the
   calls: what has not left cannot have arrived. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../base/unit.h"
#include "loop/stream.h"

enum { LARGE = 200000 };

static struct {
  struct orr_loop *loop;
  struct orr_acceptor *acceptor;
  int fd, peer;
  struct orr_stream *stream;
  void (*first)(void), (*second)(void); /* what happens in two turns of the loop */
  bool closes_at_end;                   /* the peer's; else it is listened to until it breaks */
  int broken;
} room;

static void on_data(void *owner, char *bytes, size_t size) { (void)owner, (void)bytes, (void)size; }
static void on_end(void *owner, int code) {
  (void)owner;
  room.broken += code < 0;
  if (code < 0 || room.closes_at_end) orr_stream_close(room.stream);
}
static void on_drained(void *owner) { (void)owner; }
static void on_closed(void *owner) {
  (void)owner;
  room.stream = NULL;
  orr_loop_stop(room.loop);
}

static void take_second_turn(struct orr_message *message) {
  (void)message;
  room.second();
}

static void on_accepted(void *data, struct orr_stream *stream) {
  static const struct orr_stream_events events = {on_data, on_end, on_drained, on_closed};
  room.stream = stream;
  orr_stream_start(stream, &events, NULL);
  room.first();
  if (room.second) orr_loop_post(room.loop, data);
}

static int start(void **state) {
  static struct orr_message message = {.deliver = take_second_turn};
  (void)state;
  memset(&room, 0, sizeof room);
  signal(SIGPIPE, SIG_IGN);
  int port;
  room.loop = orr_loop_create(NULL);
  assert_int_equal(orr_listen("127.0.0.1", 0, &room.fd, &port, NULL), 0);
  room.acceptor = orr_acceptor_start(room.loop, room.fd, on_accepted, &message, NULL);
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = 10};
  room.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(room.peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return connect(room.peer, (struct sockaddr *)&to, sizeof to);
}

static int stop(void **state) {
  (void)state;
  if (room.stream) orr_stream_close(room.stream); /* it is left open by the last test, and by a failed one */
  orr_acceptor_stop(room.acceptor);
  orr_loop_destroy(room.loop);
  close(room.fd);
  close(room.peer);
  return 0;
}

static void write_text(const char *text) { assert_true(orr_stream_write(room.stream, text, strlen(text))); }

static void expect_nothing_yet(void) {
  char byte;
  assert_int_equal(recv(room.peer, &byte, 1, MSG_DONTWAIT), -1);
  assert_int_equal(errno, EAGAIN);
}
static void expect_text(const char *text) {
  char bytes[64];
  assert_int_equal(recv(room.peer, bytes, strlen(text), MSG_WAITALL), strlen(text));
  assert_memory_equal(bytes, text, strlen(text));
}
static void expect_end(void) {
  char byte;
  assert_int_equal(recv(room.peer, &byte, 1, 0), 0);
}

static void write_two(void) {
  write_text("one");
  expect_nothing_yet();
  write_text("two");
  expect_nothing_yet();
  assert_int_equal(orr_stream_queued(room.stream), 0); /* nobody has refused to take it */
}
static void expect_two(void) {
  expect_text("onetwo");
  orr_stream_close(room.stream);
}
static void a_turn_leaves_as_one(void **state) {
  (void)state;
  room.first = write_two;
  room.second = expect_two;
  orr_loop_run(room.loop);
}

static char large[LARGE];
static pthread_t taker;

/* Everything, in order; NULL when it came so. */
static void *take_much(void *unused) {
  static char bytes[LARGE];
  (void)unused;
  bool right = recv(room.peer, bytes, 6, MSG_WAITALL) == 6 && memcmp(bytes, "before", 6) == 0 &&
               recv(room.peer, bytes, LARGE, MSG_WAITALL) == LARGE && memcmp(bytes, large, LARGE) == 0 &&
               recv(room.peer, bytes, 6, MSG_WAITALL) == 5 && memcmp(bytes, "after", 5) == 0;
  shutdown(room.peer, SHUT_WR);
  return right ? NULL : "not as it was written";
}
static void write_much(void) {
  char bytes[6];
  for (int i = 0; i < LARGE; i++) large[i] = (char)(i * 7);
  write_text("before");
  expect_nothing_yet();
  orr_stream_write(room.stream, large, LARGE);
  assert_int_equal(recv(room.peer, bytes, 6, MSG_PEEK | MSG_WAITALL), 6);
  orr_stream_write(room.stream, "after", 5);
  orr_stream_finish(room.stream);
  pthread_create(&taker, NULL, take_much, NULL);
}
static void much_leaves_at_once_and_in_order(void **state) {
  (void)state;
  void *wrong;
  room.first = write_much;
  room.closes_at_end = true;
  orr_loop_run(room.loop);
  pthread_join(taker, &wrong);
  assert_null(wrong);
}

static void write_and_close(void) {
  write_text("bye");
  orr_stream_close(room.stream);
}
static void a_close_leaves_it_behind(void **state) {
  (void)state;
  room.first = write_and_close;
  orr_loop_run(room.loop);
  expect_text("bye");
  expect_end();
}

static void do_nothing(void) {}
static void write_and_stop(void) {
  write_text("last");
  orr_loop_stop(room.loop);
}
static void the_last_turn_ends_too(void **state) {
  (void)state;
  room.first = do_nothing;
  room.second = write_and_stop;
  orr_loop_run(room.loop);
  expect_text("last");
}

static void write_to_nobody(void) {
  struct linger now = {.l_onoff = 1};
  setsockopt(room.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(room.peer);
  room.peer = -1;
  write_text("lost");
}
static void a_peer_that_has_gone_is_told_once(void **state) {
  (void)state;
  room.first = write_to_nobody;
  orr_loop_run(room.loop);
  assert_int_equal(room.broken, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_turn_leaves_as_one),   TEST(much_leaves_at_once_and_in_order),  TEST(a_close_leaves_it_behind),
      TEST(the_last_turn_ends_too), TEST(a_peer_that_has_gone_is_told_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
