#include "store/writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/checkpoint.h"
#include "store/group.h"

/* A group takes small commits first, then bulky ones, while GROUP_ROWS allow, and one of each kind in any
   case. Measured with 8 clients of small commits beside a queue of 500-row ones: with groups of 500 or 1,000
   rows 99 of 100 small commits are answered within 13 ms, with 4,000 within 46; the rows a second are the
   same. */
enum { BULK_ROWS = 100, GROUP_ROWS = 1000, OVER_MS = 5000 };

struct lane {
  struct orr_commit *first, *last;
  int64_t count;
};

struct subscriber {
  struct subscriber *next;
  orr_store_changed *changed;
  void *data;
};

struct orr_writer {
  struct orr_store *store;
  struct orr_group_connection connection; /* the thread's own */
  struct subscriber *subscribers;
  pthread_t thread;
  pthread_mutex_t mutex; /* of all below */
  pthread_cond_t work, idle;
  struct lane small, bulk;
  bool running, held, ending;
  struct orr_store_stats stats;
  int64_t failed_at; /* when the disk failed last; see note_trouble */
};

static void lane_put(struct lane *lane, struct orr_commit *commit) {
  commit->message.next = NULL;
  if (lane->last)
    lane->last->message.next = &commit->message;
  else
    lane->first = commit;
  lane->last = commit;
  lane->count++;
}

static struct orr_commit *lane_take(struct lane *lane) {
  struct orr_commit *commit = lane->first;
  lane->first = orr_commit_next(commit);
  if (!lane->first) lane->last = NULL;
  lane->count--;
  return commit;
}

/* Moves commits while they fit, and one in any case: whoever is in front cannot be too large for ever. */
static void fill(struct lane *group, struct lane *from, size_t *rows) {
  bool any = false;
  while (from->first && (!any || *rows + from->first->rows <= GROUP_ROWS)) {
    *rows += from->first->rows;
    lane_put(group, lane_take(from));
    any = true;
  }
}

/* Waits for work; an empty group means that the end has come. */
static struct lane take_group(struct orr_writer *writer) {
  struct lane group = {0};
  size_t rows = 0;
  pthread_mutex_lock(&writer->mutex);
  while (writer->held || (!writer->small.first && !writer->bulk.first && !writer->ending))
    pthread_cond_wait(&writer->work, &writer->mutex);
  fill(&group, &writer->small, &rows);
  fill(&group, &writer->bulk, &rows);
  writer->running = group.first != NULL;
  pthread_mutex_unlock(&writer->mutex);
  return group;
}

/* A disk that is full or fails is told once, when it begins and when it is over, however many commits it costs. What is
   small may still find room, so it is over only when nothing has failed for a while. */
static void note_trouble(struct orr_writer *writer, const struct lane *group) {
  struct orr_err *trouble = &writer->stats.trouble;
  const struct orr_commit *failed = NULL;
  bool stored = false;
  int64_t now = orr_clock_ms();
  for (const struct orr_commit *commit = group->first; commit; commit = orr_commit_next(commit)) {
    stored = stored || commit->code == ORR_OK;
    if (commit->code == ORR_NO_SPACE || commit->code == ORR_IO) failed = commit;
  }
  if (failed) {
    if (!trouble->code)
      orr_log(writer->store->log, ORR_LOG_ERROR, "nothing can be stored", ORR_S("error", failed->err.text));
    *trouble = failed->err;
    writer->failed_at = now;
  } else if (stored && trouble->code && now - writer->failed_at >= OVER_MS) {
    *trouble = (struct orr_err){0};
    orr_log(writer->store->log, ORR_LOG_INFO, "storing goes on");
  }
}

static void count_group(struct orr_writer *writer, const struct lane *group, int64_t rows, int64_t took) {
  pthread_mutex_lock(&writer->mutex);
  struct orr_store_stats *stats = &writer->stats;
  stats->groups++;
  stats->rows += rows;
  if (took > stats->group_ns_max) stats->group_ns_max = took;
  for (struct orr_commit *commit = group->first; commit; commit = orr_commit_next(commit)) {
    if (commit->code == ORR_OK)
      stats->commits++;
    else if (commit->code == ORR_CONFLICT)
      stats->conflicts++;
    else
      stats->errors++;
  }
  note_trouble(writer, group);
  writer->running = false;
  if (writer->held) pthread_cond_signal(&writer->idle);
  pthread_mutex_unlock(&writer->mutex);
}

static void gather_keys(const struct lane *group, struct orr_key_set *keys) {
  *keys = (struct orr_key_set){0};
  for (const struct orr_commit *commit = group->first; commit; commit = orr_commit_next(commit))
    if (commit->code == ORR_OK) orr_key_set_join(keys, &commit->concerns);
}

/* An answered commit is its receiver's: its link is read before. */
static void answer(struct orr_commit *commit) {
  while (commit) {
    struct orr_commit *next = orr_commit_next(commit);
    if (commit->loop)
      orr_loop_post(commit->loop, &commit->message);
    else
      commit->message.deliver(&commit->message);
    commit = next;
  }
}

static void *run(void *data) {
  struct orr_writer *writer = data;
  pthread_setname_np(pthread_self(), "writer");
  for (;;) {
    struct lane group = take_group(writer);
    if (!group.first) return NULL;
    struct orr_key_set keys;
    int64_t began = orr_clock_ns();
    int64_t rows = orr_group_run(&writer->connection, group.first);
    count_group(writer, &group, rows, orr_clock_ns() - began);
    gather_keys(&group, &keys);
    atomic_fetch_add(&writer->store->groups, 1);
    answer(group.first);
    if (rows > 0)
      for (struct subscriber *each = writer->subscribers; each; each = each->next)
        each->changed(each->data, &keys);
  }
}

struct orr_writer *orr_writer_create(struct orr_store *store, sqlite3 *db, struct orr_err *err) {
  struct orr_writer *writer = orr_zalloc(sizeof *writer);
  writer->store = store;
  pthread_mutex_init(&writer->mutex, NULL);
  pthread_cond_init(&writer->work, NULL);
  pthread_cond_init(&writer->idle, NULL);
  int code = orr_group_open(&writer->connection, db, store->statements, err);
  if (code == ORR_OK) {
    orr_checkpointer_watch(store->checkpointer, db);
    if (pthread_create(&writer->thread, NULL, run, writer) == 0) return writer;
    orr_fail(err, ORR_UNAVAILABLE, "cannot start the writer's thread: the limit of threads is reached");
  }
  orr_writer_destroy(writer);
  return NULL;
}

void orr_writer_end(struct orr_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  writer->ending = true;
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
  pthread_join(writer->thread, NULL);
}

void orr_writer_destroy(struct orr_writer *writer) {
  if (!writer) return;
  orr_group_close(&writer->connection);
  while (writer->subscribers) {
    struct subscriber *next = writer->subscribers->next;
    free(writer->subscribers);
    writer->subscribers = next;
  }
  pthread_cond_destroy(&writer->idle);
  pthread_cond_destroy(&writer->work);
  pthread_mutex_destroy(&writer->mutex);
  free(writer);
}

void orr_writer_hold(struct orr_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  writer->held = true;
  while (writer->running) pthread_cond_wait(&writer->idle, &writer->mutex);
  pthread_mutex_unlock(&writer->mutex);
}

void orr_writer_release(struct orr_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  writer->held = false;
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
}

void orr_writer_add(struct orr_writer *writer, struct orr_commit *commit) {
  pthread_mutex_lock(&writer->mutex);
  lane_put(commit->rows > BULK_ROWS ? &writer->bulk : &writer->small, commit);
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
}

void orr_writer_subscribe(struct orr_writer *writer, orr_store_changed *changed, void *data) {
  struct subscriber *subscriber = orr_alloc(sizeof *subscriber);
  *subscriber = (struct subscriber){.next = writer->subscribers, .changed = changed, .data = data};
  writer->subscribers = subscriber;
}

void orr_writer_stats(struct orr_writer *writer, struct orr_store_stats *stats) {
  pthread_mutex_lock(&writer->mutex);
  *stats = writer->stats;
  stats->queued = writer->small.count + writer->bulk.count;
  pthread_mutex_unlock(&writer->mutex);
}
