/* A small house for the tests of what Lua can reach: a store in a temporary folder, a loop, lanes, a Lua state with
   all tables as globals (json, db, …). A test is a piece of Lua, run as one task until it ends; it has

     same(got, wanted)      fails unless both are equal
     raises(why, f, …)      fails unless f raises an error with these words
     refused(code, why, …)  fails unless … is nil, that code and a sentence with these words */
#pragma once
#include "../store/place.h"
#include "bind/changes.h"
#include "bind/house.h"
#include "bind/resources.h"
#include "loop/lane.h"
#include "script/task.h"
#include "script/watchdog.h"

struct rig {
  struct place place;
  struct orr_loop *loop;
  struct orr_lanes *lanes;
  struct orr_watchdog *dog;
  struct orr_ids ids;
  struct orr_arena *arena;
  struct orrery_value *config;
  struct orr_plugin_loading loading;
  struct orr_script *script;
  struct orr_house house;
  int ended;
  char why[4096]; /* it failed; empty: it did not */
};

static const char rig_preamble[] =
    "for _, name in ipairs {'changes', 'clock', 'config', 'db', 'digest', 'fetch', 'files', 'ids', 'json', 'log', "
    "'resources',\n"
    "    'plugins', 'shape', 'task', 'template'} do _G[name] = require('house.' .. name) end\n"
    "function same(got, wanted)\n"
    "  if got ~= wanted then error(('%s instead of %s'):format(got, wanted), 2) end\n"
    "end\n"
    "function raises(why, f, ...)\n"
    "  local ok, text = pcall(f, ...)\n"
    "  if ok then error('nothing was raised', 2) end\n"
    "  if not tostring(text):find(why, 1, true) then error(('raised: %s'):format(text), 2) end\n"
    "end\n"
    "function refused(code, why, got, got_code, text)\n"
    "  if got ~= nil then error(('%s instead of a refusal'):format(got), 2) end\n"
    "  if got_code ~= code then error(('%s instead of %s'):format(got_code, code), 2) end\n"
    "  if not text:find(why, 1, true) then error(('refused: %s'):format(text), 2) end\n"
    "end\n";

static inline void rig_prepare_lua(struct rig *rig) {
  static const char *const tables[] = {"changes",  "clock",     "config",  "db",  "digest", "fetch",
                                       "files",    "ids",       "json",    "log", "shape",  "task",
                                       "template", "resources", "plugins", NULL};
  struct orr_err err = {0};
  struct orr_script_options options = {.name = "test",
                                       .memory_limit = (size_t)64 << 20,
                                       .slice_ms = 20000,
                                       .watchdog = rig->dog,
                                       .log = &rig->place.log,
                                       .user = &rig->house};
  rig->script = orr_script_create(&options, &err);
  if (!rig->script) fail_msg("%s", err.text);
  orr_bind_provide(rig->script, tables);
  assert_int_equal(luaL_loadstring(orr_script_state(rig->script), rig_preamble), LUA_OK);
  if (orr_script_call(rig->script, 0, 0, &err)) fail_msg("%s", err.text);
}

/* The store's tables are `thing` (id, name, size, born, flag, data) and `account` (id, money). */
static inline void rig_make(struct rig *rig) {
  *rig = (struct rig){.ended = 0};
  place_make(&rig->place,
             "CREATE TABLE thing (id INTEGER PRIMARY KEY, name, size, born, flag, data);"
             "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER NOT NULL CHECK (money >= 0));"
             "INSERT INTO account VALUES (1, 500), (2, 500);");
  make_folder(rig->place.folder, "files");
  make_folder(rig->place.folder, "state");
  rig->loop = orr_loop_create(NULL);
  rig->lanes = orr_lanes_create();
  rig->dog = orr_watchdog_start(NULL);
  orr_ids_init(&rig->ids, 12345, 0);
  rig->arena = orr_arena_create();
  rig->config = orr_value_map(rig->arena);
  rig->loading = (struct orr_plugin_loading){.log = &rig->place.log, .watchdog = rig->dog};
  rig->house = (struct orr_house){.name = "test",
                                  .loop = rig->loop,
                                  .ids = &rig->ids,
                                  .log = &rig->place.log,
                                  .config = rig->config,
                                  .lanes = rig->lanes,
                                  .data = rig->place.folder};
  place_open(&rig->place, 0);
  rig->house.store = rig->place.store;
  rig->house.reader = orr_reader_open(rig->place.store, NULL);
  rig->house.changes = orr_changes_create(rig->loop);
  orr_store_subscribe(rig->place.store, orr_changes_announce, rig->house.changes);
  rig->house.plugin_folders = TEST_BINARY_DIR "/tests/plugins:" TEST_SOURCE_DIR "/tests/plugins";
  rig->house.transports = orr_transports_create(rig->place.folder, &rig->place.log);
  rig->house.resources = orr_resources_create(rig->loop, &rig->loading, rig->house.transports, rig->house.plugin_folders,
                                              PATH_OF(rig->place.folder, "state"));
  rig_prepare_lua(rig);
}

/* In the order in which the server ends. */
static inline void rig_remove(struct rig *rig) {
  assert_true(orr_resources_stop(rig->house.resources, 10000));
  orr_script_close(rig->script);
  orr_reader_close(rig->house.reader);
  orr_lanes_destroy(rig->lanes);
  place_close(&rig->place);
  orr_transports_stop(rig->house.transports);
  orr_loop_destroy(rig->loop);
  orr_resources_destroy(rig->house.resources);
  orr_transports_destroy(rig->house.transports);
  orr_changes_destroy(rig->house.changes);
  orr_script_destroy(rig->script);
  orr_watchdog_stop(rig->dog);
  orr_arena_destroy(rig->arena);
  place_remove(&rig->place);
}

static inline void rig_end(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct rig *rig = data;
  (void)results;
  rig->ended++;
  if (outcome != ORR_TASK_DONE) snprintf(rig->why, sizeof rig->why, "%s", orr_task_trace(L));
  orr_loop_stop(rig->loop);
}

/* Begins a task; it may be over when this returns. */
static inline void rig_begin(struct rig *rig, const char *code) {
  struct orr_task *task = orr_task_create(rig->script, rig_end, rig);
  lua_State *L = orr_task_state(task);
  if (luaL_loadbufferx(L, code, strlen(code), "=test", "t")) fail_msg("%s", lua_tostring(L, -1));
  lua_pushstring(L, rig->place.folder);
  orr_task_run(task, 1);
}

/* Runs a task to its end. Its argument (`...`) is the temporary folder. Only one task of a rig may wait. */
static inline void rig_lua(struct rig *rig, const char *code) {
  rig->ended = 0;
  rig_begin(rig, code);
  if (!rig->ended) orr_loop_run(rig->loop);
  if (!rig->ended) fail_msg("the task has not ended");
  if (*rig->why) fail_msg("%s", rig->why);
}

/* A whole test: a rig, and a piece of Lua that runs in it. */
#define LUA_TEST(name, ...)                                                                                  \
  static void name(void **state) { rig_lua(*state, __VA_ARGS__); }

static inline int rig_start(void **state) {
  *state = malloc(sizeof(struct rig));
  rig_make(*state);
  return 0;
}

static inline int rig_stop(void **state) {
  rig_remove(*state);
  free(*state);
  return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_start, rig_stop)
