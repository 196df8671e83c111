/* What a Lua plug-in's instance can call: the host's services. See plugin_host.c for what Lua sees. */
#pragma once
#include "sched/host.h"
#include "script/script.h"

struct orr_plugin_host {
  struct orr_loop *loop;
  struct orrery_host *orrery;
  struct orrery_value *honours;
  bool submitting; /* the verb that runs is submit */
};

/* True: no command that an earlier submit ran is left, be it of a server that was killed. Otherwise what is left is
   killed, and is gone soon. */
bool orr_plugin_host_quiet(const struct orr_plugin_host *host);
/* Pushes the table of services. */
void orr_plugin_host_push(struct orr_plugin_host *host, lua_State *L);
/* The instance that open returned is the first on the stack: notes what it honours, and lets it call the services as
   its own methods. May run code of the instance, and raise. */
void orr_plugin_host_keep(struct orr_plugin_host *host, lua_State *L);
