/* How jobs end: their processes are reaped, what is left of their process groups is killed, and the outcome
   goes into the journal. An adopted job, started by an earlier supervisor, is not our child: that it ended
   can be seen, its exit status cannot. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "supervisor/supervisor.h"

bool orr_note(struct orr_supervisor *s, enum orr_record_kind kind, int64_t job, const void *body,
              size_t size) {
  struct orr_buf record = {0};
  orr_record_put(&record, kind, job, orr_wall_ms(), body, size, NULL, 0);
  int code = orr_journal_append(&s->journal, &record, NULL);
  orr_buf_free(&record);
  return code == ORR_OK;
}

static bool note_end(struct orr_supervisor *s, const struct orr_job *job) {
  struct orr_buf record = {0};
  size_t message_size = job->message ? strlen(job->message) : 0;
  orr_record_put(&record, ORR_RECORD_ENDED, job->id, job->changed_at, &job->end, sizeof job->end,
                 job->message, message_size);
  int code = orr_journal_append(&s->journal, &record, NULL);
  orr_buf_free(&record);
  return code == ORR_OK;
}

void orr_end_owing(struct orr_supervisor *s) {
  struct orr_job *job;
  while ((job = TAILQ_FIRST(&s->jobs.owing)) && note_end(s, job)) {
    TAILQ_REMOVE(&s->jobs.owing, job, owing);
    job->owed = false;
  }
  s->retry_at = job ? orr_boot_ms() + 1000 : INT64_MAX;
}

void orr_end(struct orr_supervisor *s, struct orr_job *job, const struct orr_end *end, char *message) {
  if (job->run) {
    s->cores_used -= job->run->cores;
    if (job->run->pidfd >= 0) {
      orr_unwatch(s->epoll, job->run->pidfd);
      close(job->run->pidfd);
    }
  }
  orr_job_end(&s->jobs, job, end, message, orr_wall_ms());
  if (note_end(s, job)) return;
  TAILQ_INSERT_TAIL(&s->jobs.owing, job, owing);
  job->owed = true;
  s->retry_at = orr_boot_ms() + 1000;
}

/* What a job that ran to its end, or was stopped, is said to have done. */
static char *judge(const struct orr_run *run, int status, struct orr_end *end) {
  char message[128] = "";
  end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (run->stopping == ORR_STOP_CANCEL) {
    end->state = ORR_JOB_CANCELED;
  } else if (run->stopping == ORR_STOP_TIMEOUT) {
    end->state = ORR_JOB_FAILED, end->reason = ORR_REASON_TIMEOUT;
    snprintf(message, sizeof message, "stopped at its time limit of %.12g s",
             (double)run->job->limit_ms / 1000);
  } else if (end->signal) {
    end->state = ORR_JOB_FAILED, end->reason = ORR_REASON_SIGNAL;
    snprintf(message, sizeof message, "killed by signal %d (%s)", end->signal, strsignal(end->signal));
  } else if (end->exit_code) {
    end->state = ORR_JOB_FAILED, end->reason = ORR_REASON_EXIT_CODE;
    snprintf(message, sizeof message, "exited with code %d", end->exit_code);
  } else {
    end->state = ORR_JOB_COMPLETED;
  }
  return *message ? orr_strdup(message) : NULL;
}

static int64_t milliseconds(const struct timeval *time) { return time->tv_sec * 1000 + time->tv_usec / 1000; }

static void child_ended(struct orr_supervisor *s, struct orr_job *job, int status,
                        const struct rusage *usage) {
  struct orr_end end = job->end;
  char *message = judge(job->run, status, &end);
  end.ended_at = orr_wall_ms();
  end.wall_ms = (orr_boot_ns() - job->run->born_after) / 1000000;
  end.cpu_ms = milliseconds(&usage->ru_utime) + milliseconds(&usage->ru_stime);
  end.memory = usage->ru_maxrss * 1024;
  orr_end(s, job, &end, message);
}

void orr_reap(struct orr_supervisor *s) {
  siginfo_t info;
  for (;;) {
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0) return;
    struct orr_job *job = orr_jobs_find_pid(&s->jobs, info.si_pid);
    if (job && job->run->pidfd >= 0) job = NULL; /* an orphan that bears an adopted job's pid after it */
    /* As long as the leader is not reaped, nobody else can have its group's number. */
    if (job || info.si_pid == s->login.pid) kill(-info.si_pid, SIGKILL);
    int status;
    struct rusage usage;
    wait4(info.si_pid, &status, 0, &usage);
    if (job)
      child_ended(s, job, status, &usage);
    else if (info.si_pid == s->login.pid)
      orr_login_ended(s, status);
  }
}

/* An end nobody saw. What was being stopped has stopped; of anything else the result is unknown. */
static void lose(struct orr_supervisor *s, struct orr_job *job, const char *why) {
  struct orr_end end = job->end;
  enum orr_stop stopping = job->run ? job->run->stopping : ORR_STOP_NOT;
  end.ended_at = orr_wall_ms();
  if (stopping == ORR_STOP_CANCEL) {
    end.state = ORR_JOB_CANCELED;
  } else {
    end.state = ORR_JOB_FAILED;
    end.reason = stopping == ORR_STOP_TIMEOUT ? ORR_REASON_TIMEOUT : ORR_REASON_LOST;
  }
  if (job->run) orr_process_kill_left(job->run->pid, job->tag);
  orr_end(s, job, &end, orr_strdup(why));
}

static void adopted_ended(struct orr_supervisor *s, struct orr_source *source, uint32_t events) {
  (void)events;
  struct orr_run *run = (struct orr_run *)source; /* its first member */
  lose(s, run->job, "its supervisor was killed while it ran, so its exit status is unknown");
}

static void adopt(struct orr_supervisor *s, struct orr_job *job) {
  struct orr_run *run = job->run;
  siginfo_t info;
  /* The supervisor that became this one by exec (main.c) has left us its children. */
  bool own = waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (!own) {
    run->pidfd = pidfd_open((pid_t)run->pid, 0);
    if (run->pidfd < 0 || !orr_process_is(run->pid, run->born_after, run->born_before)) {
      lose(s, job, "it ended while no supervisor was there, so its exit status is unknown");
      return;
    }
    run->watch.ready = adopted_ended;
    orr_watch(s->epoll, run->pidfd, EPOLLIN, &run->watch);
  }
  if (run->stopping)
    orr_stop(s, job, run->stopping);
  else
    orr_set_deadline(s, job);
}

void orr_adopt(struct orr_supervisor *s) {
  struct orr_job *job, *next;
  for (job = TAILQ_FIRST(&s->jobs.running); job; job = next) {
    next = TAILQ_NEXT(job, place);
    job->run->cores = job->cores;
    s->cores_used += job->cores;
    if (s->same_boot)
      adopt(s, job);
    else
      lose(s, job, "the machine restarted while it ran");
  }
  for (job = TAILQ_FIRST(&s->jobs.queue); !s->same_boot && job && job->begun; job = next) {
    next = TAILQ_NEXT(job, place);
    lose(s, job, "the machine stopped when it was about to start, and it may have run");
  }
}
