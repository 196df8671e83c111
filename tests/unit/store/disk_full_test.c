/* A full disk: every commit hears of it, none is half stored, and the writer works again once there is room.
   Two ways to fill it: a small tmpfs (which needs the right to mount; skipped without), and a limit to the
   size of files, which needs nothing. */
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "place.h"

static struct place place;
static char filler[20000];

static const char schema[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;"
                             "CREATE TABLE twin (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;";

static sem_t answered;
static void note_answer(struct orr_message *message) {
  (void)message;
  sem_post(&answered);
}

/* Hands over `count` commits at once, so that they share groups; how many of them were stored. */
static int store_together(int count) {
  struct orr_commit *commits[64];
  int stored = 0;
  sem_init(&answered, 0, 0);
  for (int i = 0; i < count; i++) {
    commits[i] = orr_commit_create(NULL, note_answer, NULL);
    ADD(&place, commits[i], 1, "INSERT INTO t (v) VALUES (?)", TEXT(filler));
    ADD(&place, commits[i], 1, "INSERT INTO twin (v) VALUES (?)", TEXT(filler));
  }
  for (int i = 0; i < count; i++) orr_store_commit(place.store, commits[i]);
  for (int i = 0; i < count; i++) sem_wait(&answered);
  for (int i = 0; i < count; i++) {
    if (commits[i]->code == ORR_OK) {
      stored++;
    } else {
      if (commits[i]->code != ORR_NO_SPACE) fail_msg("%d: %s", commits[i]->code, commits[i]->err.text);
      assert_non_null(strstr(commits[i]->err.text, "once there is room"));
    }
    orr_commit_destroy(commits[i]);
  }
  return stored;
}

static void expect_whole(int stored) {
  assert_int_equal(ask(&place, "SELECT count(*) FROM t"), stored);
  assert_int_equal(ask(&place, "SELECT count(*) FROM twin"), stored);
  char text[80];
  ask_text(&place, "PRAGMA integrity_check", text, sizeof text);
  assert_string_equal(text, "ok");
}

/* Fills the disk by commits, until even single ones find no room; `make_room` then makes some. */
static void fill_and_go_on(void (*make_room)(void)) {
  int stored = 0, refused = 0;
  for (int i = 0; i < 1000 && refused < 5; i++) {
    int now = store_together(refused ? 1 : 32);
    stored += now;
    refused = now == 0 || (refused == 0 && now < 32) ? refused + 1 : refused;
  }
  assert_int_equal(refused, 5);
  expect_whole(stored); /* reading goes on meanwhile */
  make_room();
  for (int i = 0; i < 5; i++) {
    assert_int_equal(store_together(8), 8);
    stored += 8;
  }
  expect_whole(stored);
  place_close(&place);
  place_open(&place, 0);
  expect_whole(stored);
}

/* --- */

static void remove_ballast(void) { remove_file(place.folder, "ballast"); }

static void on_a_small_disk(void **state) {
  (void)state;
  enum { BALLAST = 8 << 20 };
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) skip();
  place_make_folder(&place);
  assert_int_equal(mount("tmpfs", place.folder, "tmpfs", 0, "size=16m"), 0);
  place_furnish(&place, schema);
  char *ballast = malloc(BALLAST + 1);
  memset(ballast, 'b', BALLAST);
  ballast[BALLAST] = 0;
  write_file(place.folder, "ballast", ballast);
  free(ballast);
  place_open(&place, 0);
  fill_and_go_on(remove_ballast);
  place_close(&place);
  close(place.log.fd);
  assert_int_equal(umount(place.folder), 0);
  assert_int_equal(rmdir(place.folder), 0);
}

static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_the_limit(void) { limit_files(RLIM_INFINITY); }

static void with_small_files(void **state) {
  (void)state;
  signal(SIGXFSZ, SIG_IGN);
  place_make(&place, schema);
  place_open(&place, 0);
  limit_files(3 << 20);
  fill_and_go_on(lift_the_limit);
  place_remove(&place);
}

int main(void) {
  memset(filler, 'x', sizeof filler - 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_a_small_disk),
      cmocka_unit_test(with_small_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
