/* What the supervisor tells about its jobs and itself: the reports of monitor, find and status, with the
   members schedulers/README.md names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/supervisor.h"

static const char *const states[] = {"QUEUED",    "HELD",   "ACTIVE",  "SUSPENDED",
                                     "COMPLETED", "FAILED", "CANCELED"};
static const char *const reasons[] = {NULL, "EXIT_CODE", "SIGNAL", "TIMEOUT", "LAUNCH_FAILED", "LOST"};

void orr_report_problem(struct orr_buf *out, const char *error_class, const char *message) {
  orr_wire_map(out, "error");
  orr_wire_text(out, "class", error_class);
  orr_wire_text(out, "message", message);
  orr_wire_end_map(out);
}

struct orr_job *orr_ref_job(struct orr_supervisor *s, const struct orrery_value *ref) {
  const char *id = orrery_text(orrery_get(ref, "native_id"), NULL, "");
  const char *tag = orrery_text(orrery_get(ref, "tag"), NULL, "");
  struct orr_job *job = orr_jobs_find(&s->jobs, strtoll(id, NULL, 10));
  return job && strcmp(job->tag, tag) == 0 ? job : NULL;
}

static const char *native_state(const struct orr_job *job) {
  if (orr_job_ended(job)) return "ended";
  if (job->run && job->run->stopping) return "stopping";
  static const char *const words[] = {"queued", "held", "running", "suspended"};
  return words[job->state];
}

static void put_usage(const struct orr_end *end, struct orr_buf *out) {
  if (end->wall_ms < 0) return;
  orr_wire_map(out, "usage");
  orr_wire_real(out, "wall_seconds", (double)end->wall_ms / 1000);
  orr_wire_real(out, "cpu_seconds", (double)end->cpu_ms / 1000);
  orr_wire_int(out, "memory", end->memory);
  orr_wire_end_map(out);
}

static void put_job(const struct orr_supervisor *s, const struct orr_job *job, struct orr_buf *out) {
  const struct orr_end *end = &job->end;
  bool ended = orr_job_ended(job);
  orr_wire_text(out, "state", states[job->state]);
  orr_wire_text(out, "native_state", native_state(job));
  orr_wire_int(out, "runs", end->started_at > 0);
  if (end->started_at) {
    orr_wire_int(out, "started_at", end->started_at);
    orr_wire_list(out, "hosts");
    orr_wire_text(out, NULL, s->host);
    orr_wire_end_list(out);
  }
  if (!ended) return;
  orr_wire_bool(out, "final", true);
  orr_wire_text(out, "reason", reasons[end->reason]);
  orr_wire_text(out, "message", job->message);
  orr_wire_int(out, "ended_at", end->ended_at);
  if (end->exit_code >= 0) orr_wire_int(out, "exit_code", end->exit_code);
  if (end->signal) orr_wire_int(out, "signal", end->signal);
  put_usage(end, out);
}

void orr_monitor(struct orr_supervisor *s, const struct orrery_value *items, struct orr_buf *out) {
  for (size_t i = 0; i < orrery_count(items); i++) {
    const struct orr_job *job = orr_ref_job(s, orrery_at(items, i));
    orr_wire_map(out, NULL);
    if (job)
      put_job(s, job, out);
    else
      orr_wire_bool(out, "absent", true);
    orr_wire_end_map(out);
  }
}

void orr_report_id(struct orr_buf *out, const struct orr_job *job) {
  char id[24];
  snprintf(id, sizeof id, "%lld", (long long)job->id);
  orr_wire_text(out, "native_id", id);
}

void orr_find(struct orr_supervisor *s, const struct orrery_value *items, struct orr_buf *out) {
  for (size_t i = 0; i < orrery_count(items); i++) {
    size_t size;
    const char *tag = orrery_text(orrery_get(orrery_at(items, i), "tag"), &size, "");
    const struct orr_job *job = orr_jobs_find_tag(&s->jobs, tag, size);
    orr_wire_map(out, NULL);
    orr_wire_text(out, "answer", job ? "found" : "absent");
    if (job) orr_report_id(out, job);
    orr_wire_end_map(out);
  }
}

void orr_status(struct orr_supervisor *s, struct orr_buf *out) {
  int64_t free_cores = s->settings.cores - s->cores_used;
  orr_wire_map(out, NULL);
  orr_wire_text(out, "state", s->complaint ? "degraded" : "up");
  orr_wire_text(out, "message", s->complaint);
  orr_wire_int(out, "cores_total", s->settings.cores);
  orr_wire_int(out, "cores_free", free_cores > 0 ? free_cores : 0);
  orr_wire_int(out, "nodes_total", 1);
  orr_wire_int(out, "pending", (int64_t)s->jobs.queued);
  orr_wire_end_map(out);
}
