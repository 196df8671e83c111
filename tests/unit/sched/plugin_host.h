/* A host for scheduler plug-ins in C, small enough to see through: it keeps the reports of a call and the ids that
   were said to have changed, and fails the test over a report about nothing, or a second one. The plug-in finds
   these functions in the test's executable. */
#pragma once
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <orrery/plugin.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/value.h"

struct orrery_host {
  char *state, *failure;
  pthread_mutex_t mutex;
  struct orr_buf changed; /* the ids reported as changed, each followed by a comma; begins with one */
};

struct orrery_call {
  struct orr_arena *arena;
  const struct orrery_value *items, *extra;
  struct orrery_value **reports; /* NULL where none was sent */
  size_t taken, sent;            /* reports; the host's own would leak one taken and not sent */
  int64_t deadline;
};

ORRERY_API const struct orrery_value *orrery_call_items(const struct orrery_call *call) {
  return call->items;
}

ORRERY_API const struct orrery_value *orrery_call_get(const struct orrery_call *call, const char *path) {
  return orrery_get(call->extra, path);
}

ORRERY_API int64_t orrery_call_left_ms(const struct orrery_call *call) {
  int64_t left = call->deadline - orr_clock_ms();
  return left > 0 ? left : 0;
}

ORRERY_API struct orrery_value *orrery_report(struct orrery_call *call, size_t i) {
  (void)i;
  call->taken++;
  return orr_value_map(call->arena);
}

ORRERY_API void orrery_report_send(struct orrery_call *call, size_t i, struct orrery_value *report) {
  assert_in_range(i, 0, orrery_count(call->items) - 1);
  assert_null(call->reports[i]);
  call->reports[i] = report;
  call->sent++;
}

ORRERY_API void orrery_report_ok(struct orrery_call *call, size_t i) {
  orrery_report_send(call, i, orrery_report(call, i));
}

ORRERY_API void orrery_report_error(struct orrery_call *call, size_t i, enum orrery_error error,
                                    const char *format, ...) {
  static const char *const names[] = {"rejected", "busy", "unavailable", "unknown"};
  char message[512];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  struct orrery_value *report = orrery_report(call, i);
  struct orrery_value *member = orrery_set_map(report, "error");
  orrery_set_text(member, "class", names[error]);
  orrery_set_text(member, "message", message);
  orrery_report_send(call, i, report);
}

ORRERY_API void orrery_log(struct orrery_host *host, enum orrery_level level, const char *format, ...) {
  (void)host, (void)level, (void)format;
}

ORRERY_API void orrery_host_fail(struct orrery_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  free(host->failure);
  if (vasprintf(&host->failure, format, args) < 0) abort();
  va_end(args);
}

ORRERY_API void orrery_changed(struct orrery_host *host, const char *native_id) {
  pthread_mutex_lock(&host->mutex);
  orr_buf_printf(&host->changed, "%s,", native_id);
  pthread_mutex_unlock(&host->mutex);
}

ORRERY_API const char *orrery_host_directory(struct orrery_host *host, const char *which) {
  return strcmp(which, "state") == 0 ? host->state : TEST_BINARY_DIR "/schedulers";
}
