/* Checkpoints: moving what the write-ahead log holds into the database, on a thread and a connection of their
   own, so that neither the writer nor a reader pays for it. */
#pragma once
#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"
#include "store/private.h"

struct orr_checkpointer;

struct orr_checkpointer *orr_checkpointer_create(struct orr_store *store, int64_t wal_limit,
                                                 struct orr_err *err);
/* Learns from the writer's connection, at each commit, how long the log has become. */
void orr_checkpointer_watch(struct orr_checkpointer *checkpointer, sqlite3 *writing);
void orr_checkpointer_destroy(
    struct orr_checkpointer *checkpointer); /* after the writer's end; NULL is legal */
