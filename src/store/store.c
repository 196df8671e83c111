/* The store as a whole: its parts are made here in their order, and ended in the opposite one. */
#include "store/store.h"

#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "store/checkpoint.h"
#include "store/migration.h"
#include "store/open.h"
#include "store/writer.h"

int orr_store_migrate(const char *path, const char *migrations, const struct orr_log *log, int *applied,
                      struct orr_err *err) {
  sqlite3 *db;
  int count = 0, code = orr_database_open(path, &db, err);
  if (code) return code;
  code = orr_migrations_apply(db, migrations, log, &count, err);
  if (applied) *applied = count;
  sqlite3_close(db);
  return code;
}

/* What was made is in the store when it fails, too. */
static bool start(struct orr_store *store, const struct orr_store_options *options, struct orr_err *err) {
  sqlite3 *db;
  int applied;
  if (orr_database_open(store->path, &db, err)) return false;
  if (orr_migrations_apply(db, options->migrations, store->log, &applied, err) == ORR_OK)
    store->checkpointer = orr_checkpointer_create(store, options->wal_limit, err);
  if (!store->checkpointer) {
    sqlite3_close(db);
    return false;
  }
  store->writer = orr_writer_create(store, db, err);
  return store->writer != NULL;
}

static void destroy(struct orr_store *store) {
  orr_checkpointer_destroy(store->checkpointer);
  orr_writer_destroy(store->writer); /* the last connection: empties the log and removes it */
  orr_statements_destroy(store->statements);
  free(store->path);
  free(store);
}

struct orr_store *orr_store_open(const struct orr_store_options *options, struct orr_err *err) {
  struct orr_store *store = orr_alloc(sizeof *store);
  *store = (struct orr_store){
      .path = orr_strdup(options->path), .log = options->log, .statements = orr_statements_create()};
  if (start(store, options, err)) return store;
  destroy(store);
  return NULL;
}

void orr_store_close(struct orr_store *store) {
  if (!store) return;
  orr_writer_end(store->writer);
  destroy(store);
}

int orr_store_statement(struct orr_store *store, const char *sql, size_t size) {
  return orr_statements_number(store->statements, sql, size);
}

const char *orr_store_sql(struct orr_store *store, int statement) {
  return orr_statements_sql(store->statements, statement);
}

void orr_store_commit(struct orr_store *store, struct orr_commit *commit) {
  orr_writer_add(store->writer, commit);
}

static void wake(struct orr_message *message) { sem_post(((struct orr_commit *)(void *)message)->user); }

int orr_store_commit_wait(struct orr_store *store, struct orr_commit *commit) {
  struct orr_commit asked = *commit;
  sem_t answered;
  sem_init(&answered, 0, 0);
  commit->loop = NULL;
  commit->message.deliver = wake;
  commit->user = &answered;
  orr_store_commit(store, commit);
  while (sem_wait(&answered) != 0) {
  } /* a signal came between */
  sem_destroy(&answered);
  commit->loop = asked.loop;
  commit->message.deliver = asked.message.deliver;
  commit->user = asked.user;
  return commit->code;
}

void orr_store_subscribe(struct orr_store *store, orr_store_changed *changed, void *data) {
  orr_writer_subscribe(store->writer, changed, data);
}

void orr_store_stats(struct orr_store *store, struct orr_store_stats *stats) {
  orr_writer_stats(store->writer, stats);
  struct orr_buf log = {0};
  struct stat info;
  orr_buf_printf(&log, "%s-wal", store->path);
  stats->wal_bytes = stat(orr_buf_text(&log), &info) == 0 ? info.st_size : 0;
  orr_buf_free(&log);
}
