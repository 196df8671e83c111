/* A job of the fake scheduler: a timer, told by a few wall times (ms). */
#pragma once
#include <stdbool.h>
#include <stdio.h>

enum { FAKE_TAG = 128 };

struct fake_job {
  char tag[FAKE_TAG];
  long queue_ms, run_ms, exit_code, signal, limit_ms, final_ms, vanish, alter_delay_ms;
  char monitor_error[16], alter_error[16]; /* "-": none */
  long submitted;         /* put off by the time it was held or suspended, when its clock stood still */
  long held, suspended, canceled; /* since when; -1: it is not */
};

long fake_now(void);
bool fake_started(const struct fake_job *job, long now);
bool fake_over(const struct fake_job *job, long now);
bool fake_gone(const struct fake_job *job, long now); /* started, and known to nobody since */
long fake_start(const struct fake_job *job);
long fake_end(const struct fake_job *job);
const char *fake_state(const struct fake_job *job, long now); /* as the contract names it */

/* Does what a verb asks for; false: that cannot be done to it in its state. `value` is the number of a deadly
   signal (0: another), or the limit that alter sets. */
bool fake_act(struct fake_job *job, const char *verb, long at, long value);

void fake_write(FILE *file, const struct fake_job *job); /* as a line */
bool fake_read(const char *line, struct fake_job *job);  /* false: it is none */
