/* Reading on a loop: what the reads of one turn share, and what none of them may miss. */
#include <sqlite3.h>

#include "place.h"

static struct place place;
static struct orr_loop *loop;
static struct orr_reader *reader;

static int start(void **state) {
  (void)state;
  struct orr_err err;
  place_make(&place, "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER NOT NULL);"
                     "INSERT INTO account VALUES (1, 500), (2, 500);");
  place_open(&place, 0);
  loop = orr_loop_create(&err);
  reader = orr_reader_open(place.store, &err);
  assert_non_null(reader);
  assert_int_equal(orr_reader_follow(reader, loop, &err), ORR_OK);
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_reader_close(reader);
  orr_loop_destroy(loop);
  place_remove(&place);
  return 0;
}

/* Each function of a list that NULL ends has a turn of the loop to itself. */
static void (*const *turns)(void);

static void take_turn(struct orr_message *message) {
  if (!*turns) {
    orr_loop_stop(loop);
    return;
  }
  (*turns++)();
  orr_loop_post(loop, message);
}

static void run(void (*const *list)(void)) {
  struct orr_message message = {.deliver = take_turn};
  turns = list;
  orr_loop_post(loop, &message);
  orr_loop_run(loop);
}

static int64_t money(void) {
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  int sql = statement(&place, "SELECT money FROM account WHERE id = 1");
  assert_int_equal(orr_read_begin(reader, sql, NULL, 0, &cursor, &err), ORR_OK);
  assert_int_equal(orr_read_step(&cursor, &err), 1);
  orr_read_cell(&cursor, 0, &cell);
  orr_read_end(&cursor);
  return cell.integer;
}

/* What another program does to the database; the number that it answers. */
static int64_t elsewhere(const char *sql) {
  sqlite3 *db;
  sqlite3_stmt *other;
  assert_int_equal(sqlite3_open(place.database, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &other, NULL), SQLITE_OK);
  int64_t answer = sqlite3_step(other) == SQLITE_ROW ? sqlite3_column_int64(other, 0) : -1;
  assert_int_equal(sqlite3_finalize(other), SQLITE_OK);
  sqlite3_close(db);
  return answer;
}

static int64_t is_in_the_way(void) { return elsewhere("PRAGMA wal_checkpoint(RESTART)"); }

static void look_twice(void) {
  assert_int_equal(money(), 500);
  elsewhere("UPDATE account SET money = 7 WHERE id = 1");
  assert_int_equal(money(), 500);
  assert_int_equal(is_in_the_way(), 1);
}
static void look_again(void) {
  assert_int_equal(is_in_the_way(), 0);
  assert_int_equal(money(), 7);
}
static void a_turn_has_one_view_and_gives_it_up(void **state) {
  (void)state;
  run((void (*const[])(void)){look_twice, look_again, NULL});
}

static void look_after_each_commit(void) {
  for (int i = 0; i < 300; i++) {
    assert_int_equal(STORE(&place, "UPDATE account SET money = ? WHERE id = 1", INT(i)), ORR_OK);
    assert_int_equal(money(), i);
  }
}
static void what_was_answered_is_seen_in_the_same_turn(void **state) {
  (void)state;
  run((void (*const[])(void)){look_after_each_commit, NULL});
}

static void answered(struct orr_message *message) {
  struct orr_commit *commit = (struct orr_commit *)message;
  assert_int_equal(commit->code, ORR_OK);
  assert_int_equal(money(), 8);
  orr_commit_destroy(commit);
  orr_loop_stop(loop);
}
static void look_and_commit(void) {
  assert_int_equal(money(), 500);
  struct orr_commit *commit = orr_commit_create(loop, answered, NULL);
  ADD(&place, commit, 1, "UPDATE account SET money = ? WHERE id = 1", INT(8));
  orr_store_commit(place.store, commit);
}
static void keep_looking(struct orr_message *message) {
  int64_t now = money();
  assert_true(now == 500 || now == 8);
  if (now == 500) orr_loop_post(loop, message);
}
static void what_the_inbox_tells_is_seen(void **state) {
  (void)state;
  struct orr_message message = {.deliver = keep_looking};
  look_and_commit();
  orr_loop_post(loop, &message); /* so that every turn has a view already when the answer comes */
  orr_loop_run(loop);
}

/* A view is not renewed under a statement that runs. */
static void commit_within_a_statement(void) {
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  int sql = statement(&place, "SELECT money FROM account ORDER BY id");
  assert_int_equal(orr_read_begin(reader, sql, NULL, 0, &cursor, &err), ORR_OK);
  assert_int_equal(orr_read_step(&cursor, &err), 1);
  assert_int_equal(store_cells(&place, "UPDATE account SET money = 9", NULL, 0), ORR_OK);
  money();
  assert_int_equal(orr_read_step(&cursor, &err), 1);
  orr_read_cell(&cursor, 0, &cell);
  assert_int_equal(cell.integer, 500);
  assert_int_equal(orr_read_step(&cursor, &err), 0);
  orr_read_end(&cursor);
}
static void look_for_nine(void) { assert_int_equal(money(), 9); }
static void a_running_statement_keeps_its_view(void **state) {
  (void)state;
  run((void (*const[])(void)){commit_within_a_statement, look_for_nine, NULL});
}

static void look_and_close(void) {
  money();
  orr_reader_close(reader);
  reader = NULL;
  elsewhere("UPDATE account SET money = 7 WHERE id = 1");
  assert_int_equal(is_in_the_way(), 0);
}
static void a_reader_may_go_within_a_turn(void **state) {
  (void)state;
  run((void (*const[])(void)){look_and_close, NULL});
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_turn_has_one_view_and_gives_it_up), TEST(what_was_answered_is_seen_in_the_same_turn),
      TEST(what_the_inbox_tells_is_seen),        TEST(a_running_statement_keeps_its_view),
      TEST(a_reader_may_go_within_a_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
