/* One start of a resource: a worker with its plug-in, from the control worker's side. What the worker and its calls have
   to say may come after it was stopped; so an instance stays until all of that has been delivered, and, if the worker
   hangs, until that has ended or to the end of all. */
#pragma once
#include "bind/gather.h"
#include "bind/plugin.h"
#include "loop/loop.h"
#include "sched/resource.h"
#include "script/task.h"

struct orr_instance;

/* Instances whose workers hung when they were stopped. */
struct orr_left {
  struct orr_instance *first;
};

struct orr_starting {
  struct orr_loop *home;
  struct orr_left *left;
  struct orr_gather *changes;  /* of the resource; lives until the instance is stopped */
  struct orr_instance **place; /* where it is kept until it is stopped: NULL then */
  struct orr_ticket ticket;    /* is resumed with what the plug-in is, or with what went wrong */
  int64_t timeout_ms;
  struct orr_plugin_loading
      loading; /* valid until the instance has gone, but for its transport, which it releases */
  struct orr_resource_options options; /* without `home`, how it is loaded, and what is heard */
};

/* Takes over the hold of the transport, whatever comes of it. */
int orr_instance_start(const struct orr_starting *starting, struct orr_err *err);
/* False: its worker hangs, and is left behind. NULL is legal. */
bool orr_instance_stop(struct orr_instance *instance, int64_t timeout_ms);
/* It is kept elsewhere from now on. */
void orr_instance_move(struct orr_instance **from, struct orr_instance **to);
bool orr_instance_is_open(const struct orr_instance *instance);
struct orr_resource *orr_instance_worker(struct orr_instance *instance);
/* How many of its calls for an account (NULL: the service's own) are late; lives as long as they do. */
int *orr_instance_hanging(struct orr_instance *instance, const char *account);

/* Lets go of those that have ended since → how many of this name hang yet. */
int orr_left_hanging(struct orr_left *left, const char *name);
/* At the end: waits for each that much longer. False: one hangs. */
bool orr_left_stop(struct orr_left *left, int64_t timeout_ms);
void orr_left_free(struct orr_left *left);
