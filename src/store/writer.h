/* The writer: the one thread that changes the database. It takes what waits, runs it as a group, answers. */
#pragma once
#include <sqlite3.h>

#include "store/private.h"
#include "store/store.h"

struct orr_writer;

/* Takes over the connection (also when it fails). `store` is complete but for its writer. */
struct orr_writer *orr_writer_create(struct orr_store *store, sqlite3 *db, struct orr_err *err);
/* Answers what is queued, then ends the thread. */
void orr_writer_end(struct orr_writer *writer);
void orr_writer_destroy(struct orr_writer *writer); /* after its end; NULL is legal */

/* Keeps the writer between two groups, for a checkpoint: returns when no transaction is open. */
void orr_writer_hold(struct orr_writer *writer);
void orr_writer_release(struct orr_writer *writer);

void orr_writer_add(struct orr_writer *writer, struct orr_commit *commit);
void orr_writer_subscribe(struct orr_writer *writer, orr_store_changed *changed, void *data);
void orr_writer_stats(struct orr_writer *writer, struct orr_store_stats *stats);
