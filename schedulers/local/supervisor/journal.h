/* The journal: the one file that makes the supervisor's word good after it was killed. Records are appended
   and never changed; a record that could not be written whole is taken back at once. There is one writer at a
   time: the supervisor, or its child between vfork and exec, while the supervisor stands still.

   Writing and making durable are two things. What is written survives the death of the supervisor; what is
   synced survives the death of the machine. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/record.h"

struct orr_journal {
  int fd;
  int64_t size;
  int64_t compact_at; /* the size from which compaction is worth it */
  bool dirty;         /* written to since the last sync */
};

#define ORR_JOURNAL_NAME "journal" /* in the current directory, the supervisor's state directory */

/* Opens the journal called `name`, making it if there is none. */
int orr_journal_open(struct orr_journal *journal, const char *name, struct orr_err *err);
/* Makes the journal called `name`, which is open, durable and the one, in place of the old. */
int orr_journal_replace(struct orr_journal *journal, const char *name, struct orr_err *err);

/* Appends a record to `out`, for orr_journal_append to write later. Body and tail may be empty. */
void orr_record_put(struct orr_buf *out, enum orr_record_kind kind, int64_t job, int64_t at, const void *body,
                    size_t body_size, const void *tail, size_t tail_size);
uint32_t orr_record_check(const struct orr_record *record, size_t size);

/* Writes a run of records, all or none. */
int orr_journal_append(struct orr_journal *journal, const struct orr_buf *records, struct orr_err *err);
/* The same, and makes everything so far durable; after a failure the records are not there. */
int orr_journal_commit(struct orr_journal *journal, const struct orr_buf *records, struct orr_err *err);
/* Appends bytes of the file to `out`. */
int orr_journal_read(const struct orr_journal *journal, int64_t offset, size_t size, struct orr_buf *out,
                     struct orr_err *err);

/* Calls `each` for every whole record, oldest first; `body` is what follows the head, `offset` where it lies.
   The first record that is not whole, the last one of a machine that stopped, ends the journal: it and what
   follows is cut off, and `*cut` says how many bytes that were. */
typedef void orr_record_visit(void *data, const struct orr_record *record, const char *body, int64_t offset);
int orr_journal_replay(struct orr_journal *journal, orr_record_visit *each, void *data, int64_t *cut,
                       struct orr_err *err);
