#include "sched/verb.h"

#include <string.h>

static const char *const names[ORR_VERBS] = {"submit", "monitor", "cancel", "find",  "suspend", "resume",
                                             "hold",   "release", "signal", "alter", "status",  "estimate"};

const char *orr_verb_name(enum orr_verb verb) { return names[verb]; }

int orr_verb_parse(const char *name) {
  for (int verb = 0; verb < ORR_VERBS; verb++)
    if (strcmp(name, names[verb]) == 0) return verb;
  return -1;
}
