/* The verb submit: what is accepted goes into the journal whole and is durable before anybody is told its id.
   A tag that is known already answers with the job it has, so a submission can be repeated without harm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "supervisor/supervisor.h"

/* What becomes of an item. */
struct fate {
  struct orr_job *job; /* NULL: rejected */
  bool fresh;          /* the job is this batch's */
  char problem[128];
};

struct batch {
  struct orr_supervisor *s;
  struct orr_buf records;
  int64_t now;
  int64_t free_cores; /* for jobs that can start at once; 0 when others wait before them */
};

static int64_t number(const struct orrery_value *item, const char *path, int64_t otherwise) {
  int64_t value = orrery_int(orrery_get(item, path), otherwise);
  return value < 1 ? otherwise : value;
}

static int64_t cores_of(const struct orr_supervisor *s, const struct orrery_value *item) {
  if (orrery_bool(orrery_get(item, "resources.exclusive_node_use"), false)) return s->settings.cores;
  int64_t processes =
      number(item, "resources.process_count", number(item, "resources.processes_per_node", 1));
  int64_t each = number(item, "resources.cpu_cores_per_process", 1);
  return processes > INT32_MAX / each ? INT32_MAX : processes * each;
}

static int64_t limit_of(const struct orrery_value *item) {
  double seconds = orrery_real(orrery_get(item, "attributes.duration"), 3600);
  return seconds > 0 && seconds < 1e12 ? (int64_t)(seconds * 1000) : INT64_C(3600000);
}

static bool absolute(const struct orrery_value *item, const char *member) {
  return *orrery_text(orrery_get(item, member), NULL, "/") == '/';
}

/* True: there is nothing wrong with the item. */
static bool check(const struct orr_supervisor *s, const struct orrery_value *item, char *problem,
                  size_t room) {
  const char *wrong = NULL;
  if (!*orrery_text(orrery_get(item, "tag"), NULL, ""))
    wrong = "the submission has no tag";
  else if (!orrery_text(orrery_get(item, "script"), NULL, NULL) &&
           !orrery_text(orrery_at(orrery_get(item, "argv"), 0), NULL, NULL))
    wrong = "the submission has neither argv nor a script";
  else if (*orrery_text(orrery_get(item, "attempt_directory"), NULL, "") != '/' ||
           !absolute(item, "directory") || !absolute(item, "stdin") || !absolute(item, "stdout") ||
           !absolute(item, "stderr"))
    wrong = "a submission's directories and files must be absolute paths";
  else if (number(item, "resources.node_count", 1) > 1)
    wrong = "the job asks for several nodes; this resource is a single one";
  else if (cores_of(s, item) > s->settings.cores)
    snprintf(problem, room, "the job asks for %lld cores; this resource has %lld",
             (long long)cores_of(s, item), (long long)s->settings.cores);
  if (wrong) snprintf(problem, room, "%s", wrong);
  return !*problem;
}

/* Adds the job to the tables and its records to the batch. */
static struct orr_job *accept_item(struct batch *batch, const struct orrery_value *item, const char *tag,
                                   size_t tag_size) {
  struct orr_supervisor *s = batch->s;
  struct orr_job *job = orr_jobs_add(&s->jobs, s->jobs.next_id, tag, tag_size);
  job->cores = (uint32_t)cores_of(s, item);
  job->limit_ms = limit_of(item);
  job->login = orrery_bool(orrery_get(item, "inherit_environment"), false);
  struct orr_record_submit body = {job->limit_ms, job->cores, (uint32_t)tag_size, job->login, 0};
  struct orr_buf tail = {0};
  orr_buf_put(&tail, tag, tag_size);
  orr_wire_value(&tail, NULL, item);
  orr_record_put(&batch->records, ORR_RECORD_SUBMIT, job->id, batch->now, &body, sizeof body, tail.data,
                 tail.size);
  job->submission_size = (uint32_t)(tail.size - tag_size);
  job->submission = s->journal.size + (int64_t)(batch->records.size - job->submission_size);
  orr_buf_free(&tail);
  batch->free_cores -= job->cores;
  if (batch->free_cores >= 0)
    orr_queue_begin(job, batch->now, &batch->records);
  else
    batch->free_cores = 0;
  return job;
}

static void decide(struct batch *batch, const struct orrery_value *item, struct fate *fate) {
  size_t tag_size;
  const char *tag = orrery_text(orrery_get(item, "tag"), &tag_size, "");
  fate->job = orr_jobs_find_tag(&batch->s->jobs, tag, tag_size);
  if (fate->job || !check(batch->s, item, fate->problem, sizeof fate->problem)) return;
  fate->job = accept_item(batch, item, tag, tag_size);
  fate->fresh = true;
}

static void report(const struct fate *fate, int code, const struct orr_err *err, struct orr_buf *out) {
  orr_wire_map(out, NULL);
  if (!fate->job)
    orr_report_problem(out, "rejected", fate->problem);
  else if (code && fate->fresh)
    orr_report_problem(out, "unavailable", err->text);
  else
    orr_report_id(out, fate->job);
  orr_wire_end_map(out);
}

void orr_submit(struct orr_supervisor *s, const struct orrery_value *items, struct orr_buf *out) {
  size_t count = orrery_count(items);
  struct fate *fates = orr_zalloc((count + 1) * sizeof *fates);
  struct orr_err err;
  struct batch batch = {.s = s, .now = orr_wall_ms()};
  if (!TAILQ_FIRST(&s->jobs.queue)) batch.free_cores = s->settings.cores - s->cores_used;
  for (size_t i = 0; i < count; i++) decide(&batch, orrery_at(items, i), &fates[i]);
  int code = orr_journal_commit(&s->journal, &batch.records, &err);
  for (size_t i = 0; i < count; i++) report(&fates[i], code, &err, out);
  for (size_t i = 0; code && i < count; i++)
    if (fates[i].fresh) orr_jobs_forget(&s->jobs, fates[i].job);
  orr_buf_free(&batch.records);
  free(fates);
}
