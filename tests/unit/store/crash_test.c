/* kill -9: whatever was answered is there afterwards. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "place.h"

enum { ROUNDS = 8, THREADS = 4 };

static struct place place;

static int start(void **state) {
  (void)state;
  place_make(&place, "CREATE TABLE t (id INTEGER PRIMARY KEY, twin INTEGER NOT NULL) STRICT;"
                     "CREATE TABLE twin (id INTEGER PRIMARY KEY) STRICT;");
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

struct child {
  int pipe, first;
};

/* Stores numbers, each in two tables, and says each one once it is answered. */
static void *store_numbers(void *data) {
  const struct child *child = data;
  for (int32_t number = child->first;; number += THREADS) {
    struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
    ADD(&place, commit, 1, "INSERT INTO t VALUES (?, ?)", INT(number), INT(number));
    ADD(&place, commit, 1, "INSERT INTO twin VALUES (?)", INT(number));
    if (orr_store_commit_wait(place.store, commit)) _exit(1);
    orr_commit_destroy(commit);
    if (write(child->pipe, &number, sizeof number) != sizeof number) _exit(2);
  }
}

static void run_child(int pipe, int first) {
  pthread_t threads[THREADS];
  struct child children[THREADS];
  place_open(&place, 1 << 20); /* short, so that checkpoints are caught in the act, too */
  for (int i = 0; i < THREADS; i++) {
    children[i] = (struct child){.pipe = pipe, .first = first + i};
    pthread_create(&threads[i], NULL, store_numbers, &children[i]);
  }
  pause();
}

/* Lets a child answer about `wanted` numbers, kills it, and adds what it said to `said`. */
static int kill_after(int first, int wanted, int32_t *said, int room) {
  int ends[2], count = 0;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(ends[1], first);
  }
  close(ends[1]);
  while (count < room && read(ends[0], &said[count], sizeof *said) == sizeof *said)
    if (++count == wanted) kill(child, SIGKILL);
  close(ends[0]);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return count;
}

static void what_was_answered_survives_a_kill(void **state) {
  (void)state;
  static int32_t said[200000];
  int count = 0;
  for (int round = 0; round < ROUNDS; round++)
    count += kill_after(round * 1000000, 100 + 317 * round, said + count, (int)COUNT(said) - count);
  place_open(&place, 0);
  struct orr_err err;
  struct orr_reader *reader = orr_reader_open(place.store, &err);
  int find = statement(&place, "SELECT 1 FROM t JOIN twin ON twin.id = t.twin WHERE t.id = ?");
  for (int i = 0; i < count; i++) {
    struct orr_cursor cursor;
    assert_int_equal(orr_read_begin(reader, find, &INT(said[i]), 1, &cursor, &err), ORR_OK);
    if (orr_read_step(&cursor, &err) != 1) fail_msg("%d was answered and is gone", (int)said[i]);
    orr_read_end(&cursor);
  }
  orr_reader_close(reader);
  assert_true(count >= 100 * ROUNDS);
  assert_int_equal(ask(&place, "SELECT count(*) FROM t WHERE twin NOT IN (SELECT id FROM twin)"), 0);
  assert_int_equal(ask(&place, "SELECT (SELECT count(*) FROM t) - (SELECT count(*) FROM twin)"), 0);
  char text[80];
  ask_text(&place, "PRAGMA integrity_check", text, sizeof text);
  assert_string_equal(text, "ok");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_answered_survives_a_kill, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
