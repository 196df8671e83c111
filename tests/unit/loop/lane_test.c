/* Lanes: threads for file systems that may die. */
#include "loop/lane.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../base/unit.h"

enum { MOST_QUEUED = 256, THREADS = 2 }; /* as lane.c has them */

static struct orr_loop *loop;
static struct orr_lanes *lanes, *kept; /* kept: those whose thread was stuck at their end */
static sem_t gate;                     /* where stuck work waits */
static atomic_int inside, most_inside, ran;
static int home, wanted;

struct item {
  struct orr_work work;
  pthread_t ran_on;
};

static void come_home(struct orr_message *message) {
  struct item *item = (struct item *)message;
  assert_false(pthread_equal(item->ran_on, pthread_self()));
  free(item);
  if (++home == wanted) orr_loop_stop(loop);
}

static void run_at_once(struct orr_work *work) {
  struct item *item = (struct item *)work;
  item->ran_on = pthread_self();
  atomic_fetch_add(&ran, 1);
}

static void get_stuck(struct orr_work *work) {
  int now = atomic_fetch_add(&inside, 1) + 1;
  if (now > atomic_load(&most_inside)) atomic_store(&most_inside, now);
  sem_wait(&gate);
  atomic_fetch_sub(&inside, 1);
  run_at_once(work);
}

static int submit(const char *lane, void (*run)(struct orr_work *work), struct orr_err *err) {
  struct item *item = calloc(1, sizeof *item);
  item->work = (struct orr_work){.message = {.deliver = come_home}, .home = loop, .run = run};
  int code = orr_lanes_submit(lanes, lane, &item->work, err);
  if (code != ORR_OK) free(item); /* it stays ours */
  return code;
}

static void await_inside(int count) {
  for (int i = 0; i < 10000 && atomic_load(&inside) < count; i++) usleep(1000);
  assert_int_equal(atomic_load(&inside), count);
}

static int start(void **state) {
  (void)state;
  sem_init(&gate, 0, 0);
  atomic_store(&inside, 0);
  atomic_store(&most_inside, 0);
  atomic_store(&ran, 0);
  home = wanted = 0;
  loop = orr_loop_create(NULL);
  lanes = orr_lanes_create();
  return loop && lanes ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  orr_lanes_destroy(lanes);
  orr_loop_destroy(loop);
  sem_destroy(&gate);
  return 0;
}

static void work_comes_home(void **state) {
  (void)state;
  wanted = 200;
  for (int i = 0; i < wanted; i++) assert_int_equal(submit("a", run_at_once, NULL), ORR_OK);
  orr_loop_run(loop);
  assert_int_equal(home, 200);
  assert_int_equal(atomic_load(&ran), 200);
}

static void a_stuck_lane_holds_nobody_else_up(void **state) {
  (void)state;
  for (int i = 0; i < THREADS; i++) submit("dead", get_stuck, NULL);
  await_inside(THREADS);
  submit("dead", run_at_once, NULL); /* waits behind them */
  wanted = 50;
  for (int i = 0; i < wanted; i++) assert_int_equal(submit("alive", run_at_once, NULL), ORR_OK);
  orr_loop_run(loop);
  assert_int_equal(home, 50);
  assert_int_equal(atomic_load(&ran), 50);
  for (int i = 0; i < THREADS; i++) sem_post(&gate);
}

static void one_stuck_thread_leaves_the_other(void **state) {
  (void)state;
  submit("a", get_stuck, NULL);
  await_inside(1);
  wanted = 50;
  for (int i = 0; i < wanted; i++) assert_int_equal(submit("a", run_at_once, NULL), ORR_OK);
  orr_loop_run(loop);
  assert_int_equal(home, 50);
  sem_post(&gate);
}

static void a_full_lane_refuses(void **state) {
  (void)state;
  struct orr_err err = {0};
  for (int i = 0; i < THREADS; i++) submit("dead", get_stuck, NULL);
  await_inside(THREADS);
  for (int i = 0; i < MOST_QUEUED; i++) assert_int_equal(submit("dead", get_stuck, NULL), ORR_OK);
  assert_int_equal(submit("dead", run_at_once, &err), ORR_BUSY);
  assert_non_null(strstr(err.text, "dead"));
  assert_int_equal(submit("alive", run_at_once, NULL), ORR_OK);
  wanted = THREADS + MOST_QUEUED + 1;
  for (int i = 0; i < THREADS + MOST_QUEUED; i++) sem_post(&gate);
  orr_loop_run(loop); /* late, but all of it comes home */
  assert_int_equal(home, wanted);
  assert_int_equal(atomic_load(&most_inside), THREADS);
  assert_int_equal(submit("dead", run_at_once, NULL), ORR_OK); /* and the lane is as good as new */
}

/* The end waits for what is queued; the loop, which ends later, delivers it. */
static int count_threads(void) {
  int count = 0;
  DIR *entries = opendir("/proc/self/task");
  assert_non_null(entries);
  while (readdir(entries)) count++;
  closedir(entries);
  return count;
}

/* Lanes are made by names, and names come and go. */
static void a_lane_that_is_not_used_goes(void **state) {
  (void)state;
  int before = count_threads(); /* one of an earlier test may yet be about to end */
  wanted = 20;
  for (int i = 0; i < wanted; i++) {
    char name[16];
    snprintf(name, sizeof name, "lane %d", i);
    assert_int_equal(submit(name, run_at_once, NULL), ORR_OK);
  }
  orr_loop_run(loop);
  for (int i = 0; i < 60000 && count_threads() > before; i++) usleep(1000);
  assert_true(count_threads() <= before);
  home = 0;
  wanted = 1;
  assert_int_equal(submit("lane 7", run_at_once, NULL), ORR_OK); /* and comes back */
  orr_loop_run(loop);
}

static void the_end_finishes_what_is_queued(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) assert_int_equal(submit(i % 2 ? "a" : "b", run_at_once, NULL), ORR_OK);
  assert_true(orr_lanes_destroy(lanes));
  lanes = NULL;
  assert_int_equal(atomic_load(&ran), 100);
  assert_int_equal(home, 0);
  orr_loop_destroy(loop);
  loop = NULL;
  assert_int_equal(home, 100);
  assert_true(orr_lanes_destroy(NULL));
}

static void the_end_does_not_wait_for_the_stuck(void **state) {
  (void)state;
  struct orr_err err = {0};
  submit("dead", get_stuck, NULL);
  await_inside(1);
  alarm(60);
  assert_false(orr_lanes_destroy(lanes)); /* comes back */
  alarm(0);
  assert_int_equal(atomic_load(&inside), 1);
  assert_int_equal(submit("dead", run_at_once, &err), ORR_BUSY); /* nothing new begins */
  sem_post(&gate);                                               /* its thread has all it needs to end */
  wanted = 1;
  orr_loop_run(loop);
  assert_int_equal(home, 1);
  kept = lanes;
  lanes = NULL;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(work_comes_home),
      TEST(a_stuck_lane_holds_nobody_else_up),
      TEST(one_stuck_thread_leaves_the_other),
      TEST(a_full_lane_refuses),
      TEST(a_lane_that_is_not_used_goes),
      TEST(the_end_finishes_what_is_queued),
      TEST(the_end_does_not_wait_for_the_stuck),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
