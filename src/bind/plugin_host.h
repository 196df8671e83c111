/* What a Lua plug-in's instance can call: the host's services. See plugin_host.c for what Lua sees. */
#pragma once
#include "sched/host.h"
#include "script/script.h"
#include "transport/transport.h"

/* Of one instance, which is a resource as one account sees it. */
struct orr_plugin_host {
  struct orr_loop *loop;
  struct orrery_host *orrery;
  struct orrery_value *honours;    /* where what it honours is noted; NULL: nowhere */
  struct orr_transport *transport; /* NULL: everything is done here and as ourselves */
  const char *account;             /* NULL: the service's own */
  bool submitting;                 /* the verb that runs is submit */
};

/* In a function of the services. */
static inline struct orr_plugin_host *orr_plugin_host_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* Pushes the table of services. */
void orr_plugin_host_push(struct orr_plugin_host *host, lua_State *L);
/* The instance that open returned is the first on the stack, the services that it was given second: notes what it honours,
   and lets it call the services as its own methods. May run code of the instance, and raise. */
void orr_plugin_host_keep(struct orr_plugin_host *host, lua_State *L);
