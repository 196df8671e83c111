/* house.resources: the resource workers, for the control worker.
     start(name, scheduler, config, ms)  waits, at most so long → info | nil, code, sentence
                                         info: name, version, language, path, abi, verbs {verb = true}, honours
                                         Where one of that name runs, the new one is opened beside it. How its
                                         machine is reached is what house.reach has been told last.
     take(name, ms)                      the one beside takes the place of the one that runs, which is stopped
                                         → true if that ended in time
     drop(name, ms)                      stops the one that was started last → true if it ended in time
     stop(name, ms)                      stops all of that name → true if they ended in time
     forget(name)                        stops them, and keeps nothing of the name
     call(name, verb, request, ms)       → a call (call.c) | nil, code, sentence; as the account request.account
     changed(name, ms)                   waits → list of native ids that changed (empty: poked, or time is over)
     poke(name)                          lets whoever waits for changes go round once more */
#include "bind/resources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bind/call.h"
#include "bind/house.h"
#include "bind/instance.h"
#include "bind/tables.h"
#include "bind/value.h"
#include "sched/modules.h"

enum { CLOSE_MS = 1000, OPEN_MS = 30000, MOST_LEFT = 4 };

struct entry {
  char *name;
  struct orr_instance *running, *beside; /* NULL: not started, or stopped */
  struct orr_gather changes;
  struct entry *next;
};

struct orr_resources {
  struct orr_loop *home;
  struct orr_transports *transports;
  struct orr_plugin_loading loading;
  char *folders, *state_directory;
  struct entry *entries;
  struct orr_left left;
};

struct orr_resources *orr_resources_create(struct orr_loop *home, const struct orr_plugin_loading *loading,
                                           struct orr_transports *transports, const char *plugin_folders,
                                           const char *state_directory) {
  struct orr_resources *all = orr_zalloc(sizeof *all);
  all->home = home;
  all->transports = transports;
  all->loading = *loading;
  all->loading.modules = orr_modules_create();
  all->folders = orr_strdup(plugin_folders);
  all->state_directory = orr_strdup(state_directory);
  return all;
}

static struct entry *entry_of(struct orr_resources *all, const char *name, bool make) {
  for (struct entry *entry = all->entries; entry; entry = entry->next)
    if (strcmp(entry->name, name) == 0) return entry;
  if (!make) return NULL;
  struct entry *entry = orr_zalloc(sizeof *entry);
  *entry = (struct entry){.name = orr_strdup(name), .next = all->entries};
  orr_gather_init(&entry->changes);
  return all->entries = entry;
}

static bool stop(struct entry *entry, int64_t timeout_ms) {
  bool ended = orr_instance_stop(entry->beside, timeout_ms);
  return orr_instance_stop(entry->running, timeout_ms) && ended;
}

bool orr_resources_stop(struct orr_resources *all, int64_t timeout_ms) {
  bool ended = orr_left_stop(&all->left, timeout_ms);
  for (struct entry *entry = all->entries; entry; entry = entry->next)
    ended = stop(entry, timeout_ms) && ended;
  return ended;
}

static void destroy(struct entry *entry) {
  orr_gather_free(&entry->changes);
  free(entry->name);
  free(entry);
}

void orr_resources_destroy(struct orr_resources *all) {
  if (!all) return;
  while (all->entries) {
    struct entry *entry = all->entries;
    all->entries = entry->next;
    destroy(entry);
  }
  orr_left_free(&all->left);
  orr_modules_destroy(all->loading.modules);
  free(all->folders);
  free(all->state_directory);
  free(all);
}

/* What must be so before a worker is started. */
static int prepare(struct orr_resources *all, const struct entry *entry, const char *scheduler,
                   char path[PATH_MAX], char state[PATH_MAX], struct orr_err *err) {
  int hanging = orr_left_hanging(&all->left, entry->name);
  if (entry->beside || (entry->running && !orr_instance_is_open(entry->running)))
    return orr_fail(err, ORR_CONFLICT, "resource %s is being started", entry->name);
  if (hanging >= MOST_LEFT)
    return orr_fail(err, ORR_UNAVAILABLE, "%d earlier starts of the plug-in hang; none is added to them",
                    hanging);
  int code = orr_plugin_find(all->folders, scheduler, path, PATH_MAX, err);
  if (code != ORR_OK) return code;
  snprintf(state, PATH_MAX, "%s/%s", all->state_directory, entry->name);
  if (mkdir(state, 0700) != 0 && access(state, W_OK) != 0)
    return orr_fail(err, ORR_IO, "cannot make the folder %s", state);
  return ORR_OK;
}

static int l_start(lua_State *L) {
  struct orr_resources *all = orr_house_of(L)->resources;
  const char *name = luaL_checkstring(L, 1), *scheduler = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  int64_t timeout_ms = luaL_optinteger(L, 4, OPEN_MS);
  struct orr_ticket ticket = orr_task_wait(L);
  char path[PATH_MAX], state[PATH_MAX];
  struct orr_err err = {0};
  struct entry *entry = entry_of(all, name, true);
  if (prepare(all, entry, scheduler, path, state, &err)) return orr_push_failure(L, &err);
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value config;
  if (!orr_try_value(L, 3, arena, &config, NULL)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  struct orr_plugin_loading loading = all->loading;
  loading.transport = orr_transports_find(all->transports, name);
  struct orr_starting starting = {
      .home = all->home,
      .left = &all->left,
      .changes = &entry->changes,
      .place = entry->running ? &entry->beside : &entry->running,
      .ticket = ticket,
      .timeout_ms = timeout_ms,
      .loading = loading,
      .options = {
          .name = name, .path = path, .state_directory = state, .config = &config, .log = all->loading.log}};
  int code = orr_instance_start(&starting, &err);
  orr_arena_destroy(arena);
  return code == ORR_OK ? lua_yield(L, 0) : orr_push_failure(L, &err);
}

static int l_take(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), false);
  bool ended = true;
  if (entry && entry->beside) {
    ended = orr_instance_stop(entry->running, luaL_optinteger(L, 2, CLOSE_MS));
    orr_instance_move(&entry->beside, &entry->running);
  }
  return lua_pushboolean(L, ended), 1;
}

static int l_drop(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), false);
  struct orr_instance *last = !entry ? NULL : entry->beside ? entry->beside : entry->running;
  return lua_pushboolean(L, orr_instance_stop(last, luaL_optinteger(L, 2, CLOSE_MS))), 1;
}

static int l_stop(lua_State *L) {
  struct entry *entry = entry_of(orr_house_of(L)->resources, luaL_checkstring(L, 1), false);
  return lua_pushboolean(L, !entry || stop(entry, luaL_optinteger(L, 2, CLOSE_MS))), 1;
}

/* The folder of a plug-in that kept nothing goes, too. */
static int l_forget(lua_State *L) {
  struct orr_resources *all = orr_house_of(L)->resources;
  const char *name = luaL_checkstring(L, 1);
  struct entry **at = &all->entries;
  while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
  struct entry *entry = *at;
  if (!entry) return 0;
  luaL_argcheck(L, !entry->changes.timer, 1, "somebody waits for its changes");
  stop(entry, CLOSE_MS);
  *at = entry->next;
  destroy(entry);
  char state[PATH_MAX];
  snprintf(state, sizeof state, "%s/%s", all->state_directory, name);
  rmdir(state);
  return 0;
}

static int l_call(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *word = luaL_checkstring(L, 2);
  int verb = orr_verb_parse(word);
  luaL_argcheck(L, verb >= 0, 2, "not a verb");
  luaL_checktype(L, 3, LUA_TTABLE);
  struct entry *entry = entry_of(orr_house_of(L)->resources, name, false);
  struct orr_err err = {0};
  struct orr_instance *instance = entry ? entry->running : NULL;
  lua_getfield(L, 3, "account");
  int *hanging = instance ? orr_instance_hanging(instance, lua_tostring(L, -1)) : NULL;
  lua_pop(L, 1);
  if (!instance)
    orr_fail(&err, ORR_UNAVAILABLE, "resource %s is not running", name);
  else if (*hanging) /* more would only pile up before it */
    orr_fail(&err, ORR_UNAVAILABLE, "the plug-in hangs in an earlier call");
  if (err.code) return orr_push_failure(L, &err);
  return orr_call_begin(L, orr_instance_worker(instance), (enum orr_verb)verb, 3, luaL_checkinteger(L, 4),
                        hanging);
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
  static const luaL_Reg functions[] = {{"start", l_start}, {"take", l_take},       {"drop", l_drop},
                                       {"stop", l_stop},   {"call", l_call},       {"forget", l_forget},
                                       {"poke", l_poke},   {"changed", l_changed}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
