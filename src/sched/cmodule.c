/* Plug-ins in C: shared objects with one data symbol. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "sched/modules.h"
#include "sched/plugin.h"

struct cmodule {
  struct orr_plugin plugin; /* first: the one is the other */
  const struct orrery_plugin *symbol;
  orrery_verb *verbs[ORR_VERBS];
  void *instance;
};

static void collect_verbs(struct cmodule *module) {
  const struct orrery_plugin *symbol = module->symbol;
  orrery_verb *const verbs[ORR_VERBS] = {
      [ORR_SUBMIT] = symbol->submit, [ORR_MONITOR] = symbol->monitor, [ORR_CANCEL] = symbol->cancel,
      [ORR_FIND] = symbol->find,     [ORR_SUSPEND] = symbol->suspend, [ORR_RESUME] = symbol->resume,
      [ORR_HOLD] = symbol->hold,     [ORR_RELEASE] = symbol->release, [ORR_SIGNAL] = symbol->signal,
      [ORR_ALTER] = symbol->alter,   [ORR_STATUS] = symbol->status,   [ORR_ESTIMATE] = symbol->estimate,
  };
  for (int verb = 0; verb < ORR_VERBS; verb++) {
    module->verbs[verb] = verbs[verb];
    if (verbs[verb]) module->plugin.verbs |= 1u << verb;
  }
}

static void cmodule_open(struct orr_plugin *plugin, struct orrery_host *host,
                         const struct orrery_value *config, struct orrery_value *honours,
                         void (*opened)(void *data, int code), void *data) {
  struct cmodule *module = (struct cmodule *)plugin;
  module->instance = module->symbol->open(host, config, honours);
  if (!module->instance && host->failure.code == ORR_OK)
    orr_fail(&host->failure, ORR_INVALID, "the plug-in could not be opened and did not say why");
  opened(data, module->instance ? ORR_OK : ORR_INVALID);
}

static void cmodule_run(struct orr_plugin *plugin, struct orrery_call *call) {
  struct cmodule *module = (struct cmodule *)plugin;
  module->verbs[call->verb](module->instance, call);
  orr_call_finish(call, ORR_OK, NULL);
}

static void cmodule_close(struct orr_plugin *plugin) {
  struct cmodule *module = (struct cmodule *)plugin;
  if (module->instance && module->symbol->close) module->symbol->close(module->instance);
  module->instance = NULL;
}

static void cmodule_destroy(struct orr_plugin *plugin) {
  free(plugin->name);
  free(plugin->version);
  free(plugin->path);
  free(plugin);
}

static int check(const struct orrery_plugin *symbol, const char *path, struct orr_err *err) {
  if (symbol->abi_major != ORRERY_ABI_MAJOR || symbol->abi_minor > ORRERY_ABI_MINOR)
    return orr_fail(err, ORR_INVALID,
                    "%s speaks plug-in ABI %u.%u, this server speaks %d.%d: rebuild it against the "
                    "installed orrery/plugin.h",
                    path, symbol->abi_major, symbol->abi_minor, ORRERY_ABI_MAJOR, ORRERY_ABI_MINOR);
  if (!symbol->name || !symbol->version)
    return orr_fail(err, ORR_INVALID, "%s has no name or no version", path);
  if (!symbol->open) return orr_fail(err, ORR_INVALID, "%s lacks the required verb open", path);
  return ORR_OK;
}

struct orr_plugin *orr_cmodule_load(struct orr_modules *modules, const char *path, struct orr_err *err) {
  static const struct orr_plugin_ops ops = {cmodule_open, cmodule_run, cmodule_close, cmodule_destroy};
  void *handle = orr_modules_load(modules, path, err);
  if (!handle) return NULL;
  const struct orrery_plugin *symbol = dlsym(handle, "orrery_plugin");
  if (!symbol) {
    orr_fail(err, ORR_INVALID, "cannot load %s: undefined symbol: orrery_plugin", path);
    return NULL;
  }
  if (check(symbol, path, err)) return NULL;
  struct cmodule *module = orr_zalloc(sizeof *module);
  module->symbol = symbol;
  module->plugin = (struct orr_plugin){.ops = &ops,
                                       .language = "C",
                                       .name = orr_strdup(symbol->name),
                                       .version = orr_strdup(symbol->version),
                                       .path = orr_strdup(path),
                                       .abi_major = (int)symbol->abi_major,
                                       .abi_minor = (int)symbol->abi_minor};
  collect_verbs(module);
  for (int verb = 0; verb < ORR_VERBS; verb++)
    if (orr_verb_required((enum orr_verb)verb) && !module->verbs[verb]) {
      orr_fail(err, ORR_INVALID, "%s lacks the required verb %s", path, orr_verb_name((enum orr_verb)verb));
      cmodule_destroy(&module->plugin);
      return NULL;
    }
  return &module->plugin;
}
