#include "supervisor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

static const char title[] = ORR_JOURNAL_TITLE;
enum { TITLE_SIZE = sizeof title - 1, COMPACT_MIN = 64 << 20 };

static int failed(struct orr_err *err, const char *what) {
  enum orr_code code = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ORR_NO_SPACE : ORR_IO;
  return orr_fail(err, code, "the local scheduler's journal cannot be %s: %s", what, strerror(errno));
}

uint32_t orr_record_check(const struct orr_record *record, size_t size) {
  size_t from = offsetof(struct orr_record, kind);
  return (uint32_t)orr_hash((const char *)record + from, size - from);
}

void orr_record_put(struct orr_buf *out, enum orr_record_kind kind, int64_t job, int64_t at, const void *body,
                    size_t body_size, const void *tail, size_t tail_size) {
  size_t size = sizeof(struct orr_record) + body_size + tail_size, start = out->size;
  struct orr_record head = {.size = (uint32_t)size, .kind = kind, .job = job, .at = at};
  orr_buf_put(out, &head, sizeof head);
  orr_buf_put(out, body, body_size);
  orr_buf_put(out, tail, tail_size);
  head.check = orr_record_check((const struct orr_record *)(const void *)(out->data + start), size);
  memcpy(out->data + start, &head, sizeof head);
}

/* The file as it was before an append that failed. Should even this fail, the next start cuts the torn record
   off. */
static void take_back(struct orr_journal *journal, int64_t size) {
  int keep = errno;
  if (ftruncate(journal->fd, size) == 0) journal->size = size;
  errno = keep;
}

static int write_all(struct orr_journal *journal, const char *data, size_t size) {
  int64_t before = journal->size;
  journal->dirty = true;
  for (size_t done = 0; done < size;) {
    ssize_t count = write(journal->fd, data + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      take_back(journal, before);
      return -1;
    }
    done += (size_t)count;
    journal->size += count;
  }
  return 0;
}

int orr_journal_append(struct orr_journal *journal, const struct orr_buf *records, struct orr_err *err) {
  if (write_all(journal, records->data, records->size)) return failed(err, "written");
  return ORR_OK;
}

int orr_journal_commit(struct orr_journal *journal, const struct orr_buf *records, struct orr_err *err) {
  int64_t before = journal->size;
  int code = orr_journal_append(journal, records, err);
  if (code || !journal->dirty) return code;
  if (fdatasync(journal->fd)) {
    take_back(journal, before);
    return failed(err, "made durable");
  }
  journal->dirty = false;
  return ORR_OK;
}

int orr_journal_read(const struct orr_journal *journal, int64_t offset, size_t size, struct orr_buf *out,
                     struct orr_err *err) {
  ssize_t count = pread(journal->fd, orr_buf_reserve(out, size), size, offset);
  if (count < 0) return failed(err, "read");
  if ((size_t)count < size) return orr_fail(err, ORR_IO, "the local scheduler's journal was cut by others");
  out->size += size;
  return ORR_OK;
}

/* Makes the names in the directory durable. */
static int sync_directory(void) {
  int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failure = directory < 0 || fsync(directory);
  if (directory >= 0) close(directory);
  return failure;
}

int orr_journal_open(struct orr_journal *journal, const char *name, struct orr_err *err) {
  struct stat file;
  *journal = (struct orr_journal){.compact_at = COMPACT_MIN};
  journal->fd = open(name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (journal->fd < 0 || fstat(journal->fd, &file)) return failed(err, "opened");
  journal->size = file.st_size;
  char have[TITLE_SIZE];
  ssize_t count = pread(journal->fd, have, TITLE_SIZE, 0);
  if (count < 0) return failed(err, "read");
  if (memcmp(have, title, (size_t)count) != 0)
    return orr_fail(err, ORR_INVALID,
                    "the local scheduler's journal is of a version unknown to this program");
  if (count == TITLE_SIZE) return ORR_OK;
  take_back(journal, 0); /* new, or the machine stopped before even the title was written */
  if (write_all(journal, title, TITLE_SIZE) || fdatasync(journal->fd) || sync_directory())
    return failed(err, "begun");
  return ORR_OK;
}

int orr_journal_replace(struct orr_journal *journal, const char *name, struct orr_err *err) {
  if (fdatasync(journal->fd) || rename(name, ORR_JOURNAL_NAME)) return failed(err, "replaced");
  sync_directory(); /* the new one is in place even if this fails */
  journal->dirty = false;
  return ORR_OK;
}

/* The length of the whole and true record at `at`, or 0. */
static size_t record_at(const char *at, const char *end, struct orr_record *head) {
  if ((size_t)(end - at) < sizeof *head) return 0;
  memcpy(head, at, sizeof *head);
  if (head->size < sizeof *head || head->size > (size_t)(end - at)) return 0;
  const struct orr_record *record = (const struct orr_record *)(const void *)at;
  return orr_record_check(record, head->size) == head->check ? head->size : 0;
}

int orr_journal_replay(struct orr_journal *journal, orr_record_visit *each, void *data, int64_t *cut,
                       struct orr_err *err) {
  size_t size = (size_t)journal->size;
  char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, journal->fd, 0);
  if (bytes == MAP_FAILED) return failed(err, "read");
  const char *at = bytes + TITLE_SIZE, *end = bytes + size;
  struct orr_record head;
  for (size_t length; (length = record_at(at, end, &head)); at += length)
    each(data, &head, at + sizeof head, at - bytes);
  *cut = end - at;
  if (*cut) take_back(journal, at - bytes);
  munmap(bytes, size);
  return ORR_OK;
}
