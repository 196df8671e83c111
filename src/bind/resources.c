/* house.resources: the resource workers, for the control worker.
     find(scheduler)                 → path | nil, code, sentence
     start(name, scheduler, config)  waits → info | nil, code, sentence
                                     info: name, version, language, path, abi, verbs {verb = true}, honours
     stop(name, ms)                  → true if it ended in time
     call(name, verb, request, ms)   → a call (call.c) | nil, code, sentence
     changed(name, ms)               waits → list of native ids that changed (empty: poked, or time is over)
     poke(name)                      lets whoever waits for changes go round once more */
#include "bind/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bind/call.h"
#include "bind/gather.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "bind/value.h"
#include "script/task.h"

/* One start of a resource. What its worker and its calls have to say may come after it was stopped; so it stays until
   all of that has been delivered, and to the end of all if the worker hung. */
struct instance {
  struct orr_message parted; /* posted when it is stopped, behind the last of that */
  struct orr_resource *resource;
  struct entry *entry; /* NULL: it was stopped */
  struct orr_ticket starting;
  int hanging; /* calls that are late */
  bool ended;
  struct instance *next; /* of those left behind */
};

struct entry {
  char *name;
  struct instance *instance; /* NULL: not started, or stopped */
  struct orr_resources *all;
  struct orr_gather changes;
  struct entry *next;
};

struct orr_resources {
  struct orr_loop *home;
  struct orr_plugin_loading loading;
  char *folders, *state_directory;
  struct entry *entries;
  struct instance *left; /* their workers hung when they were stopped */
};

struct orr_resources *orr_resources_create(struct orr_loop *home, const struct orr_plugin_loading *loading,
                                           const char *plugin_folders, const char *state_directory) {
  struct orr_resources *all = orr_zalloc(sizeof *all);
  all->home = home;
  all->loading = *loading;
  all->folders = orr_strdup(plugin_folders);
  all->state_directory = orr_strdup(state_directory);
  return all;
}

static struct entry *entry_of(struct orr_resources *all, const char *name, bool make) {
  for (struct entry *entry = all->entries; entry; entry = entry->next)
    if (strcmp(entry->name, name) == 0) return entry;
  if (!make) return NULL;
  struct entry *entry = orr_zalloc(sizeof *entry);
  *entry = (struct entry){.name = orr_strdup(name), .all = all, .next = all->entries};
  orr_gather_init(&entry->changes);
  return all->entries = entry;
}

static void parted(struct orr_message *message) {
  struct instance *instance = (struct instance *)message;
  struct orr_ticket ticket = instance->starting;
  if (instance->ended) free(instance);
  lua_State *L = orr_ticket_state(ticket);
  struct orr_err err;
  if (!L) return;
  orr_fail(&err, ORR_UNAVAILABLE, "the resource was stopped while it started");
  orr_ticket_resume(ticket, orr_push_failure(L, &err));
}

/* False: its worker hangs, and is left behind. */
static bool stop(struct entry *entry, int64_t timeout_ms) {
  struct orr_resources *all = entry->all;
  struct instance *instance = entry->instance;
  if (!instance) return true;
  bool ended = instance->ended = orr_resource_stop(instance->resource, timeout_ms);
  if (!ended) instance->next = all->left, all->left = instance;
  entry->instance = NULL;
  instance->entry = NULL;
  orr_loop_post(all->home, &instance->parted);
  return ended;
}

bool orr_resources_stop(struct orr_resources *all, int64_t timeout_ms) {
  bool ended = true;
  for (struct instance *instance = all->left; instance; instance = instance->next)
    ended = orr_resource_stop(instance->resource, timeout_ms) && ended;
  for (struct entry *entry = all->entries; entry; entry = entry->next)
    ended = stop(entry, timeout_ms) && ended;
  return ended;
}

void orr_resources_destroy(struct orr_resources *all) {
  if (!all) return;
  while (all->entries) {
    struct entry *entry = all->entries;
    all->entries = entry->next;
    orr_gather_free(&entry->changes);
    free(entry->name);
    free(entry);
  }
  while (all->left) {
    struct instance *instance = all->left;
    all->left = instance->next;
    free(instance);
  }
  free(all->folders);
  free(all->state_directory);
  free(all);
}

static int l_find(lua_State *L) {
  char path[4096];
  struct orr_err err;
  if (orr_plugin_find(orr_house_of(L)->resources->folders, luaL_checkstring(L, 1), path, sizeof path, &err))
    return orr_push_failure(L, &err);
  return lua_pushstring(L, path), 1;
}

static int push_info(lua_State *L, const struct orr_opened *opened) {
  const struct orr_plugin *plugin = opened->plugin;
  lua_createtable(L, 0, 8);
  lua_pushstring(L, plugin->name), lua_setfield(L, -2, "name");
  lua_pushstring(L, plugin->version), lua_setfield(L, -2, "version");
  lua_pushstring(L, plugin->language), lua_setfield(L, -2, "language");
  lua_pushstring(L, plugin->path), lua_setfield(L, -2, "path");
  lua_pushfstring(L, "%d.%d", plugin->abi_major, plugin->abi_minor), lua_setfield(L, -2, "abi");
  lua_newtable(L);
  for (int verb = 0; verb < ORR_VERBS; verb++)
    if (orr_plugin_has(plugin, (enum orr_verb)verb)) {
      lua_pushboolean(L, true);
      lua_setfield(L, -2, orr_verb_name((enum orr_verb)verb));
    }
  lua_setfield(L, -2, "verbs");
  orr_push_value(L, opened->honours), lua_setfield(L, -2, "honours");
  return 1;
}

static void opened(struct orr_message *message) {
  struct orr_opened *opened = (struct orr_opened *)message;
  struct instance *instance = opened->user;
  struct orr_ticket ticket = instance->starting;
  lua_State *L = instance->entry ? orr_ticket_state(ticket) : NULL;
  bool good = opened->err.code == ORR_OK;
  int results = !L ? 0 : good ? push_info(L, opened) : orr_push_failure(L, &opened->err);
  if (instance->entry && !good) stop(instance->entry, 1000); /* its thread has ended or is ending */
  free(opened);
  if (L) orr_ticket_resume(ticket, results);
}

static void changed(struct orr_message *message) {
  struct orr_changed *changed = (struct orr_changed *)message;
  struct instance *instance = changed->user;
  if (instance->entry)
    orr_gather_add(&instance->entry->changes, changed);
  else
    free(changed);
}

static int l_start(lua_State *L) {
  struct orr_resources *all = orr_house_of(L)->resources;
  const char *name = luaL_checkstring(L, 1), *scheduler = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  struct orr_ticket ticket = orr_task_wait(L);
  char path[4096], state[4096];
  struct orr_err err = {0};
  struct entry *entry = entry_of(all, name, true);
  if (entry->instance)
    orr_fail(&err, ORR_CONFLICT, "resource %s is running", name);
  else
    orr_plugin_find(all->folders, scheduler, path, sizeof path, &err);
  snprintf(state, sizeof state, "%s/%s", all->state_directory, name);
  if (!err.code && mkdir(state, 0700) != 0 && access(state, W_OK) != 0)
    orr_fail(&err, ORR_IO, "cannot make the folder %s", state);
  if (err.code) return orr_push_failure(L, &err);
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value config;
  if (!orr_try_value(L, 3, arena, &config, NULL)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  struct instance *instance = orr_alloc(sizeof *instance);
  *instance = (struct instance){.parted.deliver = parted, .entry = entry, .starting = ticket};
  struct orr_resource_options options = {.name = name,
                                         .path = path,
                                         .state_directory = state,
                                         .config = &config,
                                         .log = all->loading.log,
                                         .load = orr_plugin_load_any,
                                         .load_data = &all->loading,
                                         .home = all->home,
                                         .opened = opened,
                                         .changed = changed,
                                         .user = instance};
  instance->resource = orr_resource_start(&options, &err);
  orr_arena_destroy(arena);
  if (!instance->resource) {
    free(instance);
    return orr_push_failure(L, &err);
  }
  entry->instance = instance;
  return lua_yield(L, 0);
}

static int l_stop(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), false);
  return lua_pushboolean(L, !entry || stop(entry, luaL_optinteger(L, 2, 1000))), 1;
}

static int l_call(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *word = luaL_checkstring(L, 2);
  int verb = orr_verb_parse(word);
  luaL_argcheck(L, verb >= 0, 2, "not a verb");
  luaL_checktype(L, 3, LUA_TTABLE);
  struct entry *entry = entry_of(orr_house_of(L)->resources, name, false);
  struct orr_err err = {0};
  struct instance *instance = entry ? entry->instance : NULL;
  if (!instance)
    orr_fail(&err, ORR_UNAVAILABLE, "resource %s is not running", name);
  else if (instance->hanging) /* more would only pile up before it */
    orr_fail(&err, ORR_UNAVAILABLE, "the plug-in hangs in an earlier call");
  if (err.code) return orr_push_failure(L, &err);
  return orr_call_begin(L, instance->resource, (enum orr_verb)verb, 3, luaL_checkinteger(L, 4),
                        &instance->hanging);
}

static int l_changed(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  const char *name = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 2);
  struct entry *entry = entry_of(house->resources, name, true);
  luaL_argcheck(L, !entry->changes.timer, 1, "somebody waits for its changes already");
  return orr_gather_wait(&entry->changes, L, house->loop, ms);
}

static int l_poke(lua_State *L) {
  orr_gather_poke(&entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), true)->changes);
  return 0;
}

int orr_bind_resources(lua_State *L) {
  static const luaL_Reg functions[] = {{"find", l_find}, {"start", l_start},     {"stop", l_stop},
                                       {"call", l_call}, {"changed", l_changed}, {"poke", l_poke},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
