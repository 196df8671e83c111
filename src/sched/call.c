#include "sched/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

struct orrery_call *orr_call_create(enum orr_verb verb, struct orr_arena *arena, struct orrery_value *request,
                                    int64_t timeout_ms) {
  struct orrery_call *call = orr_arena_zalloc(arena, sizeof *call);
  call->verb = verb;
  call->arena = arena;
  call->request = request;
  call->deadline_ms = orr_clock_ms() + timeout_ms;
  call->reported = orr_arena_zalloc(arena, orrery_count(orrery_get(request, "items")) + 1);
  return call;
}

void orr_call_destroy(struct orrery_call *call) {
  if (call) orr_arena_destroy(call->arena);
}

void orr_report_destroy(struct orr_report *report) {
  if (report) orr_arena_destroy(report->arena);
}

void orr_call_finish(struct orrery_call *call, int code, const char *text) {
  if (code != ORR_OK) orr_fail(&call->failure, (enum orr_code)code, "%s", text);
  call->message.deliver = call->over;
  orr_loop_post(call->home, &call->message);
}

const struct orrery_value *orrery_call_items(const struct orrery_call *call) {
  return orrery_get(call->request, "items");
}

const struct orrery_value *orrery_call_get(const struct orrery_call *call, const char *path) {
  return orrery_get(call->request, path);
}

int64_t orrery_call_left_ms(const struct orrery_call *call) {
  int64_t left = call->deadline_ms - orr_clock_ms();
  return left > 0 ? left : 0;
}

struct orrery_value *orrery_report(struct orrery_call *call, size_t i) {
  (void)call, (void)i;
  return orr_value_map(orr_arena_create());
}

void orrery_report_send(struct orrery_call *call, size_t i, struct orrery_value *value) {
  struct orr_arena *arena = value->arena;
  if (i >= orrery_count(orrery_call_items(call)) || call->reported[i]) {
    orr_arena_destroy(arena); /* out of range or said before: the first word counts */
    return;
  }
  call->reported[i] = true;
  struct orr_report *report = orr_arena_alloc(arena, sizeof *report);
  *report = (struct orr_report){
      .message = {.deliver = call->report}, .call = call, .index = i, .arena = arena, .value = value};
  orr_loop_post(call->home, &report->message);
}

void orrery_report_ok(struct orrery_call *call, size_t i) {
  orrery_report_send(call, i, orrery_report(call, i));
}

void orrery_report_error(struct orrery_call *call, size_t i, enum orrery_error error, const char *format,
                         ...) {
  static const char *const classes[] = {"rejected", "busy", "unavailable", "unknown"};
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  struct orrery_value *report = orrery_report(call, i);
  struct orrery_value *member = orrery_set_map(report, "error");
  orrery_set_text(member, "class", classes[(unsigned)error <= ORRERY_UNKNOWN ? error : ORRERY_UNKNOWN]);
  orrery_set_text(member, "message", text);
  orrery_report_send(call, i, report);
}
