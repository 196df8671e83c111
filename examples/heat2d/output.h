/* A file that appears under its name only when it is complete: whoever finds it may read it. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct output {
  FILE *file; /* to write to, between open and close */
  char path[PATH_MAX], part[PATH_MAX];
};

/* Both return 0, or -1 after a sentence on stderr. */
int output_open(struct output *output, const char *directory, const char *name);
int output_close(struct output *output, bool complete); /* what is not complete is dropped */
