/* The verbs of the job-control interface, by number and by name. */
#pragma once

enum orr_verb {
  ORR_SUBMIT,
  ORR_MONITOR,
  ORR_CANCEL,
  ORR_FIND,
  ORR_SUSPEND,
  ORR_RESUME,
  ORR_HOLD,
  ORR_RELEASE,
  ORR_SIGNAL,
  ORR_ALTER,
  ORR_STATUS,
  ORR_ESTIMATE,
  ORR_VERBS
};

const char *orr_verb_name(enum orr_verb verb);
int orr_verb_parse(const char *name); /* -1: there is no such verb */
static inline int orr_verb_required(enum orr_verb verb) { return verb <= ORR_FIND; }
