/* Plug-ins written in Lua, behind the operations that C plug-ins have. */
#pragma once
#include "sched/resource.h"
#include "script/task.h"
#include "script/watchdog.h"
#include "transport/transport.h"

struct orr_plugin_loading {
  const struct orr_log *log;
  struct orr_watchdog *watchdog;
  const char *bundled;             /* the folder of the plug-ins that come with the house */
  struct orr_modules *modules;     /* orr_resources_create makes them */
  struct orr_transport *transport; /* of the resource; NULL: everything is done here and as ourselves */
};

/* An orr_plugin_load that serves both languages; `data` is a struct orr_plugin_loading. */
struct orr_plugin *orr_plugin_load_any(const char *path, struct orr_loop *loop, const char *resource,
                                       void *data, struct orr_err *err);
