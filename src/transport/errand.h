/* Something done beyond a transport, as an account: a shell at the far end carries out a script, and what came of it is
   brought back. The script travels on the shell's standard input, so that no word of it is quoted on the way, and no part
   of it is carried out unless all of it has arrived. Where something else is to travel there, the script is an argument. */
#pragma once
#include "base/buf.h"
#include "transport/transport.h"

struct orr_errand_options {
  struct orr_transport *transport;
  const char *account; /* NULL: the service's own */
  bool file;           /* it is for a file, not for a command: the connection has a share for each */
  const char *script;  /* for sh, in a shell of its own: it may exit */
  size_t script_size;
  int held; /* as of a child (loop/child.h); the errand closes it */
  long long
      timeout_ms; /* 0: for ever, and it is stopped by its owner; a connection is waited for not that long */
  size_t most_output; /* of each stream */
  /* Gets the output as it comes, which is then not gathered. NULL: it is. */
  void (*said)(void *data, const char *bytes, size_t size);
  bool fed; /* the script's standard input is what orr_errand_write brings, once it has said something */
  void (*drained)(void *data); /* as of a child that is fed */
};

struct orr_errand_result {
  struct orr_err err; /* other than ORR_OK: it was not begun, and never will be */
  int exit_code;      /* -1: nobody knows what it did: the connection broke, or time was over */
  bool timed_out, cut;
  struct orr_buf out, errors; /* the receiver's during the call */
};

struct orr_errand;
/* `ended` comes once, always, and never from within. The errand is valid until then. */
struct orr_errand *orr_errand_start(struct orr_loop *loop, const struct orr_errand_options *options,
                                    void (*ended)(void *data, struct orr_errand_result *result), void *data);
/* Kills it, or, when it is fed, ends its input for it to end by itself; `ended` still comes. */
void orr_errand_stop(struct orr_errand *errand);
bool orr_errand_write(struct orr_errand *errand, const void *bytes, size_t size);
void orr_errand_finish(struct orr_errand *errand);
void orr_errand_pause(struct orr_errand *errand);
void orr_errand_resume(struct orr_errand *errand);

/* One command, as a script: with these variables (NAME=value) beside the far end's own, in a directory, with this on its
   standard input, which has no NUL in it and whose last line is ended, and for so long at most, where `timeout` is there.
   By that it ends with 124 or 137. */
struct orr_errand_command {
  char *const *argv, *const *environment;
  const char *directory, *input;
  size_t input_size;
  long long timeout_ms;
};
void orr_errand_command_put(struct orr_buf *script, const struct orr_errand_command *command);
