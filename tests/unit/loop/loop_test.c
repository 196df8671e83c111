/* The inbox of a loop, and its end. */
#include "loop/loop.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../base/unit.h"

static struct orr_loop *loop;

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

/* --- many senders --- */

enum { SENDERS = 8, EACH = 20000 };

struct letter {
  struct orr_message message;
  int sender, number;
};

static struct letter letters[SENDERS][EACH];
static int arrived[SENDERS], total;

static void open_letter(struct orr_message *message) {
  struct letter *letter = (struct letter *)message;
  assert_int_equal(letter->number, arrived[letter->sender]);
  arrived[letter->sender]++;
  if (++total == SENDERS * EACH) orr_loop_stop(loop);
}

static void *send_letters(void *data) {
  int sender = *(int *)data;
  for (int i = 0; i < EACH; i++) {
    letters[sender][i] = (struct letter){{.deliver = open_letter}, sender, i};
    orr_loop_post(loop, &letters[sender][i].message);
  }
  return NULL;
}

static void each_sender_keeps_its_order(void **state) {
  (void)state;
  pthread_t threads[SENDERS];
  int numbers[SENDERS];
  total = 0;
  for (int i = 0; i < SENDERS; i++) {
    numbers[i] = i;
    arrived[i] = 0;
    pthread_create(&threads[i], NULL, send_letters, &numbers[i]);
  }
  orr_loop_run(loop);
  for (int i = 0; i < SENDERS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(arrived[i], EACH);
  }
}

/* Each message finds the loop asleep, or just about to fall asleep. */
static sem_t delivered;

static void say_so(struct orr_message *message) {
  (void)message;
  sem_post(&delivered);
}

static void *knock(void *unused) {
  struct orr_message message = {.deliver = say_so};
  for (int i = 0; i < 2000; i++) {
    if (i % 50 == 0) usleep(1000);
    orr_loop_post(loop, &message);
    sem_wait(&delivered); /* a lost wake-up would wait for ever */
  }
  orr_loop_stop(loop);
  return unused;
}

static void every_post_wakes_the_loop(void **state) {
  (void)state;
  pthread_t thread;
  sem_init(&delivered, 0, 0);
  pthread_create(&thread, NULL, knock, NULL);
  orr_loop_run(loop);
  pthread_join(thread, NULL);
  sem_destroy(&delivered);
}

/* --- messages that send messages --- */

static int left;

static void pass_on(struct orr_message *message) {
  if (--left > 0)
    orr_loop_post(loop, message);
  else
    orr_loop_stop(loop);
}

static void a_delivery_may_post(void **state) {
  (void)state;
  struct orr_message message = {.deliver = pass_on};
  left = 1000;
  orr_loop_post(loop, &message);
  orr_loop_run(loop);
  assert_int_equal(left, 0);
}

/* --- chores --- */

struct job {
  struct orr_chore chore;
  char name;
};
static struct job jobs[4];
static char done[16];

static void note(struct orr_chore *chore) {
  done[strlen(done)] = ((struct job *)chore)->name;
  if (chore == &jobs[2].chore) orr_loop_leave(loop, &jobs[3].chore);
}

static void look_at_chores(struct orr_message *message) {
  (void)message;
  assert_string_equal(done, "acd");
  orr_loop_stop(loop);
}

static void leave_chores(void) {
  memset(done, 0, sizeof done);
  for (int i = 0; i < 4; i++) jobs[i] = (struct job){{.run = note}, (char)('a' + i)};
  for (int i = 0; i < 3; i++) orr_loop_leave(loop, &jobs[i].chore);
  orr_loop_leave(loop, &jobs[0].chore); /* is due already */
  orr_loop_forget(loop, &jobs[1].chore);
  orr_loop_forget(loop, &jobs[1].chore);
  orr_loop_forget(loop, &jobs[3].chore);
  assert_string_equal(done, "");
}

static void leave_and_look(struct orr_message *message) {
  leave_chores();
  message->deliver = look_at_chores;
  orr_loop_post(loop, message);
}

static void chores_are_done_when_the_turn_ends(void **state) {
  (void)state;
  struct orr_message message = {.deliver = leave_and_look};
  orr_loop_post(loop, &message);
  orr_loop_run(loop);
  assert_string_equal(done, "acd"); /* each once */
}

static void leave_and_stop(struct orr_message *message) {
  (void)message;
  leave_chores();
  orr_loop_forget(loop, &jobs[2].chore); /* the last one; the list goes on behind the first */
  orr_loop_leave(loop, &jobs[1].chore);
  orr_loop_stop(loop);
}

static void the_last_turn_has_chores_too(void **state) {
  (void)state;
  struct orr_message message = {.deliver = leave_and_stop};
  orr_loop_post(loop, &message);
  orr_loop_run(loop);
  assert_string_equal(done, "ab");
}

/* --- the end --- */

static void a_stop_before_the_run_counts(void **state) {
  (void)state;
  orr_loop_stop(loop);
  orr_loop_run(loop); /* comes back */
  orr_loop_run(loop);
}

static void destroying_delivers_what_is_left(void **state) {
  (void)state;
  struct orr_message message = {.deliver = pass_on};
  struct letter first = {{.deliver = open_letter}, 0, 0}, second = {{.deliver = open_letter}, 0, 1};
  left = 10;
  total = arrived[0] = 0;
  orr_loop_stop(loop);
  orr_loop_run(loop);
  orr_loop_post(loop, &first.message);
  orr_loop_post(loop, &second.message);
  orr_loop_post(loop, &message); /* and what they post in turn */
  orr_loop_destroy(loop);
  loop = NULL;
  assert_int_equal(arrived[0], 2);
  assert_int_equal(left, 0);
  orr_loop_destroy(NULL);
}

static void ring_nothing(void *data) { (void)data; }

static void start_timer(struct orr_message *message) {
  (void)message;
  left++;
  orr_timer_start(loop, 3600000, 0, ring_nothing, NULL);
}

static void what_a_late_message_begins_ends_too(void **state) {
  (void)state;
  struct orr_message message = {.deliver = start_timer};
  left = 0;
  orr_loop_post(loop, &message);
  orr_loop_destroy(loop);
  loop = NULL;
  assert_int_equal(left, 1);
}

static void now_is_of_this_turn(void **state) {
  (void)state;
  long long before = orr_loop_now(loop);
  usleep(3000);
  assert_true(orr_loop_now(loop) == before);
  orr_loop_post(loop, &(struct orr_message){.deliver = pass_on});
  left = 1;
  orr_loop_run(loop);
  assert_true(orr_loop_now(loop) > before);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(each_sender_keeps_its_order),
      TEST(every_post_wakes_the_loop),
      TEST(a_delivery_may_post),
      TEST(chores_are_done_when_the_turn_ends),
      TEST(the_last_turn_has_chores_too),
      TEST(a_stop_before_the_run_counts),
      TEST(destroying_delivers_what_is_left),
      TEST(what_a_late_message_begins_ends_too),
      TEST(now_is_of_this_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
