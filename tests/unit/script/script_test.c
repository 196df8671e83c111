/* A Lua state: its modules, its start-up code, its memory. */
#include "state.h"

static struct state it;

static int start(void **state) {
  (void)state;
  state_make(&it);
  return 0;
}

static int stop(void **state) {
  (void)state;
  state_remove(&it);
  return 0;
}

static int l_answer(lua_State *L) {
  lua_newtable(L);
  lua_pushinteger(L, 42);
  lua_setfield(L, -2, "answer");
  return 1;
}

static void modules_are_found_in_the_folder_only(void **state) {
  (void)state;
  struct orr_err err = {0};
  lua_State *L = orr_script_state(it.script);
  make_folder(it.folder, "house");
  make_folder(it.folder, "house/room");
  write_file(it.folder, "house/one.lua", "local name = ... return {name, require 'house.room'}");
  write_file(it.folder, "house/room/init.lua", "return 'room'");
  write_file(it.folder, "here.lua", "return 1");
  assert_int_equal(orr_script_require(it.script, "house.one", &err), ORR_OK);
  assert_int_equal(lua_gettop(L), 1);
  lua_geti(L, 1, 1);
  assert_string_equal(lua_tostring(L, -1), "house.one");
  lua_geti(L, 1, 2);
  assert_string_equal(lua_tostring(L, -1), "room");
  lua_settop(L, 0);
  assert_string_equal(run_well(&it, "return package.cpath").text, "");
  int here = open(".", O_PATH | O_CLOEXEC);
  make_folder(it.folder, "elsewhere");
  write_file(it.folder, "elsewhere/there.lua", "return 1");
  assert_int_equal(chdir(PATH_OF(it.folder, "elsewhere")), 0);
  int code = orr_script_require(it.script, "there", &err);
  assert_int_equal(fchdir(here), 0);
  close(here);
  assert_int_equal(code, ORR_INVALID);
  assert_contains(err.text, "module 'there' not found");
  assert_int_equal(lua_gettop(L), 0);
}

static void a_provided_table_is_a_module(void **state) {
  (void)state;
  orr_script_provide(it.script, "test", l_answer);
  struct ended end = run_well(&it, "local a, b = require 'house.test', require 'house.test' "
                                   "return rawequal(a, b) and a.answer");
  assert_int_equal(end.number, 42);
  assert_int_equal(lua_gettop(orr_script_state(it.script)), 0);
}

static int call(const char *code, int results, struct orr_err *err) {
  lua_State *L = orr_script_state(it.script);
  assert_int_equal(luaL_loadstring(L, code), LUA_OK);
  lua_pushinteger(L, 3);
  lua_pushinteger(L, 4);
  return orr_script_call(it.script, 2, results, err);
}

static void start_up_code_is_called(void **state) {
  (void)state;
  struct orr_err err = {0};
  lua_State *L = orr_script_state(it.script);
  lua_pushliteral(L, "below");
  assert_int_equal(call("local a, b = ... return a * b, 'more', 'dropped'", 2, &err), ORR_OK);
  assert_int_equal(lua_gettop(L), 3);
  assert_int_equal(lua_tointeger(L, 2), 12);
  assert_string_equal(lua_tostring(L, 3), "more");
  lua_settop(L, 0);
  assert_int_equal(call("local function inner() error 'a sentence' end inner()", 2, &err), ORR_INVALID);
  assert_contains(err.text, "a sentence");
  assert_contains(err.text, "in local 'inner'"); /* where it came from */
  assert_int_equal(call("error(setmetatable({}, {__tostring = function() return 'an object' end}))", 0, &err),
                   ORR_INVALID);
  assert_contains(err.text, "an object");
  assert_int_equal(call("error()", 0, &err), ORR_INVALID);
  assert_int_equal(call("wait()", 0, &err), ORR_INVALID);
  assert_contains(err.text, "only a task can do");
  assert_int_equal(lua_gettop(L), 0);
}

static void start_up_code_has_limits(void **state) {
  (void)state;
  struct orr_err err = {0};
  assert_int_equal(call("while true do end", 0, &err), ORR_TIMEOUT);
  assert_contains(err.text, "ran longer than 200 ms");
  assert_int_equal(call("return ('x'):rep(1 << 23)", 0, &err), ORR_NO_MEMORY);
  assert_contains(err.text, "not enough memory");
  assert_int_equal(call("return 1", 1, &err), ORR_OK); /* and the state lives on */
  lua_settop(orr_script_state(it.script), 0);
}

/* An error value that works against whoever wants to read it. */
static void stubborn_error_values_are_no_harm(void **state) {
  (void)state;
  struct orr_err err = {0};
  assert_int_not_equal(
      call("error(setmetatable({}, {__tostring = function() while true do end end}))", 0, &err), ORR_OK);
  assert_int_not_equal(call("error(setmetatable({}, {__tostring = function(e) error(e) end}))", 0, &err),
                       ORR_OK);
  assert_int_not_equal(call("error(setmetatable({}, {__tostring = function() return {} end}))", 0, &err),
                       ORR_OK);
  assert_int_equal(call("return 1", 1, &err), ORR_OK);
  lua_settop(orr_script_state(it.script), 0);
}

static void memory_is_counted(void **state) {
  (void)state;
  size_t before = orr_script_memory(it.script);
  assert_true(before > 1000);
  run_well(&it, "kept = ('x'):rep(1 << 20)");
  assert_in_range(orr_script_memory(it.script), before + (1 << 20), before + (1 << 20) + 10000);
  run_well(&it, "kept = nil collectgarbage()");
  assert_true(orr_script_memory(it.script) < before + 20000);
  run_well(&it, "local t = {} for i = 1, 10000 do t[i] = {i} end");
  orr_script_close(it.script);
  assert_int_equal(orr_script_memory(it.script), 0); /* to the byte */
}

/* Outside of a task nobody could catch a failure: there the limit may be passed. */
static void the_limit_ends_tasks_never_the_process(void **state) {
  (void)state;
  struct ended end;
  struct state own = {.log = it.log, .memory_limit = MEMORY_LIMIT};
  static char large[MEMORY_LIMIT];
  state_open(&own);
  assert_int_equal(run(&own, "t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end", &end),
                   ORR_TASK_NO_MEMORY);
  assert_contains(end.text, "not enough memory");
  assert_true(orr_script_memory(own.script) <= MEMORY_LIMIT + 100000); /* and what the trace took */
  struct orr_task *task = task_of(&own, "return #... .. ''", &end);
  lua_pushlstring(orr_task_state(task), large, sizeof large);
  assert_int_equal(orr_task_run(task, 1), ORR_TASK_NO_MEMORY);
  run_well(&own, "t = nil collectgarbage()");
  run_well(&own, "return ('x'):rep(1 << 20)");
  orr_script_destroy(own.script);
}

static void without_a_limit_there_is_none(void **state) {
  (void)state;
  struct orr_script_options options = {.name = "free", .log = &it.log};
  struct orr_script *script = orr_script_create(&options, NULL);
  lua_State *L = orr_script_state(script);
  assert_int_equal(luaL_loadstring(L, "return #('x'):rep(1 << 25)"), LUA_OK);
  assert_int_equal(orr_script_call(script, 0, 1, NULL), ORR_OK);
  assert_int_equal(lua_tointeger(L, -1), 1 << 25);
  assert_ptr_equal(orr_script_of(L), script);
  assert_ptr_equal(orr_script_log(script), &it.log);
  assert_null(orr_script_user(L));
  orr_script_destroy(script);
  orr_script_destroy(NULL);
}

static void a_state_may_have_no_memory_at_all(void **state) {
  (void)state;
  struct orr_err err = {0};
  struct orr_script_options options = {.name = "small", .memory_limit = 100, .log = &it.log};
  struct orr_script *script = orr_script_create(&options, &err); /* its set-up is no task */
  assert_non_null(script);
  assert_int_equal(luaL_loadstring(orr_script_state(script), "return {}"), LUA_OK);
  assert_int_equal(orr_script_call(script, 0, 1, &err), ORR_NO_MEMORY);
  orr_script_destroy(script);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(modules_are_found_in_the_folder_only),
      TEST(a_provided_table_is_a_module),
      TEST(start_up_code_is_called),
      TEST(start_up_code_has_limits),
      TEST(stubborn_error_values_are_no_harm),
      TEST(memory_is_counted),
      TEST(the_limit_ends_tasks_never_the_process),
      TEST(without_a_limit_there_is_none),
      TEST(a_state_may_have_no_memory_at_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
