/* The writer: groups, guards, answers. To make a group certain, the writer is kept busy delivering an answer
   while the commits of the group are handed over. */
#include <pthread.h>
#include <semaphore.h>

#include "place.h"

static struct place place;

static int start(void **state) {
  (void)state;
  place_make(&place, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER NOT NULL, u TEXT UNIQUE) STRICT;"
                     "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;"
                     "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL "
                     "  REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED) STRICT;"
                     "CREATE TABLE log (n INTEGER PRIMARY KEY AUTOINCREMENT, who INTEGER) STRICT;");
  place_open(&place, 0);
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

/* --- a group --- */

static sem_t busy, go_on, answered;
static struct orr_commit *order[1200];
static int orders;

static void keep_busy(struct orr_message *message) {
  orr_commit_destroy((struct orr_commit *)(void *)message);
  sem_post(&busy);
  sem_wait(&go_on);
}

static void note_answer(struct orr_message *message) {
  order[orders++] = (struct orr_commit *)(void *)message; /* all on the writer's thread */
  sem_post(&answered);
}

static void group_begin(void) {
  sem_init(&busy, 0, 0);
  sem_init(&go_on, 0, 0);
  sem_init(&answered, 0, 0);
  orders = 0;
  struct orr_commit *commit = orr_commit_create(NULL, keep_busy, NULL);
  ADD(&place, commit, 0, "DELETE FROM t WHERE id = ?", INT(-1));
  orr_store_commit(place.store, commit);
  sem_wait(&busy);
}

static struct orr_commit *group_commit(void) { return orr_commit_create(NULL, note_answer, NULL); }
static void group_add(struct orr_commit *commit) { orr_store_commit(place.store, commit); }

static void group_end(int count) {
  sem_post(&go_on);
  for (int i = 0; i < count; i++) sem_wait(&answered);
}

static void group_free(void) {
  for (int i = 0; i < orders; i++) orr_commit_destroy(order[i]);
}

static struct orr_commit *insert(int id, const char *unique) {
  struct orr_commit *commit = group_commit();
  ADD(&place, commit, 1, "INSERT INTO t VALUES (?, 0, ?)", INT(id), TEXT(unique));
  ADD(&place, commit, 1, "INSERT INTO log (who) VALUES (?)", INT(id));
  return commit;
}

/* --- */

static void a_guard_rolls_back_its_own_commit_only(void **state) {
  (void)state;
  group_begin();
  struct orr_commit *guarded = group_commit();
  ADD(&place, guarded, 1, "INSERT INTO t VALUES (2, 0, 'two')", );
  ADD(&place, guarded, 1, "UPDATE t SET v = v + 1 WHERE id = ?", INT(1)); /* sees the commit before */
  ADD(&place, guarded, 1, "UPDATE t SET v = v + 1 WHERE id = ?", INT(99));
  ADD(&place, guarded, 1, "INSERT INTO t VALUES (3, 0, 'three')", );
  group_add(insert(1, "one"));
  group_add(guarded);
  group_add(insert(4, "four"));
  group_end(3);
  struct orr_store_stats stats;
  orr_store_stats(place.store, &stats);
  assert_int_equal(stats.groups, 2); /* they did share one */
  assert_int_equal(stats.commits, 3);
  assert_int_equal(stats.conflicts, 1);
  assert_int_equal(order[0]->code, ORR_OK);
  assert_int_equal(order[1]->code, ORR_CONFLICT);
  assert_int_equal(order[1]->failed, 2);
  assert_non_null(strstr(order[1]->err.text, "0 rows instead of 1"));
  assert_int_equal(order[2]->code, ORR_OK);
  assert_int_equal(order[2]->failed, -1);
  group_free();
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), 2);
  assert_int_equal(ask(&place, "SELECT sum(v) FROM t"), 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM t WHERE id IN (1, 4)"), 2);
}

static void a_constraint_rolls_back_its_own_commit_only(void **state) {
  (void)state;
  group_begin();
  group_add(insert(1, "same"));
  group_add(insert(2, "same"));
  struct orr_commit *empty = group_commit();
  ADD(&place, empty, ORR_ANY, "INSERT INTO log (who) VALUES (7)", );
  ADD(&place, empty, ORR_ANY, "INSERT INTO t VALUES (7, NULL, 'x')", );
  group_add(empty);
  group_add(insert(3, "other"));
  group_end(4);
  assert_int_equal(order[0]->code, ORR_OK);
  assert_int_equal(order[1]->code, ORR_CONFLICT);
  assert_int_equal(order[1]->failed, 0);
  assert_non_null(strstr(order[1]->err.text, "UNIQUE constraint failed: t.u"));
  assert_int_equal(order[2]->code, ORR_CONFLICT);
  assert_int_equal(order[2]->failed, 1);
  assert_int_equal(order[3]->code, ORR_OK);
  group_free();
  assert_int_equal(ask(&place, "SELECT sum(who) FROM log"), 1 + 3);
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), 2);
}

/* A deferred constraint breaks the COMMIT of the whole group; then each is tried alone. */
static void a_deferred_constraint_hits_only_its_commit(void **state) {
  (void)state;
  group_begin();
  group_add(insert(1, "one"));
  struct orr_commit *orphan = group_commit();
  ADD(&place, orphan, 1, "INSERT INTO child VALUES (1, 42)", );
  group_add(orphan);
  group_add(insert(2, "two"));
  group_end(3);
  assert_int_equal(order[0]->code, ORR_OK);
  assert_int_equal(order[1]->code, ORR_CONFLICT);
  assert_int_equal(order[1]->failed, -1);
  assert_int_equal(order[2]->code, ORR_OK);
  group_free();
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), 2);
  assert_int_equal(ask(&place, "SELECT count(*) FROM child"), 0);
}

static void broken_sql_hits_only_its_commit(void **state) {
  (void)state;
  group_begin();
  group_add(insert(1, "one"));
  static const char *const wrong[] = {"INSERT INTO nothing VALUES (1)",
                                      "INSERT INTO t VALUES (?, 0, 'x')",
                                      "DELETE FROM t; DELETE FROM log",
                                      "SELECT",
                                      "COMMIT",
                                      "ROLLBACK TO c"};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    struct orr_commit *commit = group_commit();
    ADD(&place, commit, 1, "INSERT INTO log (who) VALUES (1000)", );
    ADD(&place, commit, 1, wrong[i], );
    group_add(commit);
  }
  group_add(insert(2, "two"));
  group_end(8);
  for (int i = 0; i < 8; i++) assert_int_equal(order[i]->code, i == 0 || i == 7 ? ORR_OK : ORR_INTERNAL);
  for (int i = 1; i < 7; i++) assert_int_equal(order[i]->failed, 1);
  group_free();
  assert_int_equal(ask(&place, "SELECT sum(who) FROM log"), 1 + 2);
}

/* RAISE(ROLLBACK) and ON CONFLICT ROLLBACK end the whole transaction under the writer's feet. */
static void a_rollback_by_sqlite_costs_nobody_else(void **state) {
  (void)state;
  group_begin();
  group_add(insert(1, "one"));
  struct orr_commit *rude = group_commit();
  ADD(&place, rude, 1, "INSERT OR ROLLBACK INTO t VALUES (1, 0, 'rude')", );
  group_add(rude);
  group_add(insert(2, "two"));
  group_end(3);
  assert_int_equal(order[0]->code, ORR_OK);
  assert_int_equal(order[1]->code, ORR_CONFLICT);
  assert_int_equal(order[2]->code, ORR_OK);
  group_free();
  assert_int_equal(ask(&place, "SELECT count(*) FROM t WHERE u IN ('one', 'two')"), 2);
}

static void commits_keep_their_order(void **state) {
  (void)state;
  struct orr_commit *commits[1100]; /* more than a group holds */
  group_begin();
  for (int i = 0; i < 1100; i++) {
    commits[i] = group_commit();
    ADD(&place, commits[i], 1, "INSERT INTO log (who) VALUES (?)", INT(i));
    group_add(commits[i]);
  }
  group_end(1100);
  for (int i = 0; i < 1100; i++) assert_ptr_equal(order[i], commits[i]);
  group_free();
  assert_int_equal(ask(&place, "SELECT count(*) FROM log WHERE who <> n - 1"), 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM log"), 1100);
}

static void a_bulky_commit_gives_way_and_gets_its_turn(void **state) {
  (void)state;
  enum { ROWS = 900 };
  struct orr_cell cells[ROWS];
  for (int i = 0; i < ROWS; i++) cells[i] = INT(i);
  struct orr_commit *bulky[3], *small[150];
  group_begin();
  for (int i = 0; i < 3; i++) {
    bulky[i] = group_commit();
    orr_commit_add(bulky[i], statement(&place, "INSERT INTO log (who) VALUES (?)"), ROWS, cells, 1, ROWS);
    group_add(bulky[i]);
  }
  for (int i = 0; i < 150; i++)
    group_add(small[i] = insert(i, (char[]){(char)(32 + i % 90), (char)(65 + i / 90), 0}));
  group_end(153);
  for (int i = 0; i < 150; i++) assert_ptr_equal(order[i], small[i]);
  for (int i = 0; i < 3; i++) assert_ptr_equal(order[150 + i], bulky[i]);
  struct orr_store_stats stats;
  orr_store_stats(place.store, &stats);
  assert_int_equal(stats.groups, 1 + 3); /* one bulky one in each */
  group_free();
}

/* --- single commits --- */

static void rows_of_one_statement(void **state) {
  (void)state;
  struct orr_cell cells[] = {INT(1), TEXT("a"), INT(2), TEXT("b"), INT(3), TEXT("")};
  int64_t inserted[2] = {0};
  struct orr_commit *commit = orr_commit_create(NULL, NULL, "mine");
  commit->inserted = inserted;
  orr_commit_add(commit, statement(&place, "INSERT INTO t VALUES (?, 5, ?)"), 3, cells, 2, 3);
  ADD(&place, commit, 3, "UPDATE t SET v = v + 1", );
  assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_OK);
  assert_int_equal(inserted[0], 3);
  assert_string_equal(commit->user, "mine");
  orr_commit_destroy(commit);
  assert_int_equal(ask(&place, "SELECT sum(v) FROM t"), 18);
  assert_int_equal(ask(&place, "SELECT count(*) FROM t WHERE u = ''"), 1);

  commit = orr_commit_create(NULL, NULL, NULL); /* the guard counts all rows together */
  struct orr_cell ids[] = {INT(1), INT(2), INT(9)};
  orr_commit_add(commit, statement(&place, "DELETE FROM t WHERE id = ?"), 3, ids, 1, 3);
  assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_CONFLICT);
  orr_commit_destroy(commit);
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), 3);
}

static void a_select_guards_by_the_rows_it_answers(void **state) {
  (void)state;
  for (int round = 0; round < 3; round++) { /* a quota of two rows */
    struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
    ADD(&place, commit, 1, "SELECT 1 WHERE (SELECT count(*) FROM log) < ?", INT(2));
    ADD(&place, commit, 1, "INSERT INTO log (who) VALUES (1)", );
    assert_int_equal(orr_store_commit_wait(place.store, commit), round < 2 ? ORR_OK : ORR_CONFLICT);
    assert_int_equal(commit->failed, round < 2 ? -1 : 0);
    orr_commit_destroy(commit);
  }
  assert_int_equal(ask(&place, "SELECT count(*) FROM log"), 2);
}

static void an_empty_commit_is_fine(void **state) {
  (void)state;
  struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
  assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_OK);
  orr_commit_destroy(commit);
}

/* --- answers --- */

struct asking {
  struct orr_loop *loop;
  pthread_t thread;
  int wanted, delivered, elsewhere;
};

static void delivered(struct orr_message *message) {
  struct orr_commit *commit = (struct orr_commit *)(void *)message;
  struct asking *asking = commit->user;
  if (!pthread_equal(pthread_self(), asking->thread)) asking->elsewhere++;
  if (commit->code == ORR_OK && ++asking->delivered == asking->wanted) orr_loop_stop(asking->loop);
  orr_commit_destroy(commit);
}

static void answers_come_on_the_loop_that_asked(void **state) {
  (void)state;
  struct orr_err err;
  struct asking asking = {.loop = orr_loop_create(&err), .thread = pthread_self(), .wanted = 100};
  for (int i = 0; i < asking.wanted; i++) {
    struct orr_commit *commit = orr_commit_create(asking.loop, delivered, &asking);
    ADD(&place, commit, 1, "INSERT INTO log (who) VALUES (?)", INT(i));
    orr_store_commit(place.store, commit);
  }
  orr_loop_run(asking.loop);
  assert_int_equal(asking.delivered, 100);
  assert_int_equal(asking.elsewhere, 0);
  place_close(&place); /* the loop outlives the store */
  orr_loop_destroy(asking.loop);
}

static void closing_answers_all_that_is_queued(void **state) {
  (void)state;
  struct orr_err err;
  struct asking asking = {.loop = orr_loop_create(&err), .thread = pthread_self(), .wanted = -1};
  for (int i = 0; i < 3000; i++) {
    struct orr_commit *commit = orr_commit_create(asking.loop, delivered, &asking);
    ADD(&place, commit, 1, "INSERT INTO log (who) VALUES (?)", INT(i));
    orr_store_commit(place.store, commit);
  }
  place_close(&place);
  orr_loop_destroy(asking.loop); /* delivers what was posted */
  assert_int_equal(asking.delivered, 3000);
  place_open(&place, 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM log"), 3000);
}

struct heard {
  int calls;
  struct orr_key_set keys;
};

static void changed(void *data, const struct orr_key_set *keys) {
  struct heard *heard = data; /* read when the writer's thread has ended */
  heard->calls++;
  orr_key_set_join(&heard->keys, keys);
}

static void subscribers_hear_of_changes_only(void **state) {
  (void)state;
  struct heard calls[2] = {0};
  orr_store_subscribe(place.store, changed, &calls[0]);
  orr_store_subscribe(place.store, changed, &calls[1]);
  assert_int_equal(STORE(&place, "UPDATE t SET v = 1 WHERE id = ?", INT(77)), ORR_OK); /* no row */
  assert_int_equal(STORE(&place, "INSERT INTO t VALUES (?, NULL, '')", INT(1)),
                   ORR_CONFLICT); /* rolled back */
  assert_int_equal(STORE(&place, "INSERT INTO log (who) VALUES (?)", INT(2000)), ORR_OK);
  place_close(&place); /* the call comes after the answer */
  for (int i = 0; i < 2; i++) {
    assert_int_equal(calls[i].calls, 1);
    assert_true(orr_key_set_has(&calls[i].keys, 2000));
    assert_false(orr_key_set_has(&calls[i].keys, 77));
    assert_false(orr_key_set_has(&calls[i].keys, 1));
  }
}

/* --- many threads --- */

static void *add_many(void *data) {
  struct place *at = data;
  for (int i = 0; i < 200; i++)
    if (STORE(at, "INSERT INTO log (who) VALUES (?)", INT(i)) != ORR_OK) return "failed";
  return NULL;
}

static void many_threads_commit_at_once(void **state) {
  (void)state;
  pthread_t threads[16];
  for (size_t i = 0; i < COUNT(threads); i++) pthread_create(&threads[i], NULL, add_many, &place);
  for (size_t i = 0; i < COUNT(threads); i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  assert_int_equal(ask(&place, "SELECT count(*) FROM log"), 3200);
  struct orr_store_stats stats;
  orr_store_stats(place.store, &stats);
  assert_int_equal(stats.commits, 3200);
  assert_int_equal(stats.rows, 3200);
  assert_int_equal(stats.queued, 0);
  assert_true(stats.group_ns_max > 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_guard_rolls_back_its_own_commit_only),     TEST(a_constraint_rolls_back_its_own_commit_only),
      TEST(a_deferred_constraint_hits_only_its_commit), TEST(broken_sql_hits_only_its_commit),
      TEST(a_rollback_by_sqlite_costs_nobody_else),     TEST(commits_keep_their_order),
      TEST(a_bulky_commit_gives_way_and_gets_its_turn), TEST(rows_of_one_statement),
      TEST(a_select_guards_by_the_rows_it_answers),     TEST(an_empty_commit_is_fine),
      TEST(answers_come_on_the_loop_that_asked),        TEST(closing_answers_all_that_is_queued),
      TEST(subscribers_hear_of_changes_only),           TEST(many_threads_commit_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
