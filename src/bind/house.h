/* What the bindings of one Lua state can reach, and the list of those bindings. Each binding is one file and
   one Lua table, `require "house.NAME"`; orr_bind_NAME pushes it. A state is given only the tables it may
   use. */
#pragma once
#include "base/id.h"
#include "base/log.h"
#include "base/value.h"
#include "http/http.h"
#include "script/script.h"
#include "store/store.h"

struct orr_resources;
struct orr_changes;
struct orr_following;
struct orr_lanes;
struct orr_transports;
struct orr_stats;
struct orr_bus;

/* One per Lua state; everything in it outlives the state. Members a state has no use for are NULL. */
struct orr_house {
  const char *name; /* "api", "control", a resource's name, "command" */
  struct orr_loop *loop;
  struct orr_store *store;
  struct orr_reader *reader;
  struct orr_ids *ids;
  struct orr_log *log;
  const struct orrery_value *config; /* the checked configuration, read only, shared by all threads */
  struct orr_changes *changes;       /* tasks that wait for the store to change */
  struct orr_following *following;   /* API workers: those who follow what goes on; else NULL */
  struct orr_lanes *lanes;           /* file system threads */
  struct orr_resources *resources;   /* control worker: the resource workers */
  struct orr_transports *transports; /* how the resources' machines are reached */
  struct orr_bus *bus;
  const char *plugin_folders; /* where scheduler plug-ins lie, separated by ':' */
  struct orr_stats *stats;    /* counters of the whole process */
  const char *data;           /* the data directory, absolute */
  int64_t started_ms;         /* wall time */
  /* Control worker: says that serving may begin, or why it may not. */
  void (*ready)(struct orr_house *house, const char *why_not);
  void *owner; /* for `ready` */
};

static inline struct orr_house *orr_house_of(lua_State *L) { return orr_script_user(L); }

/* Runtime failures come back to Lua as nil, code, sentence. */
int orr_push_failure(lua_State *L, const struct orr_err *err);

/* Pushes what is in the buffer as a text, and frees the buffer, even if the state has no memory for it and this raises.
   Returns 1. */
int orr_push_buf(lua_State *L, struct orr_buf *buf);

/* Provides the named tables (a NULL-terminated list) to a state. */
void orr_bind_provide(struct orr_script *script, const char *const *names);
