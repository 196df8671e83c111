/* A plug-in as the house sees it, whatever it is written in: one table of operations. A resource worker loads
   a plug-in, opens one instance of it, runs calls on it one at a time, and closes it.

   A C plug-in's functions run inside `run`, which returns when they do. A Lua plug-in's run as tasks: `open`
   and `run` return at once and the answer comes later, on the same thread. */
#pragma once
#include "base/value.h"
#include "sched/call.h"
#include "sched/host.h"

struct orr_plugin;
struct orr_modules;

struct orr_plugin_ops {
  /* Opens the instance and calls `opened(data, code)`; the sentence of a failure is in host->failure. */
  void (*open)(struct orr_plugin *plugin, struct orrery_host *host, const struct orrery_value *config,
               struct orrery_value *honours, void (*opened)(void *data, int code), void *data);
  void (*run)(struct orr_plugin *plugin, struct orrery_call *call); /* ends in orr_call_finish */
  void (*close)(struct orr_plugin *plugin);                         /* the instance */
  void (*destroy)(struct orr_plugin *plugin);                       /* the plug-in; a C module stays mapped */
};

struct orr_plugin {
  const struct orr_plugin_ops *ops;
  const char *language; /* "C" or "Lua" */
  char *name, *version, *path;
  int abi_major, abi_minor;
  unsigned verbs; /* bit per enum orr_verb */
};

static inline bool orr_plugin_has(const struct orr_plugin *plugin, enum orr_verb verb) {
  return plugin->verbs >> verb & 1;
}

/* Loads a C module (modules.h) and checks its ABI and its required verbs. The refusal says what is wrong with which file.
 */
struct orr_plugin *orr_cmodule_load(struct orr_modules *modules, const char *path, struct orr_err *err);

/* The file of a plug-in: DIR/NAME.so or DIR/NAME.lua in the first of the folders (a list separated by ':')
   that has one. A name is letters, digits, '_' and '-'. */
int orr_plugin_find(const char *folders, const char *name, char *out, size_t room, struct orr_err *err);
/* All there are, in no order. `visit` must not leave by a longjmp: a folder is open. */
void orr_plugin_each(const char *folders, void (*visit)(void *data, const char *name, const char *path),
                     void *data);
