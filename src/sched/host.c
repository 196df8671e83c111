#include "sched/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void orrery_log(struct orrery_host *host, enum orrery_level level, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  enum orr_log_level ours = (unsigned)level <= ORRERY_ERROR ? (enum orr_log_level)level : ORR_LOG_ERROR;
  orr_log(host->log, ours, "plug-in", ORR_S("resource", host->resource), ORR_S("text", text));
}

void orrery_host_fail(struct orrery_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  host->failure.code = ORR_INVALID;
  vsnprintf(host->failure.text, sizeof host->failure.text, format, args);
  va_end(args);
}

void orrery_changed(struct orrery_host *host, const char *native_id) { host->changed(host->data, native_id); }

const char *orrery_host_directory(struct orrery_host *host, const char *which) {
  if (strcmp(which, "state") == 0) return host->state_directory;
  if (strcmp(which, "plugin") == 0) return host->plugin_directory;
  return NULL;
}
