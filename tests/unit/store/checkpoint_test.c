/* The write-ahead log stays bounded, whatever readers do. */
#include <pthread.h>
#include <stdatomic.h>

#include "place.h"

enum { LIMIT = 8 << 20, PATIENCE_S = 60 };

static struct place place;
static char filler[4000];

static int start(void **state) {
  (void)state;
  memset(filler, 'x', sizeof filler - 1);
  place_make(&place, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL);");
  place_open(&place, LIMIT);
  return 0;
}

static int stop(void **state) {
  (void)state;
  place_remove(&place);
  return 0;
}

/* A commit of about 400 KB, so a log of 100 pages more. */
static void write_some(void) {
  struct orr_cell cells[100];
  for (size_t i = 0; i < COUNT(cells); i++) cells[i] = TEXT(filler);
  struct orr_commit *commit = orr_commit_create(NULL, NULL, NULL);
  orr_commit_add(commit, statement(&place, "INSERT INTO t (v) VALUES (?)"), 100, cells, 1, COUNT(cells));
  assert_int_equal(orr_store_commit_wait(place.store, commit), ORR_OK);
  orr_commit_destroy(commit);
}

static atomic_bool over;

/* Reads a few rows, stays a moment in the middle of them, leaves, comes again. */
static void *come_and_go(void *data) {
  struct orr_err err;
  struct orr_reader *reader = orr_reader_open(place.store, &err);
  while (!atomic_load(&over)) {
    struct orr_cursor cursor;
    if (orr_read_begin(reader, *(int *)data, NULL, 0, &cursor, &err)) return "begin";
    for (int row = 0; row < 5 && orr_read_step(&cursor, &err) == 1; row++) usleep(500);
    orr_read_end(&cursor);
  }
  orr_reader_close(reader);
  return NULL;
}

static void the_log_is_bounded_while_readers_come_and_go(void **state) {
  (void)state;
  pthread_t readers[2];
  int sql = statement(&place, "SELECT v FROM t");
  int64_t longest = 0;
  atomic_store(&over, false);
  for (size_t i = 0; i < COUNT(readers); i++) pthread_create(&readers[i], NULL, come_and_go, &sql);
  for (int i = 0; i < 400; i++) { /* 160 MB */
    write_some();
    if (wal_bytes(&place) > longest) longest = wal_bytes(&place);
  }
  atomic_store(&over, true);
  for (size_t i = 0; i < COUNT(readers); i++) {
    void *wrong;
    pthread_join(readers[i], &wrong);
    assert_null(wrong);
  }
  assert_in_range(longest, 1, 8 * LIMIT); /* a round that a reader spoils lets it pass the limit */
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), 40000);
}

static void the_log_is_bounded_without_readers(void **state) {
  (void)state;
  int64_t longest = 0;
  for (int i = 0; i < 200; i++) {
    write_some();
    if (wal_bytes(&place) > longest) longest = wal_bytes(&place);
  }
  assert_in_range(longest, LIMIT / 4, 2 * LIMIT);
}

static void a_long_read_is_told_and_the_log_cut_afterwards(void **state) {
  (void)state;
  struct orr_err err;
  struct orr_cursor cursor;
  struct orr_reader *reader = orr_reader_open(place.store, &err);
  write_some();
  assert_int_equal(orr_read_begin(reader, statement(&place, "SELECT v FROM t"), NULL, 0, &cursor, &err),
                   ORR_OK);
  assert_int_equal(orr_read_step(&cursor, &err), 1);
  for (int i = 0; i < 80; i++) write_some();
  assert_true(wal_bytes(&place) > 3 * LIMIT); /* its view needs all of it */
  int64_t rows = 1;
  while (orr_read_step(&cursor, &err) == 1) rows++;
  assert_int_equal(rows, 100);
  orr_read_end(&cursor);
  for (int i = 0; i < PATIENCE_S * 10 && wal_bytes(&place) > LIMIT; i++) usleep(100000);
  assert_true(wal_bytes(&place) <= LIMIT); /* without anybody writing */
  orr_reader_close(reader);

  char text[4096] = {0};
  assert_true(pread(place.log.fd, text, sizeof text - 1, 0) > 0);
  char *told = strstr(text, "the write-ahead log cannot be emptied");
  assert_non_null(told);
  assert_null(strstr(told + 1, "the write-ahead log cannot be emptied")); /* once */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(the_log_is_bounded_while_readers_come_and_go),
      TEST(the_log_is_bounded_without_readers),
      TEST(a_long_read_is_told_and_the_log_cut_afterwards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
