/* What is done to a running job from outside: asked to end and then made to, suspended, resumed. Signals go
   to its whole process group. */
#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "supervisor/supervisor.h"

bool orr_signal(const struct orr_job *job, int number) {
  const struct orr_run *run = job->run;
  /* An adopted leader may be gone and its group's number another's; our own child is ours until reaped. */
  if (run->pidfd >= 0 && pidfd_send_signal(run->pidfd, 0, NULL, 0)) return false;
  return kill((pid_t)-run->pid, number) == 0;
}

static void set_deadline(struct orr_supervisor *s, struct orr_run *run, int64_t deadline) {
  run->deadline = deadline;
  if (deadline < s->deadline_at) s->deadline_at = deadline;
}

void orr_set_deadline(struct orr_supervisor *s, struct orr_job *job) {
  struct orr_run *run = job->run;
  bool suspended = run->suspended_at;
  int64_t started = run->born_after / 1000000;
  set_deadline(s, run, suspended ? INT64_MAX : started + run->suspended_ms + job->limit_ms);
}

void orr_stop(struct orr_supervisor *s, struct orr_job *job, enum orr_stop why) {
  struct orr_record_stopping stopping = {why};
  orr_note(s, ORR_RECORD_STOPPING, job->id, &stopping, sizeof stopping); /* without room it is stopped, too */
  job->run->stopping = why;
  orr_signal(job, SIGTERM);
  if (job->run->suspended_at) orr_resume(s, job);
  set_deadline(s, job->run, orr_boot_ms() + s->settings.grace_ms);
}

void orr_stop_overdue(struct orr_supervisor *s) {
  int64_t now = orr_boot_ms();
  struct orr_job *job;
  s->deadline_at = INT64_MAX;
  TAILQ_FOREACH(job, &s->jobs.running, place) {
    struct orr_run *run = job->run;
    if (run->deadline > now) {
      set_deadline(s, run, run->deadline);
    } else if (run->stopping) {
      orr_signal(job, SIGKILL);
      run->deadline = INT64_MAX;
    } else {
      orr_stop(s, job, ORR_STOP_TIMEOUT);
    }
  }
}

void orr_suspend(struct orr_supervisor *s, struct orr_job *job) {
  struct orr_record_moment moment = {orr_boot_ms()};
  orr_signal(job, SIGSTOP);
  orr_note(s, ORR_RECORD_SUSPENDED, job->id, &moment, sizeof moment);
  job->run->suspended_at = moment.boot_ms;
  orr_job_suspend(&s->jobs, job, orr_wall_ms());
  orr_set_deadline(s, job);
}

void orr_resume(struct orr_supervisor *s, struct orr_job *job) {
  struct orr_record_moment moment = {orr_boot_ms()};
  orr_signal(job, SIGCONT);
  orr_note(s, ORR_RECORD_RESUMED, job->id, &moment, sizeof moment);
  job->run->suspended_ms += moment.boot_ms - job->run->suspended_at;
  job->run->suspended_at = 0;
  orr_job_resume(&s->jobs, job, orr_wall_ms());
  orr_set_deadline(s, job);
}
