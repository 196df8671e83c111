/* Signals, as callbacks of a loop. */
#include <signal.h>
#include <unistd.h>

#include "loop/loop.h"

#include "../base/unit.h"

static struct orr_loop *loop;

struct watch {
  struct orr_signal *signal;
  int number, count, most;
};

static int start(void **state) {
  (void)state;
  loop = orr_loop_create(NULL);
  return loop ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  orr_loop_destroy(loop);
  return 0;
}

static void arrive(int number, void *data) {
  struct watch *watch = data;
  watch->number = number;
  if (++watch->count == watch->most) orr_loop_stop(loop);
}

static void raise_again(void *data) {
  struct watch *watch = data;
  if (watch->count < watch->most) kill(getpid(), SIGUSR1);
}

static void each_delivery_is_a_call(void **state) {
  (void)state;
  struct watch watch = {.most = 5};
  watch.signal = orr_signal_start(loop, SIGUSR1, arrive, &watch, NULL);
  struct orr_timer *timer = orr_timer_start(loop, 1, 1, raise_again, &watch);
  orr_loop_run(loop);
  assert_int_equal(watch.number, SIGUSR1);
  assert_int_equal(watch.count, 5);
  orr_timer_stop(timer);
  orr_signal_stop(watch.signal);
}

static void each_watcher_hears_its_own(void **state) {
  (void)state;
  struct watch one = {0}, other = {.most = 1}, third = {0};
  one.signal = orr_signal_start(loop, SIGUSR1, arrive, &one, NULL);
  third.signal = orr_signal_start(loop, SIGUSR1, arrive, &third, NULL);
  other.signal = orr_signal_start(loop, SIGUSR2, arrive, &other, NULL);
  orr_signal_stop(third.signal);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
  orr_loop_run(loop);
  assert_int_equal(other.number, SIGUSR2);
  assert_int_equal(third.count, 0);
  orr_signal_stop(other.signal);
  orr_signal_stop(one.signal);
  assert_int_equal(one.count, 1);
}

static void stop_watching(int number, void *data) {
  struct watch *watch = data;
  arrive(number, data);
  orr_signal_stop(watch->signal);
  orr_loop_stop(loop);
}

static void a_watcher_stops_itself(void **state) {
  (void)state;
  struct watch watch = {0};
  watch.signal = orr_signal_start(loop, SIGUSR1, stop_watching, &watch, NULL);
  kill(getpid(), SIGUSR1);
  orr_loop_run(loop);
  assert_int_equal(watch.count, 1);
}

static void what_cannot_be_watched_is_told(void **state) {
  (void)state;
  struct orr_err err = {0};
  assert_null(orr_signal_start(loop, SIGKILL, arrive, NULL, &err));
  assert_int_equal(err.code, ORR_IO);
  assert_non_null(strstr(err.text, "cannot watch a signal"));
  assert_null(orr_signal_start(loop, 0, arrive, NULL, NULL));
  assert_null(orr_signal_start(loop, 1000, arrive, NULL, NULL));
  orr_signal_stop(NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(each_delivery_is_a_call),
      TEST(each_watcher_hears_its_own),
      TEST(a_watcher_stops_itself),
      TEST(what_cannot_be_watched_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
