/* The verbs that act on jobs. Each either does what it was asked or says in a sentence why not. A job that is
   already in the state asked for is a success: the caller may be repeating itself after a lost answer. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/supervisor.h"

/* NULL: done. Else what stands in the way, after "job N ". */
typedef const char *act_on(struct orr_supervisor *s, struct orr_job *job, int number);

static const char *cancel(struct orr_supervisor *s, struct orr_job *job, int number) {
  (void)number;
  if (job->run) {
    if (!job->run->stopping) orr_stop(s, job, ORR_STOP_CANCEL);
    return NULL;
  }
  struct orr_end end = job->end;
  end.state = ORR_JOB_CANCELED;
  end.ended_at = orr_wall_ms();
  orr_end(s, job, &end, NULL);
  return NULL;
}

static const char *suspend(struct orr_supervisor *s, struct orr_job *job, int number) {
  (void)number;
  if (!job->run) return "is not running, so it cannot be suspended";
  if (job->run->stopping) return "is being ended, so it cannot be suspended";
  if (job->state == ORR_JOB_ACTIVE) orr_suspend(s, job);
  return NULL;
}

static const char *resume(struct orr_supervisor *s, struct orr_job *job, int number) {
  (void)number;
  if (!job->run) return "is not running, so it cannot be resumed";
  if (job->state == ORR_JOB_SUSPENDED) orr_resume(s, job);
  return NULL;
}

static const char *hold(struct orr_supervisor *s, struct orr_job *job, int number) {
  (void)number;
  if (job->run) return "is running already, so it cannot be held";
  if (job->state == ORR_JOB_HELD) return NULL;
  if (!orr_note(s, ORR_RECORD_HELD, job->id, NULL, 0)) return "cannot be held: the journal has no room";
  orr_job_hold(&s->jobs, job, orr_wall_ms());
  job->begun = false;
  return NULL;
}

static const char *release(struct orr_supervisor *s, struct orr_job *job, int number) {
  (void)number;
  if (job->state != ORR_JOB_HELD) return NULL;
  if (!orr_note(s, ORR_RECORD_RELEASED, job->id, NULL, 0))
    return "cannot be released: the journal has no room";
  orr_job_queue(&s->jobs, job, orr_wall_ms());
  return NULL;
}

static const char *send_signal(struct orr_supervisor *s, struct orr_job *job, int number) {
  if (!number) return "cannot be sent a signal of that name";
  if (!job->run) return "is not running, so it cannot be signalled";
  /* These two are more than signals: a stopped job does not use up its time. */
  if (number == SIGSTOP) return suspend(s, job, 0);
  if (number == SIGCONT) return resume(s, job, 0);
  return orr_signal(job, number) ? NULL : "has just ended";
}

/* The number of "USR1" or "SIGUSR1"; 0 where there is no such signal. */
static int signal_number(const char *name) {
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  for (int number = 1; number < NSIG; number++) {
    const char *known = sigabbrev_np(number);
    if (known && strcmp(known, name) == 0) return number;
  }
  return 0;
}

static const struct {
  const char *verb;
  act_on *act;
} verbs[] = {{"cancel", cancel}, {"suspend", suspend}, {"resume", resume},
             {"hold", hold},     {"release", release}, {"signal", send_signal}};

static void control_one(struct orr_supervisor *s, const struct orrery_value *ref, act_on *act, int number,
                        struct orr_buf *out) {
  struct orr_job *job = orr_ref_job(s, ref);
  const char *id = orrery_text(orrery_get(ref, "native_id"), NULL, "");
  const char *problem = !job ? "is not known here" : orr_job_ended(job) ? "has ended" : act(s, job, number);
  char sentence[256];
  snprintf(sentence, sizeof sentence, "job %.30s %s", id, problem ? problem : "");
  orr_wire_map(out, NULL);
  if (problem) orr_report_problem(out, "rejected", sentence);
  orr_wire_end_map(out);
}

bool orr_control(struct orr_supervisor *s, const char *verb, const struct orrery_value *request,
                 struct orr_buf *out) {
  size_t i = 0, count = sizeof verbs / sizeof *verbs;
  while (i < count && strcmp(verbs[i].verb, verb) != 0) i++;
  if (i == count) return false;
  orr_reap(s); /* a job that has ended must not be told to: its result stands */
  int number = signal_number(orrery_text(orrery_get(request, "name"), NULL, ""));
  const struct orrery_value *items = orrery_get(request, "items");
  for (size_t item = 0; item < orrery_count(items); item++)
    control_one(s, orrery_at(items, item), verbs[i].act, number, out);
  struct orr_err err;
  if (orr_journal_commit(&s->journal, &(struct orr_buf){0}, &err))
    orr_log(&s->log, ORR_LOG_ERROR, "what was done to jobs is not durable", ORR_S("why", err.text));
  return true;
}
