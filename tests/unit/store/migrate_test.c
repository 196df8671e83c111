/* Migrations: their order, their records, and every reason to refuse. */
#include "place.h"

static struct place place;
static int applied;
static struct orr_err err;

static int start(void **state) {
  (void)state;
  place_make(&place, "CREATE TABLE first (id INTEGER PRIMARY KEY);");
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

static int migrate(void) {
  err.text[0] = 0;
  return orr_store_migrate(place.database, place.migrations, &place.log, &applied, &err);
}

static void expect_applied(int count) {
  if (migrate() != ORR_OK) fail_msg("%s", err.text);
  assert_int_equal(applied, count);
}

static void expect_refused(const char *first, const char *second) {
  assert_int_equal(migrate(), ORR_INVALID);
  if (!strstr(err.text, first) || !strstr(err.text, second))
    fail_msg("\"%s\" lacks \"%s\" or \"%s\"", err.text, first, second);
  assert_null(place_try(&place, 0, &err)); /* the server does not start on it either */
}

static void migration(const char *name, const char *sql) { write_file(place.migrations, name, sql); }

static void they_are_applied_once_in_order(void **state) {
  (void)state;
  migration("0002_second.sql",
            "ALTER TABLE first ADD COLUMN name TEXT; -- a comment\n\nINSERT INTO first VALUES (1, 'a');\n");
  migration("0003_third.sql", "UPDATE first SET name = name || 'b'");
  expect_applied(3);
  expect_applied(0);
  migration("0004_fourth.sql", "UPDATE first SET name = name || 'c';");
  expect_applied(1);
  place_open(&place, 0);
  char text[80];
  ask_text(&place, "SELECT name FROM first", text, sizeof text);
  assert_string_equal(text, "abc");
  ask_text(&place, "SELECT group_concat(number || name, ' ') FROM migrations", text, sizeof text);
  assert_string_equal(text, "10001_first.sql 20002_second.sql 30003_third.sql 40004_fourth.sql");
  assert_int_equal(
      ask(&place, "SELECT count(*) FROM migrations WHERE length(checksum) = 64 AND applied_at > 1.7e12"), 4);
}

static void what_has_nothing_to_do_with_them_may_lie_there(void **state) {
  (void)state;
  migration("README.md", "How to write a migration.");
  migration(".0002_hidden.sql.swp", "");
  migration("0002_empty.sql", "");
  migration("0003_comment.sql", "-- nothing yet\n");
  expect_applied(3);
}

static void an_error_leaves_nothing_of_its_file(void **state) {
  (void)state;
  expect_applied(1);
  migration("0002_wrong.sql",
            "CREATE TABLE second (id INTEGER);\nINSERT INTO second VALUES (1);\n\nCREATE TABEL x (id);\n");
  expect_refused("0002_wrong.sql, line 4", "near \"TABEL\": syntax error");
  assert_int_equal(applied, 0);
  migration("0002_wrong.sql", "CREATE TABLE second (id INTEGER UNIQUE); INSERT INTO second VALUES (1), (1);");
  expect_refused("0002_wrong.sql, line 1", "UNIQUE constraint failed");
  migration("0002_wrong.sql", "CREATE TABLE second (id INTEGER);");
  expect_applied(1); /* which would fail if the table were there */
}

static void those_before_a_wrong_one_stay(void **state) {
  (void)state;
  migration("0002_good.sql", "CREATE TABLE second (id);");
  migration("0003_wrong.sql", "DROP TABLE third;");
  expect_refused("0003_wrong.sql", "no such table: third");
  migration("0003_wrong.sql", "DROP TABLE second;");
  expect_applied(1);
}

static void a_migration_does_not_end_its_transaction(void **state) {
  (void)state;
  static const char *const wrong[] = {"COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT x",
                                      "ATTACH 'other.db' AS other"};
  expect_applied(1);
  for (size_t i = 0; i < COUNT(wrong); i++) {
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE TABLE second (id);\n%s;\n", wrong[i]);
    migration("0002_wrong.sql", sql);
    expect_refused("0002_wrong.sql, line 2", "have no place in a migration");
  }
  remove_file(place.migrations, "0002_wrong.sql");
  place_open(&place, 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM sqlite_schema WHERE name = 'second'"), 0);
}

static void a_table_can_be_rebuilt_but_no_reference_broken(void **state) {
  (void)state;
  migration(
      "0002_children.sql",
      "INSERT INTO first VALUES (1);"
      "CREATE TABLE child (id INTEGER PRIMARY KEY, first INTEGER REFERENCES first(id) ON DELETE CASCADE);"
      "INSERT INTO child VALUES (1, 1);");
  migration(
      "0003_rebuild.sql",
      "CREATE TABLE first2 (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO first2 SELECT id, '' FROM first;"
      "DROP TABLE first; ALTER TABLE first2 RENAME TO first;");
  expect_applied(3);
  migration("0004_orphan.sql", "DELETE FROM first;");
  expect_refused("0004_orphan.sql", "1 rows that refer to rows that do not exist");
  remove_file(place.migrations, "0004_orphan.sql");
  place_open(&place, 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM child JOIN first ON first.id = child.first"), 1);
}

static void a_changed_file_is_refused(void **state) {
  (void)state;
  migration("0002_second.sql", "CREATE TABLE second (id);");
  expect_applied(2);
  migration("0001_first.sql", "CREATE TABLE first (id INTEGER PRIMARY KEY) ;");
  expect_refused("0001_first.sql has changed since it was applied", "put the old text back");
}

static void a_renamed_file_is_refused(void **state) {
  (void)state;
  expect_applied(1);
  remove_file(place.migrations, "0001_first.sql");
  migration("0001_renamed.sql", "CREATE TABLE first (id INTEGER PRIMARY KEY);");
  expect_refused("0001_first.sql was applied", "0001_renamed.sql");
}

static void a_vanished_file_is_refused(void **state) {
  (void)state;
  migration("0002_second.sql", "CREATE TABLE second (id);");
  expect_applied(2);
  remove_file(place.migrations, "0001_first.sql");
  expect_refused("migration 0001 is missing", "before 0002_second.sql");
}

static void a_newer_database_is_refused(void **state) {
  (void)state;
  migration("0002_second.sql", "CREATE TABLE second (id);");
  expect_applied(2);
  remove_file(place.migrations, "0002_second.sql");
  expect_refused("newer than this program", "0002_second.sql");
}

static void a_doubtful_order_is_refused(void **state) {
  (void)state;
  migration("0003_third.sql", "");
  expect_refused("migration 0002 is missing", "0003_third.sql");
  migration("0002_second.sql", "");
  migration("0002_twin.sql", "");
  expect_refused("two migrations 0002", "0002_twin.sql");
  remove_file(place.migrations, "0002_twin.sql");
  expect_applied(3);
}

static void names_that_do_not_parse_are_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {"2_second.sql",     "0002.sql",          "0002_.sql",
                                      "0002-second.sql",  "0002_Second.sql",   "0002_second.sql~",
                                      "0002_second.SQL",  "0002_second.txt",   "second.sql",
                                      "00002_second.sql", "0002_a second.sql", "0000_zero.sql"};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    migration(wrong[i], "");
    expect_refused(wrong[i], "is no name for a migration");
    remove_file(place.migrations, wrong[i]);
  }
  expect_applied(1);
}

static void what_is_no_text_is_refused(void **state) {
  (void)state;
  migration("0002_second.sql", "");
  FILE *file = fopen(PATH_OF(place.migrations, "0002_second.sql"), "w");
  fwrite("CREATE TABLE a (id);\0CREATE TABLE b (id);", 1, 41, file);
  fclose(file);
  expect_refused("0002_second.sql", "NUL");
}

static void a_missing_folder_is_refused(void **state) {
  (void)state;
  snprintf(place.migrations, sizeof place.migrations, "%s/nowhere", place.folder);
  assert_int_equal(migrate(), ORR_IO);
  assert_non_null(strstr(err.text, "nowhere: No such file or directory"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(they_are_applied_once_in_order),
      TEST(what_has_nothing_to_do_with_them_may_lie_there),
      TEST(an_error_leaves_nothing_of_its_file),
      TEST(those_before_a_wrong_one_stay),
      TEST(a_migration_does_not_end_its_transaction),
      TEST(a_table_can_be_rebuilt_but_no_reference_broken),
      TEST(a_changed_file_is_refused),
      TEST(a_renamed_file_is_refused),
      TEST(a_vanished_file_is_refused),
      TEST(a_newer_database_is_refused),
      TEST(a_doubtful_order_is_refused),
      TEST(names_that_do_not_parse_are_refused),
      TEST(what_is_no_text_is_refused),
      TEST(a_missing_folder_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
