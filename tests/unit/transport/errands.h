/* What tests of errands share: a loop, transports in a temporary folder, and what came of errands. */
#pragma once
#include "transport/errand.h"

#include "../base/folder.h"

static char folder[FOLDER_ROOM];
static struct orr_log log_to;
static struct orr_loop *loop;
static struct orr_transports *transports;

struct run {
  struct orr_errand *errand;
  int ended;
  struct orr_err err;
  int exit_code;
  bool timed_out, cut;
  struct orr_buf out, errors;
};

static size_t most_output = 1 << 20;
static int left; /* to end before the loop does */

static inline void ended(void *data, struct orr_errand_result *result) {
  struct run *run = data;
  run->ended++;
  run->err = result->err;
  run->exit_code = result->exit_code;
  run->timed_out = result->timed_out;
  run->cut = result->cut;
  orr_buf_put(&run->out, result->out.data, result->out.size);
  orr_buf_put(&run->errors, result->errors.data, result->errors.size);
  if (--left == 0) orr_loop_stop(loop);
}

static inline void forget(struct run *run) {
  orr_buf_free(&run->out);
  orr_buf_free(&run->errors);
}

static inline void begin(void) {
  folder_make(folder);
  log_to =
      (struct orr_log){.fd = open(PATH_OF(folder, "log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  loop = orr_loop_create(NULL);
  transports = orr_transports_create(folder, &log_to);
  left = 0;
}

static inline void end(void) {
  orr_transports_stop(transports);
  orr_loop_destroy(loop);
  orr_transports_destroy(transports);
  close(log_to.fd);
  folder_remove(folder);
}

static inline void start(struct run *run, struct orr_transport *transport, const char *script,
                         long long timeout_ms) {
  struct orr_errand_options options = {.transport = transport,
                                       .script = script,
                                       .script_size = strlen(script),
                                       .timeout_ms = timeout_ms,
                                       .most_output = most_output};
  left++;
  run->errand = orr_errand_start(loop, &options, ended, run);
}

static inline void feed(void *data, const char *bytes, size_t size) {
  struct run *run = data;
  orr_buf_put(&run->out, bytes, size);
  if (run->out.size != 6) return; /* "ready\n" */
  orr_errand_write(run->errand, "it's\0\r\n", 7);
  orr_errand_write(run->errand, "fed", 3);
  orr_errand_finish(run->errand);
}

static inline void feed_over(struct orr_transport *transport) {
  static const char script[] = "a='it'\\''s $here `x` !!' # a script of more lines than one\n"
                               "echo ready; wc -c; printf '%s\\n' \"$a\"; echo bad >&2; exit 7";
  struct run run = {0};
  struct orr_errand_options options = {.transport = transport,
                                       .script = script,
                                       .script_size = sizeof script - 1,
                                       .timeout_ms = 20000,
                                       .most_output = 1 << 20,
                                       .fed = true,
                                       .said = feed};
  left++;
  run.errand = orr_errand_start(loop, &options, ended, &run);
  orr_loop_run(loop);
  assert_int_equal(run.err.code, ORR_OK);
  assert_int_equal(run.exit_code, 7);
  assert_string_equal(orr_buf_text(&run.out), "ready\n10\nit's $here `x` !!\n");
  assert_string_equal(orr_buf_text(&run.errors), "bad\n");
  forget(&run);
}
