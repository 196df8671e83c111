/* The command line. */
#pragma once
#include <stdbool.h>

#include "plate.h"

struct options {
  struct plate plate;
  double time; /* s, of the simulated kind */
  int grid;
  long steps;
  const char *output; /* a directory that exists; borrowed from argv */
  bool check;
};

enum options_answer { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_BAD };

/* Fills `options`. After OPTIONS_HELP the help has been printed, after OPTIONS_BAD a sentence on stderr. */
enum options_answer options_parse(struct options *options, int argc, char **argv);
