#include "transport/errand.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/child.h"
#include "transport/passage.h"
#include "transport/script.h"

enum { CONNECTION_MS = 30000, GRACE_MS = 2000, HANG_UP_MS = 10000, MOST_TRIES = 20 };
enum { BESIDE = 1 << 16 }; /* bytes of each output that are not the script's: of the login, and our marks */

struct orr_errand {
  struct orr_loop *loop;
  struct orr_errand_options options; /* without the script */
  struct orr_buf script, heard;      /* heard: before the mark */
  char mark[ORR_MARK_ROOM];
  struct orr_passage *passage;
  struct orr_child *child;
  struct orr_timer *patience; /* with one that is to end by itself */
  bool begun, stopped;
  int tries;
  void (*ended)(void *data, struct orr_errand_result *result);
  void *data;
};

static void try(struct orr_errand *errand);

static void end(struct orr_errand *errand, struct orr_errand_result *result) {
  orr_timer_stop(errand->patience);
  orr_passage_leave(errand->passage);
  errand->ended(errand->data, result);
  orr_transport_release(errand->options.transport);
  if (errand->options.held) close(errand->options.held);
  orr_buf_free(&errand->script);
  orr_buf_free(&errand->heard);
  free((char *)errand->options.account);
  free(errand);
}

static void fail(struct orr_errand *errand, const struct orr_err *err) {
  struct orr_errand_result result = {.err = *err, .exit_code = -1};
  end(errand, &result);
}

static void said(void *data, const char *bytes, size_t size) {
  struct orr_errand *errand = data;
  if (errand->begun) {
    errand->options.said(errand->data, bytes, size);
    return;
  }
  if (errand->heard.size < BESIDE) orr_buf_put(&errand->heard, bytes, size);
  errand->begun = orr_script_cut_front(&errand->heard, errand->mark);
  if (errand->begun && errand->heard.size)
    errand->options.said(errand->data, errand->heard.data, errand->heard.size);
}

/* Whether ssh says itself that nothing was begun: it had no channel, or did not so much as reach the connection. */
static bool is_full(struct orr_buf *errors) {
  return strstr(orr_buf_text(errors), "Session open refused by peer");
}

static bool was_not_there(struct orr_buf *errors) {
  return strstr(orr_buf_text(errors), "UNKNOWN port 65535") && !strstr(errors->data, "mux_client");
}

/* What the script has said is in `output` now, and may be more than is wanted. */
static void cut_off(struct orr_errand *errand, struct orr_buf *output, struct orr_errand_result *result) {
  if (output->size <= errand->options.most_output) return;
  output->size = errand->options.most_output;
  result->cut = true;
}

static void child_ended(void *data, struct orr_child_result *child) {
  struct orr_errand *errand = data;
  struct orr_passage *passage = errand->passage;
  struct orr_errand_result result = {
      .out = child->out, .errors = child->err, .timed_out = child->timed_out, .cut = child->cut};
  bool begun = errand->options.said ? errand->begun : orr_script_cut_front(&result.out, errand->mark);
  begun = orr_script_cut_front(&result.errors, errand->mark) && begun;
  result.exit_code = begun ? orr_script_cut_end(&result.errors, errand->mark) : -1;
  cut_off(errand, &result.out, &result);
  cut_off(errand, &result.errors, &result);
  passage->silent = !begun && child->timed_out;
  passage->full = !begun && is_full(&result.errors);
  if (passage->full && !errand->stopped && ++errand->tries < MOST_TRIES) {
    orr_passage_leave(passage);
    try(errand);
  } else {
    if (!begun && (passage->full || was_not_there(&result.errors)))
      orr_fail(&result.err, ORR_UNAVAILABLE, "%s",
               passage->full ? "the ssh server has no session for it (its MaxSessions)"
                             : "the ssh connection has just broken");
    end(errand, &result);
  }
  child->out = result.out, child->err = result.errors; /* which it frees */
}

static void drained(void *data) {
  struct orr_errand *errand = data;
  if (errand->options.drained) errand->options.drained(errand->data);
}

/* The shell of a passage, with the script as its argument: at the far end of ssh that is a part of the last word, which
   whatever shell the account has reads first, and so has nothing in it that one of them takes for its own. */
static char **with_script(struct orr_errand *errand, struct orr_passage *passage) {
  struct orr_buf word = {0};
  size_t count = 0;
  while (passage->argv[count]) count++;
  char **argv = orr_arena_zalloc(passage->arena, (count + 3) * sizeof *argv);
  memcpy(argv, passage->argv, count * sizeof *argv);
  orr_script_as_word(&word, &errand->script);
  if (orr_transport_is_far(errand->options.transport)) {
    argv[count - 1] = orr_arena_printf(passage->arena, "%s -c '%s'", argv[count - 1], orr_buf_text(&word));
  } else {
    argv[count] = orr_arena_printf(passage->arena, "-c");
    argv[count + 1] = orr_arena_printf(passage->arena, "%s", orr_buf_text(&word));
  }
  orr_buf_free(&word);
  return argv;
}

static void come(struct orr_passage *passage) {
  struct orr_errand *errand = passage->user;
  struct orr_err err = passage->err;
  if (errand->stopped && !err.code) orr_fail(&err, ORR_UNAVAILABLE, "it is not wanted any more");
  if (err.code) {
    fail(errand, &err);
    return;
  }
  long long timeout_ms = errand->options.timeout_ms;
  bool fed = errand->options.fed;
  struct orr_child_options options = {.argv = fed ? with_script(errand, passage) : passage->argv,
                                      .fed = fed,
                                      .drained = drained,
                                      .environment = environ,
                                      .directory = passage->directory,
                                      .input = errand->script.data,
                                      .input_size = errand->script.size,
                                      .held = errand->options.held,
                                      .timeout_ms = timeout_ms ? timeout_ms + GRACE_MS : 0,
                                      .most_output = errand->options.most_output + BESIDE,
                                      .said = errand->options.said ? said : NULL};
  errand->child = orr_child_start(errand->loop, &options, child_ended, errand, &err);
  if (!errand->child) fail(errand, &err);
}

static void try(struct orr_errand *errand) {
  long long ms = errand->options.timeout_ms ? errand->options.timeout_ms : CONNECTION_MS;
  errand->child = NULL;
  errand->passage = orr_passage_ask(errand->options.transport, errand->options.account, errand->options.file,
                                    errand->loop, ms, come, errand);
}

struct orr_errand *orr_errand_start(struct orr_loop *loop, const struct orr_errand_options *options,
                                    void (*ended)(void *data, struct orr_errand_result *result), void *data) {
  struct orr_errand *errand = orr_zalloc(sizeof *errand);
  errand->loop = loop;
  errand->options = *options;
  errand->options.transport = orr_transport_hold(options->transport);
  errand->options.account = orr_strdup(options->account);
  errand->ended = ended;
  errand->data = data;
  orr_mark_new(errand->mark);
  orr_script_wrap(&errand->script, options->script, options->script_size, errand->mark);
  try(errand);
  return errand;
}

static void kill_now(void *data) {
  struct orr_errand *errand = data;
  orr_timer_stop(errand->patience);
  errand->patience = NULL;
  orr_child_kill(errand->child);
}

/* One that is fed sees that its input ends too early, and clears away what it has begun. */
void orr_errand_stop(struct orr_errand *errand) {
  errand->stopped = true;
  if (!errand->child) return;
  if (errand->options.fed) {
    orr_child_hang_up(errand->child);
    orr_child_resume(errand->child); /* for its end to be seen */
    if (!errand->patience) errand->patience = orr_timer_start(errand->loop, HANG_UP_MS, 0, kill_now, errand);
  } else {
    orr_child_kill(errand->child);
  }
}

bool orr_errand_write(struct orr_errand *errand, const void *bytes, size_t size) {
  return orr_child_write(errand->child, bytes, size);
}

void orr_errand_finish(struct orr_errand *errand) { orr_child_finish(errand->child); }
void orr_errand_pause(struct orr_errand *errand) { orr_child_pause(errand->child); }
void orr_errand_resume(struct orr_errand *errand) { orr_child_resume(errand->child); }
