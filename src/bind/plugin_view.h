/* Instances of a Lua plug-in. Each is a view of the resource, as one account sees it: its commands run as that account, and
   it is opened when the first call for it comes. Calls for one are made one at a time: a queue holds the others back. Those
   for different accounts go side by side. */
#pragma once
#include "bind/plugin_host.h"
#include "sched/plugin.h"

struct orr_view;

struct orr_lua_plugin {
  struct orr_plugin plugin; /* first: the one is the other */
  struct orr_script *script;
  struct orr_loop *loop;
  struct orrery_host *host;
  const struct orrery_value *config;
  struct orr_transport *transport; /* NULL: everything is done here and as ourselves */
  int verbs;                       /* registry reference: the table of verbs */
  struct orr_view *views;          /* the service's own is there first, and stands last */
};

/* Opens the service's own. */
void orr_view_open_first(struct orr_lua_plugin *plugin, struct orrery_value *honours,
                         void (*opened)(void *data, int code), void *data);
/* Runs a call for the account that it names, or for the service's own. */
void orr_view_run(struct orr_lua_plugin *plugin, struct orrery_call *call);
/* The loop has ended: closes all, and fails the calls that they have. */
void orr_views_close(struct orr_lua_plugin *plugin);
void orr_views_free(struct orr_lua_plugin *plugin);
