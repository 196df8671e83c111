/* Opening: the settings that hold, and what is refused. */
#include "place.h"
#include "store/filesystem.h"
#include "store/open.h"

static struct place place;

static int start(void **state) {
  (void)state;
  place_make(&place, "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
                     "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id));");
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

static void expect_refusal(const char *part) {
  struct orr_err err = {0};
  assert_null(place_try(&place, 0, &err));
  if (!strstr(err.text, part)) fail_msg("\"%s\" lacks \"%s\"", err.text, part);
}

static sqlite3_int64 integer(sqlite3 *db, const char *sql) {
  struct orr_err err = {0};
  sqlite3_int64 answer = -1;
  if (orr_database_integer(db, sql, &answer, &err)) fail_msg("%s", err.text);
  return answer;
}

static void settings_of_a_writing_connection(void **state) {
  (void)state;
  sqlite3 *db;
  struct orr_err err;
  assert_int_equal(orr_database_open(place.database, &db, &err), ORR_OK);
  assert_int_equal(integer(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
  assert_int_equal(integer(db, "PRAGMA synchronous"), 2); /* FULL */
  assert_int_equal(integer(db, "PRAGMA foreign_keys"), 1);
  assert_int_equal(integer(db, "PRAGMA wal_autocheckpoint"), 0);
  assert_int_equal(integer(db, "PRAGMA page_size"), 4096);
  assert_int_equal(integer(db, "PRAGMA cache_size"), -2000);
  assert_int_equal(integer(db, "PRAGMA temp_store"), 2); /* memory: SQLITE_TMPDIR is without effect */
  assert_int_equal(integer(db, "PRAGMA trusted_schema"), 0);
  assert_int_equal(integer(db, "PRAGMA secure_delete"), 1);
  assert_int_equal(integer(db, "PRAGMA application_id"), 0x4f727279);
  assert_int_equal(sqlite3_exec(db, "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema", NULL, NULL, NULL),
                   SQLITE_ERROR); /* defensive */
  sqlite3_close(db);
}

static void the_files_are_the_owners_alone(void **state) {
  (void)state;
  mode_t before = umask(0);
  place_open(&place, 0);
  umask(before);
  static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
  for (size_t i = 0; i < COUNT(names); i++) {
    struct stat info;
    assert_int_equal(stat(PATH_OF(place.folder, names[i]), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
  }
}

static void closing_leaves_the_database_alone(void **state) {
  (void)state;
  place_open(&place, 0);
  assert_int_equal(STORE(&place, "INSERT INTO parent VALUES (?)", INT(1)), ORR_OK);
  assert_int_equal(access(PATH_OF(place.folder, "test.db-wal"), F_OK), 0);
  place_close(&place);
  assert_int_not_equal(access(PATH_OF(place.folder, "test.db-wal"), F_OK), 0); /* emptied and gone */
  place_open(&place, 0);
  assert_int_equal(ask(&place, "SELECT count(*) FROM parent"), 1);
}

static void references_are_enforced(void **state) {
  (void)state;
  place_open(&place, 0);
  assert_int_equal(STORE(&place, "INSERT INTO child VALUES (1, ?)", INT(9)), ORR_CONFLICT);
}

static void another_programs_database_is_refused_untouched(void **state) {
  (void)state;
  static const char *const theirs[] = {"CREATE TABLE theirs (id)", "PRAGMA application_id=7"};
  for (size_t i = 0; i < COUNT(theirs); i++) {
    sqlite3 *db;
    sqlite3_open(place.database, &db);
    assert_int_equal(sqlite3_exec(db, theirs[i], NULL, NULL, NULL), SQLITE_OK);
    expect_refusal("is the database of another program");
    assert_int_equal(integer(db, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
    assert_int_equal(integer(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'"), 0);
    sqlite3_close(db);
    remove_file(place.folder, "test.db");
  }
}

static void what_is_no_database_is_refused(void **state) {
  (void)state;
  write_file(place.folder, "test.db",
             "These are the notes of a user, who gave the wrong path in the configuration.");
  expect_refusal("file is not a database");
  char text[32] = {0};
  int fd = open(place.database, O_RDONLY);
  assert_true(read(fd, text, 9) == 9);
  close(fd);
  assert_string_equal(text, "These are");
}

static void an_impossible_place_is_told(void **state) {
  (void)state;
  snprintf(place.database, sizeof place.database, "%s/missing/test.db", place.folder);
  expect_refusal("No such file or directory");
  snprintf(place.database, sizeof place.database, "%s/migrations", place.folder);
  expect_refusal("cannot");
}

static void a_path_is_a_path(void **state) {
  (void)state;
  char before[256];
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(place.folder), 0);
  snprintf(place.database, sizeof place.database, "file:test.db?mode=memory"); /* to SQLite a URI, else */
  place_open(&place, 0);
  assert_int_equal(access("file:test.db?mode=memory", F_OK), 0);
  place_close(&place);
  assert_int_equal(chdir(before), 0);
}

static void network_file_systems_are_known(void **state) {
  (void)state;
  assert_string_equal(orr_filesystem_refused(0x6969), "NFS");
  assert_string_equal(orr_filesystem_refused(0xff534d42), "CIFS");
  assert_string_equal(orr_filesystem_refused(0x0bd00bd0), "Lustre");
  assert_string_equal(orr_filesystem_refused(0x47504653), "GPFS");
  assert_non_null(orr_filesystem_refused(0x65735546)); /* FUSE */
  static const unsigned long local[] = {0xef53 /* ext */,         0x58465342 /* xfs */,
                                        0x9123683e /* btrfs */,   0x01021994 /* tmpfs */,
                                        0x794c7630 /* overlay */, 0x2fc12fc1 /* zfs */};
  for (size_t i = 0; i < COUNT(local); i++) assert_null(orr_filesystem_refused(local[i]));
  struct orr_err err;
  assert_int_equal(orr_filesystem_check(place.database, &err), ORR_OK);
  assert_int_equal(orr_filesystem_check("test.db", &err), ORR_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(settings_of_a_writing_connection),
      TEST(the_files_are_the_owners_alone),
      TEST(closing_leaves_the_database_alone),
      TEST(references_are_enforced),
      TEST(another_programs_database_is_refused_untouched),
      TEST(what_is_no_database_is_refused),
      TEST(an_impossible_place_is_told),
      TEST(a_path_is_a_path),
      TEST(network_file_systems_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
