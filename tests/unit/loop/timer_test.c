/* Timers: when they ring, and how they end. */
#include "base/clock.h"
#include "loop/loop.h"

#include <unistd.h>

#include "../base/unit.h"

static struct orr_loop *loop;

/* A timer, and what it is to do when it rings. */
struct bell {
  struct orr_timer *timer, *other;
  int rung, most;
  char letter;
  int64_t rung_at;
  void (*then)(struct bell *bell);
};

static char order[16];

static void ring(void *data) {
  struct bell *bell = data;
  bell->rung++;
  bell->rung_at = orr_clock_ms();
  if (bell->then) bell->then(bell);
}

static int start(void **state) {
  (void)state;
  loop = orr_loop_create(NULL);
  memset(order, 0, sizeof order);
  return loop ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  orr_loop_destroy(loop);
  return 0;
}

static void stop_itself(struct bell *bell) {
  if (bell->rung < bell->most) return;
  orr_timer_stop(bell->timer);
  orr_loop_stop(loop);
}

static void it_rings_when_it_is_time(void **state) {
  (void)state;
  struct bell bell = {.most = 1, .then = stop_itself};
  int64_t before = orr_clock_ms();
  usleep(20000); /* the loop's own clock is behind; the time counts from the call all the same */
  bell.timer = orr_timer_start(loop, 30, 0, ring, &bell);
  orr_loop_run(loop);
  assert_int_equal(bell.rung, 1);
  assert_true(bell.rung_at - before >= 49); /* libuv rounds down to milliseconds */
}

static void append_letter(struct bell *bell) {
  order[strlen(order)] = bell->letter;
  if (strlen(order) == 4) orr_loop_stop(loop);
  orr_timer_stop(bell->timer);
}

static void the_earlier_rings_first(void **state) {
  (void)state;
  struct bell bells[4];
  const long long times[] = {15, 5, 10, 0};
  for (int i = 0; i < 4; i++) {
    bells[i] = (struct bell){.letter = "dbca"[i], .then = append_letter};
    bells[i].timer = orr_timer_start(loop, times[i], 0, ring, &bells[i]);
  }
  orr_loop_run(loop);
  assert_string_equal(order, "abcd");
}

static void it_repeats_until_it_stops_itself(void **state) {
  (void)state;
  struct bell bell = {.most = 5, .then = stop_itself};
  bell.timer = orr_timer_start(loop, 1, 1, ring, &bell);
  orr_loop_run(loop);
  assert_int_equal(bell.rung, 5);
}

static void stop_other(struct bell *bell) {
  orr_timer_stop(bell->other);
  bell->other = NULL;
}

static void what_is_stopped_does_not_ring(void **state) {
  (void)state;
  struct bell victim = {0}, killer = {.then = stop_other}, last = {.most = 1, .then = stop_itself};
  killer.timer = orr_timer_start(loop, 1, 0, ring, &killer);
  killer.other = victim.timer = orr_timer_start(loop, 1, 0, ring, &victim); /* due in the same turn */
  last.timer = orr_timer_start(loop, 20, 0, ring, &last);
  orr_timer_stop(orr_timer_start(loop, 0, 0, ring, &victim));
  orr_timer_stop(NULL);
  orr_loop_run(loop);
  assert_int_equal(killer.rung, 1);
  assert_int_equal(victim.rung, 0);
  orr_timer_stop(killer.timer); /* one that has rung is still its owner's */
}

static void ring_again(struct bell *bell) {
  if (bell->rung == bell->most)
    stop_itself(bell);
  else
    orr_timer_again(bell->timer, 10);
}

static void it_can_be_put_off_and_rung_again(void **state) {
  (void)state;
  struct bell bell = {.most = 3, .then = ring_again};
  int64_t before = orr_clock_ms();
  bell.timer = orr_timer_start(loop, 3600000, 0, ring, &bell);
  orr_timer_again(bell.timer, 10);
  orr_loop_run(loop);
  assert_int_equal(bell.rung, 3);
  assert_in_range(bell.rung_at - before, 28, 60000);
}

/* --- at the end of the loop --- */

static void restart(struct bell *bell) { orr_timer_again(bell->timer, 3600000); }

static void start_another(struct bell *bell) {
  if (bell->rung < bell->most) orr_timer_start(loop, 3600000, 0, ring, bell);
}

static void at_the_end_all_ring_early(void **state) {
  (void)state;
  struct bell plain = {0}, repeating = {0}, stopped = {0};
  struct bell again = {.then = restart}, more = {.most = 3, .then = start_another};
  struct bell itself = {.most = 1, .then = stop_itself};
  orr_timer_start(loop, 3600000, 0, ring, &plain);
  orr_timer_start(loop, 3600000, 3600000, ring, &repeating);
  orr_timer_stop(orr_timer_start(loop, 3600000, 0, ring, &stopped));
  again.timer = orr_timer_start(loop, 3600000, 0, ring, &again);
  itself.timer = orr_timer_start(loop, 3600000, 0, ring, &itself);
  orr_timer_start(loop, 3600000, 0, ring, &more);
  orr_loop_destroy(loop); /* comes back without any waiting */
  loop = NULL;
  assert_int_equal(plain.rung, 1);
  assert_int_equal(repeating.rung, 1);
  assert_int_equal(stopped.rung, 0);
  assert_int_equal(again.rung, 1);
  assert_int_equal(itself.rung, 1);
  assert_int_equal(more.rung, 3); /* what is started by one that rings rings as well */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(it_rings_when_it_is_time),         TEST(the_earlier_rings_first),
      TEST(it_repeats_until_it_stops_itself), TEST(what_is_stopped_does_not_ring),
      TEST(it_can_be_put_off_and_rung_again), TEST(at_the_end_all_ring_early),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
