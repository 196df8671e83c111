/* Copying a database, while somebody writes and while nobody does. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "place.h"

static struct place place;
static char target[128];
static struct orr_err err;

static int start(void **state) {
  (void)state;
  place_make(&place, "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER NOT NULL);"
                     "INSERT INTO account VALUES (1, 500), (2, 500);"
                     "CREATE TABLE filler (v); CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL); "
                     "CREATE INDEX by_v ON t(v);");
  snprintf(target, sizeof target, "%s/copy.db", place.folder);
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

static void move_money(void) {
  struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
  ADD(&place, commit, 1, "UPDATE account SET money = money - 1 WHERE id = 1", );
  ADD(&place, commit, 1, "INSERT INTO t (v) VALUES (hex(randomblob(400)))", );
  ADD(&place, commit, 1, "UPDATE account SET money = money + 1 WHERE id = 2", );
  assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_OK);
  orr_commit_destroy(commit);
}

/* Opens the copy as a server would; how many rows it has. */
static int64_t check_copy(void) {
  struct place copy = place;
  snprintf(copy.database, sizeof copy.database, "%s", target);
  place_open(&copy, 0);
  char text[80];
  ask_text(&copy, "PRAGMA integrity_check", text, sizeof text);
  assert_string_equal(text, "ok");
  assert_int_equal(ask(&copy, "SELECT sum(money) FROM account"), 1000);
  int64_t rows = ask(&copy, "SELECT count(*) FROM t");
  assert_int_equal(ask(&copy, "SELECT money - 500 FROM account WHERE id = 2"), rows); /* of one moment */
  place_close(&copy);
  return rows;
}

static int files(void) {
  int count = 0;
  DIR *folder = opendir(place.folder);
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

static atomic_bool over;
static atomic_int moves;

static void *keep_moving(void *data) {
  for (; !atomic_load(&over); atomic_fetch_add(&moves, 1)) move_money();
  return data;
}

static void a_busy_database_is_copied_whole(void **state) {
  (void)state;
  pthread_t writers[3];
  place_open(&place, 0);
  for (int i = 0; i < 100; i++) move_money();
  for (int i = 0; i < 20; i++) /* 20 MB: some steps' worth */
    assert_int_equal(STORE(&place, "INSERT INTO filler VALUES (randomblob(?))", INT(1 << 20)), ORR_OK);
  atomic_store(&over, false);
  for (size_t i = 0; i < COUNT(writers); i++) pthread_create(&writers[i], NULL, keep_moving, NULL);
  int before = atomic_load(&moves);
  while (atomic_load(&moves) == before) usleep(1000);
  int before_files = files();
  for (int i = 0; i < 5; i++) {
    unlink(target);
    if (orr_store_backup(place.database, target, &err)) fail_msg("%s", err.text);
  }
  assert_int_equal(files(), before_files + 1);
  int during = atomic_load(&moves);
  while (atomic_load(&moves) == during) usleep(1000); /* and writing goes on */
  atomic_store(&over, true);
  for (size_t i = 0; i < COUNT(writers); i++) pthread_join(writers[i], NULL);
  struct stat info;
  assert_int_equal(stat(target, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  assert_true(check_copy() >= 100);
}

static void a_database_without_a_server_is_copied_with_its_log(void **state) {
  (void)state;
  pid_t child = fork();
  if (child == 0) { /* a server that dies leaves its log behind */
    place_open(&place, 0);
    for (int i = 0; i < 10; i++) move_money();
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(access(PATH_OF(place.folder, "test.db-wal"), F_OK), 0);
  if (orr_store_backup(place.database, target, &err)) fail_msg("%s", err.text);
  assert_int_equal(check_copy(), 10);
}

static void nothing_is_overwritten(void **state) {
  (void)state;
  place_open(&place, 0);
  write_file(place.folder, "copy.db", "precious");
  int before = files();
  assert_int_equal(orr_store_backup(place.database, target, &err), ORR_INVALID);
  assert_non_null(strstr(err.text, "there is a file"));
  assert_int_equal(files(), before);
  struct stat info;
  assert_int_equal(stat(target, &info), 0);
  assert_int_equal(info.st_size, 8);
}

static void a_failed_backup_leaves_nothing(void **state) {
  (void)state;
  place_open(&place, 0);
  int before = files();
  assert_int_equal(orr_store_backup(PATH_OF(place.folder, "missing.db"), target, &err), ORR_IO);
  assert_non_null(strstr(err.text, "missing.db"));
  assert_int_equal(files(), before);
  assert_int_equal(orr_store_backup(place.database, PATH_OF(place.folder, "missing/copy.db"), &err), ORR_IO);
  assert_non_null(strstr(err.text, "missing/copy.db: No such file or directory"));
  assert_int_equal(files(), before);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_busy_database_is_copied_whole),
      TEST(a_database_without_a_server_is_copied_with_its_log),
      TEST(nothing_is_overwritten),
      TEST(a_failed_backup_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
