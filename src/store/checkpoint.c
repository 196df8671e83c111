/* Two kinds of work. Whenever the log has grown by STEP_PAGES they are copied into the database; that
   disturbs nobody (PASSIVE), but under load the log never ends, and a log that is never copied to its very
   end is never begun anew. So when it is half as long as it may be, the writer is held between two groups,
   the little that is left is copied, and the writer begins the log anew (RESTART). Cutting the file each time
   (TRUNCATE) would hold the writer for 12 ms instead of 2, so only one that grew over its limit is cut.

   Readers with an old view prevent a new beginning. Those that pass by are gone in a moment, which the writer
   is made to wait; one that stays (a backup) is known by the copying standing still, and not waited for. */
#include "store/checkpoint.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "store/open.h"
#include "store/sqlite_error.h"
#include "store/writer.h"

enum {
  STEP_PAGES = 1000,    /* 500 to 4,000 made no difference to the writer */
  READERS_WAIT_MS = 20, /* for readers in the way, with the writer held */
  RETRY_MS = 100,
};
static const int64_t default_limit = 64 << 20;

struct orr_checkpointer {
  struct orr_store *store;
  sqlite3 *db; /* the thread's own */
  int64_t limit;
  int limit_pages;
  int copied;      /* pages of the log, by the last round; the thread's own */
  bool complained; /* of the present trouble; the thread's own */
  bool started;
  pthread_t thread;
  pthread_mutex_t mutex; /* of all below */
  pthread_cond_t grown;
  int pages; /* in the log, by the writer's last commit */
  int seen;  /* of these, when the last round began */
  bool ending;
};

static bool has_grown(const struct orr_checkpointer *checkpointer) {
  return checkpointer->pages - checkpointer->seen >= STEP_PAGES;
}

static int on_commit(void *data, sqlite3 *db, const char *schema, int pages) {
  (void)db, (void)schema;
  struct orr_checkpointer *checkpointer = data;
  pthread_mutex_lock(&checkpointer->mutex);
  if (pages < checkpointer->pages) checkpointer->seen = 0; /* begun anew */
  checkpointer->pages = pages;
  if (has_grown(checkpointer)) pthread_cond_signal(&checkpointer->grown);
  pthread_mutex_unlock(&checkpointer->mutex);
  return SQLITE_OK;
}

void orr_checkpointer_watch(struct orr_checkpointer *checkpointer, sqlite3 *writing) {
  char *cut_when_begun_anew = sqlite3_mprintf("PRAGMA journal_size_limit=%lld", checkpointer->limit);
  sqlite3_exec(writing, cut_when_begun_anew, NULL, NULL, NULL);
  sqlite3_free(cut_when_begun_anew);
  sqlite3_wal_hook(writing, on_commit, checkpointer);
}

/* Once for each trouble, however long it lasts. */
static void complain(struct orr_checkpointer *checkpointer, const char *reason) {
  if (!checkpointer->complained)
    orr_log(checkpointer->store->log, ORR_LOG_WARN, "the write-ahead log cannot be emptied",
            ORR_S("reason", reason));
  checkpointer->complained = true;
}

/* Empties the log, with the writer held. */
static bool begin_anew(struct orr_checkpointer *checkpointer, int pages) {
  int mode = pages > checkpointer->limit_pages ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
  orr_writer_hold(checkpointer->store->writer);
  int code = sqlite3_wal_checkpoint_v2(checkpointer->db, NULL, mode, NULL, NULL);
  if (code == SQLITE_OK) {
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->pages = checkpointer->seen = 0;
    pthread_mutex_unlock(&checkpointer->mutex);
  }
  orr_writer_release(checkpointer->store->writer);
  return code == SQLITE_OK;
}

/* One round. True: the log is too long still, so another round is wanted soon. */
static bool work(struct orr_checkpointer *checkpointer) {
  int pages, copied;
  if (sqlite3_wal_checkpoint_v2(checkpointer->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied) !=
      SQLITE_OK) {
    struct orr_err err;
    orr_sqlite_fail(&err, checkpointer->db, "cannot copy it into the database");
    complain(checkpointer, err.text);
    return true;
  }
  bool moves = copied == pages || copied != checkpointer->copied;
  checkpointer->copied = copied;
  if (pages <= checkpointer->limit_pages / 2 || (moves && begin_anew(checkpointer, pages))) {
    checkpointer->complained = false;
    return false;
  }
  if (pages > checkpointer->limit_pages) complain(checkpointer, "a long read needs what is in it");
  return true;
}

/* Waits until the log has grown, or, where the last round left too much, for a while. False: the end. */
static bool wait(struct orr_checkpointer *checkpointer, bool soon) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += RETRY_MS * 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  int code = 0;
  pthread_mutex_lock(&checkpointer->mutex);
  while (!checkpointer->ending && code == 0 && !has_grown(checkpointer))
    code = soon ? pthread_cond_timedwait(&checkpointer->grown, &checkpointer->mutex, &until)
                : pthread_cond_wait(&checkpointer->grown, &checkpointer->mutex);
  checkpointer->seen = checkpointer->pages;
  bool going_on = !checkpointer->ending;
  pthread_mutex_unlock(&checkpointer->mutex);
  return going_on;
}

static void *run(void *data) {
  struct orr_checkpointer *checkpointer = data;
  pthread_setname_np(pthread_self(), "checkpoint");
  for (bool soon = false; wait(checkpointer, soon);) soon = work(checkpointer);
  return NULL;
}

struct orr_checkpointer *orr_checkpointer_create(struct orr_store *store, int64_t wal_limit,
                                                 struct orr_err *err) {
  sqlite3_int64 page_size;
  sqlite3 *db;
  if (orr_database_open(store->path, &db, err)) return NULL;
  sqlite3_busy_timeout(db, READERS_WAIT_MS);
  if (orr_database_integer(db, "PRAGMA page_size", &page_size, err)) {
    sqlite3_close(db);
    return NULL;
  }
  struct orr_checkpointer *checkpointer = orr_zalloc(sizeof *checkpointer);
  checkpointer->store = store;
  checkpointer->db = db;
  checkpointer->limit = wal_limit ? wal_limit : default_limit;
  checkpointer->limit_pages = (int)(checkpointer->limit / page_size);
  pthread_mutex_init(&checkpointer->mutex, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&checkpointer->grown, &monotonic);
  pthread_condattr_destroy(&monotonic);
  checkpointer->started = pthread_create(&checkpointer->thread, NULL, run, checkpointer) == 0;
  if (checkpointer->started) return checkpointer;
  orr_fail(err, ORR_UNAVAILABLE, "cannot start the thread for checkpoints: the limit of threads is reached");
  orr_checkpointer_destroy(checkpointer);
  return NULL;
}

void orr_checkpointer_destroy(struct orr_checkpointer *checkpointer) {
  if (!checkpointer) return;
  if (checkpointer->started) {
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->ending = true;
    pthread_cond_signal(&checkpointer->grown);
    pthread_mutex_unlock(&checkpointer->mutex);
    pthread_join(checkpointer->thread, NULL);
  }
  sqlite3_close(checkpointer->db);
  pthread_cond_destroy(&checkpointer->grown);
  pthread_mutex_destroy(&checkpointer->mutex);
  free(checkpointer);
}
