/* Streams: a loop on this thread, and a peer on another that uses plain sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "loop/stream.h"

enum { FLOOD = 16 << 20 };

struct owner {
  struct orr_stream *stream;
  struct orr_buf got;
  struct orr_timer *pausing;
  int ends, end_codes[2], drained, closed, pieces;
};

/* One connection at a time: what the loop's side does is said by the test's callbacks. */
static struct {
  struct orr_loop *loop;
  struct orr_acceptor *acceptor;
  int fd, port;
  struct owner owner;
  char peer[64];
  void (*begin)(struct owner *owner);
  void (*drained)(struct owner *owner);
  ssize_t peer_got;
  int peer_error;
} room;

static void on_data(void *data, char *bytes, size_t size) {
  struct owner *owner = data;
  orr_buf_put(&owner->got, bytes, size);
  owner->pieces++;
  memset(bytes, 0, size); /* they are ours during the call */
}
static void on_end(void *data, int code) {
  struct owner *owner = data;
  assert_true(owner->ends < 2);
  owner->end_codes[owner->ends++] = code;
  orr_stream_close(owner->stream);
}
static void on_drained(void *data) {
  struct owner *owner = data;
  owner->drained++;
  assert_int_equal(orr_stream_queued(owner->stream), 0);
  if (room.drained) room.drained(owner);
}
static void on_closed(void *data) {
  struct owner *owner = data;
  owner->closed++;
  orr_loop_stop(room.loop);
}
static const struct orr_stream_events events = {on_data, on_end, on_drained, on_closed};

static void on_accepted(void *data, struct orr_stream *stream) {
  (void)data;
  room.owner.stream = stream;
  orr_stream_start(stream, &events, &room.owner);
  orr_stream_peer(stream, room.peer, sizeof room.peer);
  if (room.begin) room.begin(&room.owner);
}

static int start(void **state) {
  (void)state;
  memset(&room, 0, sizeof room);
  signal(SIGPIPE, SIG_IGN);
  room.loop = orr_loop_create(NULL);
  assert_int_equal(orr_listen("127.0.0.1", 0, &room.fd, &room.port, NULL), 0);
  assert_true(room.port > 0);
  room.acceptor = orr_acceptor_start(room.loop, room.fd, on_accepted, NULL, NULL);
  assert_non_null(room.acceptor);
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_acceptor_stop(room.acceptor);
  orr_loop_destroy(room.loop);
  orr_buf_free(&room.owner.got);
  close(room.fd);
  return 0;
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)room.port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static void run_with(void *(*peer)(void *)) {
  pthread_t thread;
  pthread_create(&thread, NULL, peer, NULL);
  orr_loop_run(room.loop);
  pthread_join(thread, NULL);
  assert_int_equal(room.owner.closed, 1);
}

static void *say_hello(void *unused) {
  int fd = dial();
  if (send(fd, "hello", 5, 0) == 5) close(fd);
  return unused;
}
static void reads_to_the_end(void **state) {
  (void)state;
  run_with(say_hello);
  assert_int_equal(room.owner.got.size, 5);
  assert_memory_equal(room.owner.got.data, "hello", 5);
  assert_int_equal(room.owner.ends, 1);
  assert_int_equal(room.owner.end_codes[0], 0);
  assert_memory_equal(room.peer, "127.0.0.1:", 10);
  assert_true(atoi(room.peer + 10) > 0);
}

static void *reset(void *unused) {
  int fd = dial();
  struct linger now = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
  return unused;
}
static void tells_a_reset_from_an_end(void **state) {
  (void)state;
  run_with(reset);
  assert_int_equal(room.owner.ends, 1);
  assert_true(room.owner.end_codes[0] < 0);
}

static void *read_slowly(void *unused) {
  int fd = dial();
  static char bytes[65536];
  usleep(100000);
  ssize_t count;
  while ((count = recv(fd, bytes, sizeof bytes, 0)) > 0)
    for (ssize_t i = 0; i < count; i++)
      if (bytes[i] != (char)(room.peer_got++ * 7)) room.peer_error = EBADMSG;
  if (count < 0) room.peer_error = errno;
  close(fd);
  return unused;
}

/* Written in pieces of all sizes, most of which the kernel does not take at once. */
static void write_flood(struct owner *owner) {
  static char bytes[70000];
  bool queued = false;
  for (size_t at = 0, size = 1; at < FLOOD; at += size, size = size * 5 % 69997) {
    if (size > FLOOD - at) size = FLOOD - at;
    for (size_t i = 0; i < size; i++) bytes[i] = (char)((at + i) * 7);
    if (!orr_stream_write(owner->stream, bytes, size)) queued = true;
  }
  assert_true(queued);
  assert_true(orr_stream_queued(owner->stream) > 0);
}
static void finish(struct owner *owner) { orr_stream_finish(owner->stream); }

static void queues_what_the_kernel_does_not_take(void **state) {
  (void)state;
  room.begin = write_flood;
  room.drained = finish;
  run_with(read_slowly);
  assert_int_equal(room.owner.drained, 1);
  assert_int_equal(room.peer_got, FLOOD);
  assert_int_equal(room.peer_error, 0);
}

static void write_and_finish(struct owner *owner) {
  write_flood(owner);
  orr_stream_finish(owner->stream);
  orr_stream_write(owner->stream, "too late", 8);
}
static void finishes_behind_the_queue(void **state) {
  (void)state;
  room.begin = write_and_finish;
  run_with(read_slowly);
  assert_int_equal(room.peer_got, FLOOD);
  assert_int_equal(room.peer_error, 0);
}

static void *leave_without_reading(void *unused) {
  int fd = dial();
  usleep(50000);
  close(fd);
  return unused;
}
static void a_failing_write_ends_the_stream(void **state) {
  (void)state;
  room.begin = write_flood;
  run_with(leave_without_reading);
  assert_int_equal(room.owner.ends, 1);
  assert_true(room.owner.end_codes[0] < 0);
  assert_int_equal(room.owner.drained, 0);
}

static void close_it(struct owner *owner) {
  write_flood(owner);
  orr_stream_close(owner->stream);
  orr_stream_close(owner->stream);
  orr_stream_write(owner->stream, "too late", 8);
  orr_stream_pause(owner->stream);
  orr_stream_resume(owner->stream);
}
static void closes_without_the_queue(void **state) {
  (void)state;
  room.begin = close_it;
  run_with(read_slowly);
  assert_true(room.peer_got < FLOOD);
  assert_int_equal(room.owner.ends, 0);
}

static void reset_it(struct owner *owner) {
  orr_stream_write(owner->stream, "x", 1);
  orr_stream_reset(owner->stream);
}
static void resets(void **state) {
  (void)state;
  room.begin = reset_it;
  run_with(read_slowly);
  assert_int_equal(room.peer_error, ECONNRESET);
}

static void *pour(void *unused) {
  int fd = dial();
  static char bytes[65536];
  for (int sent = 0; sent < FLOOD;) {
    ssize_t count =
        send(fd, bytes, FLOOD - sent < 65536 ? (size_t)(FLOOD - sent) : sizeof bytes, MSG_NOSIGNAL);
    if (count < 0) break;
    sent += (int)count;
  }
  close(fd);
  return unused;
}
static void resume(void *data) {
  struct owner *owner = data;
  assert_int_equal(owner->pieces, 0);
  orr_timer_stop(owner->pausing);
  orr_stream_resume(owner->stream);
}
static void pause_a_while(struct owner *owner) {
  orr_stream_pause(owner->stream);
  owner->pausing = orr_timer_start(room.loop, 100, 0, resume, owner);
}
static void pauses(void **state) {
  (void)state;
  room.begin = pause_a_while;
  run_with(pour);
  assert_int_equal(room.owner.got.size, FLOOD);
}

static void a_taken_port_is_told(void **state) {
  (void)state;
  struct orr_err err = {0};
  int fd, port;
  assert_int_equal(orr_listen("127.0.0.1", room.port, &fd, &port, &err), ORR_BUSY);
  assert_non_null(strstr(err.text, "taken"));
  assert_int_equal(orr_listen("no such host", 0, &fd, &port, &err), ORR_INVALID);
  assert_int_equal(orr_listen("203.0.113.1", 0, &fd, &port, &err), ORR_IO);
}

static void *run_loop(void *loop) {
  orr_loop_run(loop);
  return NULL;
}
static void count_and_close(void *data, struct orr_stream *stream) {
  ++*(_Atomic int *)data;
  orr_stream_close(stream);
}
/* However many loops accept, each connection is taken once. */
static void loops_share_a_socket(void **state) {
  (void)state;
  _Atomic int taken[2] = {0, 0};
  struct orr_loop *loops[2];
  struct orr_acceptor *acceptors[2];
  pthread_t threads[2];
  int clients[200];
  for (int i = 0; i < 200; i++) assert_true((clients[i] = dial()) >= 0);
  for (int i = 0; i < 2; i++) {
    loops[i] = orr_loop_create(NULL);
    acceptors[i] = orr_acceptor_start(loops[i], room.fd, count_and_close, (void *)&taken[i], NULL);
  }
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run_loop, loops[i]);
  for (int i = 0; i < 5000 && taken[0] + taken[1] < 200; i++) usleep(1000);
  assert_int_equal(taken[0] + taken[1], 200);
  for (int i = 0; i < 2; i++) {
    orr_loop_stop(loops[i]);
    pthread_join(threads[i], NULL);
    orr_acceptor_stop(acceptors[i]);
    orr_loop_destroy(loops[i]);
  }
  for (int i = 0; i < 200; i++) close(clients[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_to_the_end, start, stop),
      cmocka_unit_test_setup_teardown(tells_a_reset_from_an_end, start, stop),
      cmocka_unit_test_setup_teardown(queues_what_the_kernel_does_not_take, start, stop),
      cmocka_unit_test_setup_teardown(finishes_behind_the_queue, start, stop),
      cmocka_unit_test_setup_teardown(a_failing_write_ends_the_stream, start, stop),
      cmocka_unit_test_setup_teardown(closes_without_the_queue, start, stop),
      cmocka_unit_test_setup_teardown(resets, start, stop),
      cmocka_unit_test_setup_teardown(pauses, start, stop),
      cmocka_unit_test_setup_teardown(a_taken_port_is_told, start, stop),
      cmocka_unit_test_setup_teardown(loops_share_a_socket, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
