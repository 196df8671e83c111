/* The host as one plug-in instance sees it: where it may keep files, the log, and a way to say that a job
   changed. */
#pragma once
#include <orrery/plugin.h>

#include "base/err.h"
#include "base/log.h"

struct orrery_host {
  const char *resource;         /* the resource's name, for the log */
  const char *state_directory;  /* absolute, exists */
  const char *plugin_directory; /* absolute */
  const struct orr_log *log;
  struct orr_err failure;                             /* what orrery_host_fail said */
  void (*changed)(void *data, const char *native_id); /* any thread */
  void *data;
};
