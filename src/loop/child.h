/* A child process on a loop: given its argument vector, environment and standard input, it runs to its end or
   to its deadline, and its output comes back whole, or as it comes. Never through a shell. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "loop/loop.h"

struct orr_child_options {
  char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
  char *const *environment; /* NULL-terminated; NULL: empty */
  const char *directory;    /* NULL: "/" */
  const void *input;        /* copied */
  size_t input_size;
  int input_fd; /* a descriptor that is its standard input, rather than a copy of `input`; 0: none */
  bool fed;     /* rather than either: its standard input is what orr_child_write brings */
  /* What had to wait of that has been taken, or nobody takes it any more. */
  void (*drained)(void *data);
  int held; /* a descriptor that it and what it starts have as their 3; 0: none */
  long long
      timeout_ms; /* then its process group is killed; 0: it may take for ever, and is killed by its owner */
  size_t most_output; /* of each stream; what is beyond is dropped, and told */
  /* Gets what it writes to its standard output as it comes, which is then not gathered. NULL: it is. */
  void (*said)(void *data, const char *bytes, size_t size);
};

struct orr_child_result {
  int exit_code; /* -1 when it was ended by a signal */
  int signal;
  bool timed_out;
  bool cut;                /* there was more output */
  struct orr_buf out, err; /* the receiver's during the call */
};

struct orr_child;
/* `ended(data, result)` comes once, unless NULL is returned (the program cannot be started). */
struct orr_child *orr_child_start(struct orr_loop *loop, const struct orr_child_options *options,
                                  void (*ended)(void *data, struct orr_child_result *result), void *data,
                                  struct orr_err *err);
/* Kills its process group, and hears no more of it; `ended` still comes, whoever is left. */
void orr_child_kill(struct orr_child *child);
/* Back-pressure to one whose output is taken as it comes: no more of it until resume. */
void orr_child_pause(struct orr_child *child);
void orr_child_resume(struct orr_child *child);
/* To one that is fed; the bytes are copied. False: some of them wait, and `drained` will come. They vanish when nobody
   reads them. */
bool orr_child_write(struct orr_child *child, const void *bytes, size_t size);
void orr_child_finish(struct orr_child *child);  /* there will be no more, behind what waits */
void orr_child_hang_up(struct orr_child *child); /* the same, now; what waits is dropped */
