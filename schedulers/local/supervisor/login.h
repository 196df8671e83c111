/* The account's login environment, for jobs that want to inherit one: what the login shell's own start-up
   files make of a clean environment. Read by running the shell, when the first job wants it, and kept for a
   while; jobs that want it wait so long. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct orr_supervisor;

struct orr_login {
  struct orr_arena *arena; /* of the entries */
  char **entries;          /* NAME=VALUE …, NULL; NULL while there is none */
  struct orr_err problem;  /* why there is none */
  int64_t good_until;      /* of entries or problem; CLOCK_BOOTTIME, ms */
  int64_t pid;             /* of the shell at work; 0: none */
  int output;              /* what it writes */
  int64_t deadline;        /* when it is given up; INT64_MAX: nothing is at work */
};

/* False: being read, ask again. True: there are entries, or `*problem` says why there cannot be. */
bool orr_login_ready(struct orr_supervisor *s, const char **problem);
void orr_login_ended(struct orr_supervisor *s, int status); /* the shell did */
void orr_login_overdue(struct orr_supervisor *s);           /* its deadline has passed */
