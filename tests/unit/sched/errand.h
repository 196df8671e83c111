/* Calls of a plug-in's verbs, as the tests of the house's side make them: a request in JSON goes out, and the
   reports that come home are kept as JSON, in the order of their coming. They come on the loop's thread; whoever
   waits for the end of the call on another has errand_wait. */
#pragma once
#include <semaphore.h>
#include <time.h>

#include "../base/folder.h"
#include "base/json.h"
#include "sched/call.h"

struct errand {
  struct orr_buf said; /* "ITEM REPORT\n" for each report; one that comes after the end is marked */
  int reports, overs;
  struct orr_err failure;
  sem_t over;
};

static inline void keep_report(struct orr_message *message) {
  struct orr_report *report = (struct orr_report *)message;
  struct errand *errand = report->call->user;
  errand->reports++;
  orr_buf_printf(&errand->said, "%s%zu ", errand->overs ? "late " : "", report->index);
  orr_json_put(&errand->said, report->value);
  orr_buf_putc(&errand->said, '\n');
  orr_report_destroy(report);
}

static inline void keep_over(struct orr_message *message) {
  struct orrery_call *call = (struct orrery_call *)message;
  struct errand *errand = call->user;
  errand->overs++;
  errand->failure = call->failure;
  orr_call_destroy(call);
  sem_post(&errand->over);
}

static inline struct orrery_call *errand_call(struct errand *errand, struct orr_loop *home,
                                              enum orr_verb verb, const char *request, int64_t timeout_ms) {
  struct orr_err err = {0};
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value *value = orr_json_read(arena, request, strlen(request), NULL, &err);
  if (!value) fail_msg("%s in %s", err.text, request);
  struct orrery_call *call = orr_call_create(verb, arena, value, timeout_ms);
  *errand = (struct errand){.reports = 0};
  sem_init(&errand->over, 0, 0);
  call->home = home;
  call->report = keep_report;
  call->over = keep_over;
  call->user = errand;
  return call;
}

static inline void await(sem_t *what) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 60;
  assert_int_equal(sem_timedwait(what, &until), 0);
}

static inline void errand_wait(struct errand *errand) {
  await(&errand->over);
  assert_int_equal(errand->overs, 1);
}

static inline const char *errand_said(struct errand *errand) { return orr_buf_text(&errand->said); }
static inline void errand_forget(struct errand *errand) { orr_buf_free(&errand->said); }
