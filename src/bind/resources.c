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
#include "bind/house.h"
#include "bind/tables.h"
#include "bind/value.h"
#include "script/task.h"

enum { MOST_CHANGED = 10000 }; /* more than that: the next poll will see them */

struct entry {
  char *name;
  struct orr_resource *resource; /* NULL: not started, or stopped */
  struct orr_resources *all;
  struct orr_ticket starting, watching;
  struct orr_timer *timer; /* of whoever waits for changes */
  struct orr_changed **changed;
  int changed_count, hanging;
  int lately; /* how many changes the last rounds had, halved with each round */
  bool poked;
  struct entry *next;
};

struct orr_resources {
  struct orr_loop *home;
  struct orr_plugin_loading loading;
  char *folders, *state_directory;
  struct entry *entries;
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
  entry->changed = orr_zalloc(MOST_CHANGED * sizeof *entry->changed);
  return all->entries = entry;
}

static void forget_changed(struct entry *entry) {
  while (entry->changed_count > 0) free(entry->changed[--entry->changed_count]);
}

bool orr_resources_stop(struct orr_resources *all, int64_t timeout_ms) {
  bool ended = true;
  for (struct entry *entry = all->entries; entry; entry = entry->next) {
    if (entry->resource && !orr_resource_stop(entry->resource, timeout_ms)) ended = false;
    entry->resource = NULL;
  }
  return ended;
}

void orr_resources_destroy(struct orr_resources *all) {
  if (!all) return;
  while (all->entries) {
    struct entry *entry = all->entries;
    all->entries = entry->next;
    forget_changed(entry);
    free(entry->changed);
    free(entry->name);
    free(entry);
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

static void push_info(lua_State *L, const struct orr_opened *opened) {
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
}

static void opened(struct orr_message *message) {
  struct orr_opened *opened = (struct orr_opened *)message;
  struct entry *entry = opened->user;
  struct orr_ticket ticket = entry->starting;
  struct orr_err err = opened->err;
  lua_State *L = orr_ticket_state(ticket);
  if (L && err.code == ORR_OK) push_info(L, opened);
  if (entry->resource && err.code != ORR_OK) { /* its thread has ended or is ending */
    orr_resource_stop(entry->resource, 1000);
    entry->resource = NULL;
  }
  free(opened);
  if (L) orr_ticket_resume(ticket, err.code == ORR_OK ? 1 : orr_push_failure(L, &err));
}

static void hand_changed(struct entry *entry) {
  lua_State *L = orr_ticket_state(entry->watching);
  orr_timer_stop(entry->timer);
  entry->timer = NULL;
  if (!L) return;
  lua_createtable(L, entry->changed_count, 0);
  for (int i = 0; i < entry->changed_count; i++) {
    lua_pushstring(L, entry->changed[i]->native_id);
    lua_rawseti(L, -2, i + 1);
  }
  entry->lately = entry->changed_count > entry->lately / 2 ? entry->changed_count : entry->lately / 2;
  forget_changed(entry);
  entry->poked = false;
  orr_ticket_resume(entry->watching, 1);
}

/* A change does not wake the watcher by itself but lets it wait a moment for more of them: jobs that start and end in
   crowds are then looked at in crowds, and committed so. The more there were lately, the longer the moment. */
enum { GATHER_MS = 2, GATHER_MOST_MS = 50 };

static long long gather_ms(const struct entry *entry) {
  return entry->lately < GATHER_MOST_MS - GATHER_MS ? GATHER_MS + entry->lately : GATHER_MOST_MS;
}

static void changed(struct orr_message *message) {
  struct orr_changed *changed = (struct orr_changed *)message;
  struct entry *entry = changed->user;
  if (entry->changed_count == MOST_CHANGED) {
    free(changed);
    return;
  }
  entry->changed[entry->changed_count++] = changed;
  if (entry->changed_count == 1 && entry->timer) orr_timer_again(entry->timer, gather_ms(entry));
}

static int l_start(lua_State *L) {
  struct orr_resources *all = orr_house_of(L)->resources;
  const char *name = luaL_checkstring(L, 1), *scheduler = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  struct orr_ticket ticket = orr_task_wait(L);
  char path[4096], state[4096];
  struct orr_err err = {0};
  struct entry *entry = entry_of(all, name, true);
  if (entry->resource)
    orr_fail(&err, ORR_CONFLICT, "resource %s is running", name);
  else
    orr_plugin_find(all->folders, scheduler, path, sizeof path, &err);
  snprintf(state, sizeof state, "%s/%s", all->state_directory, name);
  if (!err.code && mkdir(state, 0700) != 0 && access(state, W_OK) != 0)
    orr_fail(&err, ORR_IO, "cannot make the folder %s", state);
  if (err.code) return orr_push_failure(L, &err);
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value config;
  if (!orr_try_value(L, 3, arena, &config)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
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
                                         .user = entry};
  entry->starting = ticket;
  entry->resource = orr_resource_start(&options, &err);
  orr_arena_destroy(arena);
  if (!entry->resource) return orr_push_failure(L, &err);
  return lua_yield(L, 0);
}

static int l_stop(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), false);
  bool ended = true;
  if (entry && entry->resource) {
    ended = orr_resource_stop(entry->resource, luaL_optinteger(L, 2, 1000));
    entry->resource = NULL;
  }
  return lua_pushboolean(L, ended), 1;
}

static int l_call(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *word = luaL_checkstring(L, 2);
  int verb = orr_verb_parse(word);
  luaL_argcheck(L, verb >= 0, 2, "not a verb");
  luaL_checktype(L, 3, LUA_TTABLE);
  struct entry *entry = entry_of(orr_house_of(L)->resources, name, false);
  struct orr_err err = {0};
  if (!entry || !entry->resource)
    orr_fail(&err, ORR_UNAVAILABLE, "resource %s is not running", name);
  else if (entry->hanging) /* more would only pile up before it */
    orr_fail(&err, ORR_UNAVAILABLE, "the plug-in hangs in an earlier call");
  if (err.code) return orr_push_failure(L, &err);
  return orr_call_begin(L, entry->resource, (enum orr_verb)verb, 3, luaL_checkinteger(L, 4), &entry->hanging);
}

static void time_over(void *data) { hand_changed(data); }

static int l_changed(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  const char *name = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 2);
  struct entry *entry = entry_of(house->resources, name, true);
  luaL_argcheck(L, !entry->timer, 1, "somebody waits for its changes already");
  struct orr_ticket ticket = orr_task_wait(L);
  entry->watching = ticket;
  long long first = entry->changed_count || entry->poked ? gather_ms(entry) : ms > 0 ? ms : 0;
  entry->timer = orr_timer_start(house->loop, first, 0, time_over, entry);
  return lua_yield(L, 0);
}

static int l_poke(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), true);
  if (!entry->poked && entry->timer && !entry->changed_count) orr_timer_again(entry->timer, gather_ms(entry));
  entry->poked = true;
  return 0;
}

int orr_bind_resources(lua_State *L) {
  static const luaL_Reg functions[] = {{"find", l_find}, {"start", l_start},     {"stop", l_stop},
                                       {"call", l_call}, {"changed", l_changed}, {"poke", l_poke},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
