/* Plug-ins in Lua: from a file to a table of verbs. The file runs in the sandbox of a state of its own; its instances are
   views (plugin_view.c), one for each account. A Lua error becomes the call's failure, and costs the server a line in the
   log. */
#include "bind/plugin.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bind/plugin_require.h"
#include "bind/plugin_view.h"

enum { MEMORY_LIMIT = 256 << 20, SLICE_MS = 5000, ABI_MINOR = 0 };

static void lua_open(struct orr_plugin *base, struct orrery_host *host, const struct orrery_value *config,
                     struct orrery_value *honours, void (*opened)(void *data, int code), void *data) {
  struct orr_lua_plugin *plugin = (struct orr_lua_plugin *)base;
  plugin->host = host;
  plugin->config = config;
  orr_view_open_first(plugin, honours, opened, data);
}

static void lua_run(struct orr_plugin *base, struct orrery_call *call) {
  struct orr_lua_plugin *plugin = (struct orr_lua_plugin *)base;
  orr_view_run(plugin, call);
}

static void lua_close_all(struct orr_plugin *base) { orr_views_close((struct orr_lua_plugin *)base); }

static void lua_destroy(struct orr_plugin *base) {
  struct orr_lua_plugin *plugin = (struct orr_lua_plugin *)base;
  orr_script_destroy(plugin->script);
  orr_views_free(plugin);
  orr_transport_release(plugin->transport);
  free(plugin->plugin.name);
  free(plugin->plugin.version);
  free(plugin->plugin.path);
  free(plugin);
}

static char *field_text(lua_State *L, const char *field, const char *otherwise) {
  lua_getfield(L, -1, field);
  char *text = orr_strdup(lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : otherwise);
  lua_pop(L, 1);
  return text;
}

/* What the house will ever look at, in a plain table: the plug-in's own may run code when it is looked at. */
static int l_collect(lua_State *L) {
  static const char *const others[] = {"version", "open", "close"};
  lua_newtable(L);
  for (size_t i = 0; i < ORR_VERBS + sizeof others / sizeof *others; i++) {
    const char *name = i < ORR_VERBS ? orr_verb_name((enum orr_verb)i) : others[i - ORR_VERBS];
    lua_getfield(L, 1, name);
    lua_setfield(L, 2, name);
  }
  return 1;
}

static int collect_verbs(struct orr_lua_plugin *plugin, lua_State *L, struct orr_err *err) {
  if (!lua_istable(L, -1))
    return orr_fail(err, ORR_INVALID, "%s returns no table of verbs", plugin->plugin.path);
  lua_pushcfunction(L, l_collect);
  lua_insert(L, -2);
  int code = orr_script_call(plugin->script, 1, 1, err);
  if (code != ORR_OK) return code;
  if (lua_getfield(L, -1, "open") != LUA_TFUNCTION)
    return orr_fail(err, ORR_INVALID, "%s lacks the required verb open", plugin->plugin.path);
  lua_pop(L, 1);
  for (int verb = 0; verb < ORR_VERBS; verb++) {
    const char *name = orr_verb_name((enum orr_verb)verb);
    if (lua_getfield(L, -1, name) == LUA_TFUNCTION)
      plugin->plugin.verbs |= 1u << verb;
    else if (orr_verb_required((enum orr_verb)verb))
      return orr_fail(err, ORR_INVALID, "%s lacks the required verb %s", plugin->plugin.path, name);
    lua_pop(L, 1);
  }
  return ORR_OK;
}

static char *name_of(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  return orr_strndup(name, dot ? (size_t)(dot - name) : strlen(name));
}

static struct orr_plugin *load(const char *path, struct orr_loop *loop, const char *resource,
                               const struct orr_plugin_loading *loading, struct orr_err *err) {
  static const struct orr_plugin_ops ops = {lua_open, lua_run, lua_close_all, lua_destroy};
  struct orr_lua_plugin *plugin = orr_zalloc(sizeof *plugin);
  plugin->plugin = (struct orr_plugin){.ops = &ops,
                                       .language = "Lua",
                                       .name = name_of(path),
                                       .path = orr_strdup(path),
                                       .abi_major = ORRERY_ABI_MAJOR,
                                       .abi_minor = ABI_MINOR};
  plugin->loop = loop;
  plugin->transport = loading->transport ? orr_transport_hold(loading->transport) : NULL;
  struct orr_script_options options = {.name = resource,
                                       .memory_limit = MEMORY_LIMIT,
                                       .slice_ms = SLICE_MS,
                                       .watchdog = loading->watchdog,
                                       .log = loading->log};
  plugin->script = orr_script_create(&options, err);
  if (plugin->script) orr_plugin_require_from(plugin->script, path, loading->bundled);
  if (plugin->script && orr_script_load_sandboxed(plugin->script, path, err) == ORR_OK) {
    lua_State *L = orr_script_state(plugin->script);
    if (collect_verbs(plugin, L, err) == ORR_OK) {
      plugin->plugin.version = field_text(L, "version", "0");
      plugin->verbs = luaL_ref(L, LUA_REGISTRYINDEX);
      return &plugin->plugin;
    }
  }
  lua_destroy(&plugin->plugin);
  return NULL;
}

struct orr_plugin *orr_plugin_load_any(const char *path, struct orr_loop *loop, const char *resource,
                                       void *data, struct orr_err *err) {
  const struct orr_plugin_loading *loading = data;
  const char *ending = strrchr(path, '.');
  if (!ending || strcmp(ending, ".so") != 0) return load(path, loop, resource, data, err);
  if (!loading->transport ||
      (!orr_transport_is_far(loading->transport) && !orr_transport_has_accounts(loading->transport)))
    return orr_cmodule_load(loading->modules, path, err);
  orr_fail(err, ORR_INVALID,
           "%s is a plug-in in C, which works here and as the server's own user: it can be given neither "
           "ssh nor run_as",
           path);
  return NULL;
}
