/* A resource worker: one thread with a loop of its own that holds one instance of a scheduler plug-in and
   runs calls on it, one at a time. Whatever the plug-in does (block, loop, hang), only this thread waits. Its
   maker lives on another loop, `home`, and hears from it by messages. */
#pragma once
#include "sched/plugin.h"

struct orr_resource;

/* How a plug-in's file becomes a plug-in: C modules here, Lua files above us. On the worker's thread. */
typedef struct orr_plugin *orr_plugin_load(const char *path, struct orr_loop *loop, const char *resource,
                                           void *data, struct orr_err *err);

struct orr_resource_options {
  const char *name;                  /* the resource's */
  const char *path;                  /* the plug-in's file */
  const char *state_directory;       /* for the plug-in's files; exists */
  const struct orrery_value *config; /* the resource's own configuration */
  const struct orr_log *log;
  orr_plugin_load *load;
  void *load_data;
  struct orr_loop *home;
  void (*opened)(struct orr_message *opened);   /* delivers a struct orr_opened, once */
  void (*changed)(struct orr_message *changed); /* delivers a struct orr_changed */
  void *user;
};

/* The first word from the worker. With a code other than ORR_OK it has ended already. `plugin` and `honours`
   are the worker's, constant from now on, and valid until orr_resource_stop. Both messages may be delivered
   after that, and name only `user`; whoever takes one frees it with free(). */
struct orr_opened {
  struct orr_message message;
  void *user;
  struct orr_err err;
  const struct orr_plugin *plugin;
  const struct orrery_value *honours;
};

struct orr_changed {
  struct orr_message message;
  void *user;
  char native_id[];
};

struct orr_resource *orr_resource_start(const struct orr_resource_options *options, struct orr_err *err);
/* Queues a call; it comes home through call->over, whatever happens, unless the plug-in hangs. */
void orr_resource_call(struct orr_resource *resource, struct orrery_call *call);
/* Closes the instance and ends the thread, waiting for it at most so long. False: it hangs, and is left to
   itself with all it holds. Calls still queued come home as failed. */
bool orr_resource_stop(struct orr_resource *resource, int64_t timeout_ms);
