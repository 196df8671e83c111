/* Reading: values of every kind, misuse, many statements, readers beside a writer. */
#include <pthread.h>
#include <stdatomic.h>

#include "place.h"

static struct place place;
static struct orr_reader *reader;

static int start(void **state) {
  (void)state;
  struct orr_err err;
  place_make(&place, "CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
                     "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER NOT NULL);"
                     "INSERT INTO account VALUES (1, 500), (2, 500);");
  place_open(&place, 0);
  reader = orr_reader_open(place.store, &err);
  assert_non_null(reader);
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_reader_close(reader);
  place_remove(&place);
  return 0;
}

static int begin(const char *sql, const struct orr_cell *cells, size_t count, struct orr_cursor *cursor,
                 struct orr_err *err) {
  return orr_read_begin(reader, statement(&place, sql), cells, count, cursor, err);
}

static void values_come_back_as_they_went(void **state) {
  (void)state;
  static const char text[] = "gr\xc3\xbc\xc3\x9f\0e", blob[] = "\xff\0\xfe";
  const struct orr_cell values[] = {
      {.kind = ORR_CELL_NULL},
      INT(INT64_MAX),
      INT(INT64_MIN),
      {.kind = ORR_CELL_REAL, .real = 0.1},
      {.kind = ORR_CELL_REAL, .real = -1e300},
      {.kind = ORR_CELL_TEXT, .text = text, .size = sizeof text - 1},
      {.kind = ORR_CELL_TEXT}, /* empty, without an address */
      {.kind = ORR_CELL_BLOB, .text = blob, .size = sizeof blob - 1},
      {.kind = ORR_CELL_BLOB},
  };
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  for (size_t i = 0; i < COUNT(values); i++)
    assert_int_equal(STORE(&place, "INSERT INTO t VALUES (?, ?)", INT((int64_t)i), values[i]), ORR_OK);
  assert_int_equal(begin("SELECT v, id AS number FROM t ORDER BY id", NULL, 0, &cursor, &err), ORR_OK);
  assert_int_equal(cursor.columns, 2);
  assert_string_equal(orr_read_name(&cursor, 0), "v");
  assert_string_equal(orr_read_name(&cursor, 1), "number");
  for (size_t i = 0; i < COUNT(values); i++) {
    assert_int_equal(orr_read_step(&cursor, &err), 1);
    orr_read_cell(&cursor, 0, &cell);
    assert_int_equal(cell.kind, values[i].kind);
    if (cell.kind == ORR_CELL_INT) assert_int_equal(cell.integer, values[i].integer);
    if (cell.kind == ORR_CELL_REAL) assert_memory_equal(&cell.real, &values[i].real, sizeof cell.real);
    if (cell.kind < ORR_CELL_TEXT) continue;
    assert_int_equal(cell.size, values[i].size);
    if (cell.size) assert_memory_equal(cell.text, values[i].text, cell.size);
  }
  assert_int_equal(orr_read_step(&cursor, &err), 0);
  orr_read_end(&cursor);
}

static void parameters_are_bound_in_order(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell, cells[] = {INT(7), TEXT("x"), {.kind = ORR_CELL_NULL}};
  for (int round = 0; round < 2; round++) { /* the second time with the statement kept */
    assert_int_equal(begin("SELECT ? || ? || coalesce(?, '-')", cells, 3, &cursor, &err), ORR_OK);
    assert_int_equal(orr_read_step(&cursor, &err), 1);
    orr_read_cell(&cursor, 0, &cell);
    assert_int_equal(cell.size, 3);
    assert_memory_equal(cell.text, round ? "7y-" : "7x-", 3);
    orr_read_end(&cursor);
    cells[1] = TEXT("y");
  }
}

static void misuse_is_told(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor, second;
  struct orr_cell cells[] = {INT(1), INT(2)};
  assert_int_equal(begin("SELECT ?", cells, 2, &cursor, &err), ORR_INTERNAL);
  assert_non_null(strstr(err.text, "2 parameters are given for the 1"));
  orr_read_end(&cursor); /* legal after a failed begin */
  assert_int_equal(begin("SELEC 1", NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_non_null(strstr(err.text, "syntax error"));
  assert_int_equal(begin("SELECT 1; SELECT 2", NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(begin("", NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(begin("BEGIN", NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(begin("SELECT \"no such column\"", NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(orr_read_begin(reader, 12345, NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(orr_read_begin(reader, -1, NULL, 0, &cursor, &err), ORR_INTERNAL);
  assert_int_equal(begin("SELECT 1 ;\n", NULL, 0, &cursor, &err), ORR_OK);
  assert_int_equal(orr_read_step(&cursor, &err), 1);
  assert_int_equal(begin("SELECT 1 ;\n", NULL, 0, &second, &err), ORR_INTERNAL);
  assert_non_null(strstr(err.text, "running already"));
  orr_read_end(&cursor);
  assert_int_equal(begin("SELECT 1 ;\n", NULL, 0, &second, &err), ORR_OK);
  orr_read_end(&second);
}

static void a_reader_cannot_write(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  assert_int_equal(begin("DELETE FROM account", NULL, 0, &cursor, &err), ORR_OK);
  assert_int_equal(orr_read_step(&cursor, &err), ORR_IO);
  orr_read_end(&cursor);
  assert_int_equal(ask(&place, "SELECT count(*) FROM account"), 2);
}

static void ten_thousand_statements(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  char sql[64];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 10000; i++) {
      snprintf(sql, sizeof sql, "SELECT %d + ?", i);
      assert_int_equal(begin(sql, &INT(1), 1, &cursor, &err), ORR_OK);
      assert_int_equal(orr_read_step(&cursor, &err), 1);
      orr_read_cell(&cursor, 0, &cell);
      assert_int_equal(cell.integer, i + 1);
      orr_read_end(&cursor);
    }
}

/* Statements that give way to many others never take one that runs. */
static void a_running_statement_is_not_taken(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor running, cursor;
  struct orr_cell cell;
  char sql[64];
  assert_int_equal(begin("SELECT id FROM account ORDER BY id", NULL, 0, &running, &err), ORR_OK);
  assert_int_equal(orr_read_step(&running, &err), 1);
  for (int i = 0; i < 2000; i++) {
    snprintf(sql, sizeof sql, "SELECT %d", i);
    assert_int_equal(begin(sql, NULL, 0, &cursor, &err), ORR_OK);
    orr_read_end(&cursor);
  }
  assert_int_equal(orr_read_step(&running, &err), 1);
  orr_read_cell(&running, 0, &cell);
  assert_int_equal(cell.integer, 2);
  orr_read_end(&running);
}

static void a_kept_statement_survives_a_change_of_the_schema(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  for (int columns = 2; columns < 4; columns++) {
    assert_int_equal(begin("SELECT id FROM account WHERE id = ?", &INT(2), 1, &cursor, &err), ORR_OK);
    assert_int_equal(orr_read_step(&cursor, &err), 1);
    orr_read_cell(&cursor, 0, &cell);
    assert_int_equal(cell.integer, 2);
    orr_read_end(&cursor);
    assert_int_equal(store_cells(&place,
                                 columns == 2 ? "ALTER TABLE account ADD COLUMN note TEXT"
                                              : "CREATE INDEX by_money ON account(money)",
                                 NULL, 0),
                     ORR_OK);
  }
}

static void what_is_committed_is_seen_at_once(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_cell cell;
  for (int i = 0; i < 300; i++) {
    assert_int_equal(STORE(&place, "UPDATE account SET money = ? WHERE id = 1", INT(i)), ORR_OK);
    assert_int_equal(begin("SELECT money FROM account WHERE id = 1", NULL, 0, &cursor, &err), ORR_OK);
    assert_int_equal(orr_read_step(&cursor, &err), 1);
    orr_read_cell(&cursor, 0, &cell);
    assert_int_equal(cell.integer, i);
    orr_read_end(&cursor);
  }
}

/* --- readers beside a writer: money moves, and its sum never changes --- */

static atomic_bool over;

static void *watch(void *data) {
  long looks = 0;
  struct orr_err err;
  struct orr_reader *own = orr_reader_open(place.store, &err);
  for (; !atomic_load(&over) || looks == 0; looks++) {
    struct orr_cursor cursor;
    struct orr_cell cell;
    int64_t sum = 0;
    if (orr_read_begin(own, *(int *)data, NULL, 0, &cursor, &err)) return "begin";
    while (orr_read_step(&cursor, &err) == 1) {
      orr_read_cell(&cursor, 0, &cell);
      sum += cell.integer;
    }
    orr_read_end(&cursor);
    if (sum != 1000) return "the sum changed";
  }
  orr_reader_close(own);
  return NULL;
}

static void readers_see_whole_commits(void **state) {
  (void)state;
  pthread_t watchers[4];
  int sql = statement(&place, "SELECT money FROM account ORDER BY id");
  atomic_store(&over, false);
  for (size_t i = 0; i < COUNT(watchers); i++) pthread_create(&watchers[i], NULL, watch, &sql);
  for (int i = 0; i < 1000; i++) {
    struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
    ADD(&place, commit, 1, "UPDATE account SET money = money - ? WHERE id = 1", INT(i % 7));
    ADD(&place, commit, 1, "UPDATE account SET money = money + ? WHERE id = 2", INT(i % 7));
    assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_OK);
    orr_commit_destroy(commit);
  }
  atomic_store(&over, true);
  for (size_t i = 0; i < COUNT(watchers); i++) {
    void *wrong;
    pthread_join(watchers[i], &wrong);
    if (wrong) fail_msg("%s", (const char *)wrong);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(values_come_back_as_they_went),
      TEST(parameters_are_bound_in_order),
      TEST(misuse_is_told),
      TEST(a_reader_cannot_write),
      TEST(ten_thousand_statements),
      TEST(a_running_statement_is_not_taken),
      TEST(a_kept_statement_survives_a_change_of_the_schema),
      TEST(what_is_committed_is_seen_at_once),
      TEST(readers_see_whole_commits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
