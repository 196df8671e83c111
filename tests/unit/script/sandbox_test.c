/* The sandbox: what a file sees in it, and that nothing else can be reached from there. */
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

/* Loads a file of this text; its value stays on the stack. */
static int load(const char *code, struct orr_err *err) {
  write_file(it.folder, "plugin.lua", code);
  return orr_script_load_sandboxed(it.script, PATH_OF(it.folder, "plugin.lua"), err);
}

static void load_well(const char *code) {
  struct orr_err err = {0};
  if (load(code, &err)) fail_msg("%s", err.text);
  lua_settop(orr_script_state(it.script), 0);
}

static void refuse(const char *code, const char *why) {
  struct orr_err err = {0};
  assert_int_not_equal(load(code, &err), ORR_OK);
  assert_contains(err.text, why);
  assert_int_equal(lua_gettop(orr_script_state(it.script)), 0);
}

static void a_file_gives_its_value(void **state) {
  (void)state;
  lua_State *L = orr_script_state(it.script);
  struct orr_err err = {0};
  assert_int_equal(load("local double = function(x) return x * 2 end return {double = double}", &err),
                   ORR_OK);
  assert_int_equal(lua_gettop(L), 1);
  lua_getfield(L, 1, "double");
  lua_pushinteger(L, 21);
  assert_int_equal(orr_script_call(it.script, 1, 1, &err), ORR_OK);
  assert_int_equal(lua_tointeger(L, -1), 42);
  lua_settop(L, 0);
}

/* Everything that can be seen, in the order of the alphabet. */
static void exactly_this_is_let_in(void **state) {
  (void)state;
  static const char seen[] =
      "_VERSION assert error getmetatable ipairs math.abs math.acos math.asin math.atan math.ceil math.cos "
      "math.deg "
      "math.exp math.floor math.fmod math.huge math.log math.max math.maxinteger math.min math.mininteger "
      "math.modf "
      "math.pi math.rad math.random math.randomseed math.sin math.sqrt math.tan math.tointeger math.type "
      "math.ult "
      "next os.clock os.date os.difftime os.time pairs pcall rawequal rawget rawlen rawset select "
      "setmetatable "
      "string.byte string.char string.find string.format string.gmatch string.gsub string.len string.lower "
      "string.match string.pack string.packsize string.rep string.reverse string.sub string.unpack "
      "string.upper "
      "table.concat table.insert table.move table.pack table.remove table.sort table.unpack tonumber "
      "tostring type "
      "utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset";
  struct orr_err err = {0};
  lua_State *L = orr_script_state(it.script);
  assert_int_equal(
      load("local names = {} "
           "for name, value in pairs(_ENV) do "
           "  if type(value) ~= 'table' then names[#names + 1] = name "
           "  else for member in pairs(value) do names[#names + 1] = name .. '.' .. member end end "
           "end "
           "table.sort(names) return table.concat(names, ' ')",
           &err),
      ORR_OK);
  assert_string_equal(lua_tostring(L, -1), seen);
}

static void nothing_leads_out(void **state) {
  (void)state;
  load_well(
      "assert(not io and not require and not package and not load and not loadfile and not dofile)\n"
      "assert(not debug and not coroutine and not collectgarbage and not print and not _G and not xpcall)\n"
      "assert(not os.execute and not os.getenv and not os.remove and not os.exit and not os.tmpname)\n"
      "assert(not string.dump and not ('').dump)");
  refuse("return io.open('/etc/passwd')", "global 'io'");
  refuse("return ('').dump(function() end)", "field 'dump'");
  refuse("return require 'os'", "global 'require'");
  load_well("assert(getmetatable('') == false)\n"
            "assert(not pcall(setmetatable, '', {}))\n"
            "for _, f in pairs {assert, pcall, math.abs, _ENV} do assert(getmetatable(f) == nil) end");
}

static void binary_code_is_refused(void **state) {
  (void)state;
  struct orr_err err = {0};
  struct ended end = run_well(&it, "return #string.dump(function() return 1 end)");
  assert_true(end.number > 10);
  char code[300];
  snprintf(code, sizeof code,
           "local f = io.open('%s/plugin.lua', 'wb') f:write(string.dump(function() end)) f:close()",
           it.folder);
  run_well(&it, code);
  assert_int_equal(orr_script_load_sandboxed(it.script, PATH_OF(it.folder, "plugin.lua"), &err), ORR_INVALID);
  assert_contains(err.text, "attempt to load a binary chunk");
}

static void what_is_wrong_is_told(void **state) {
  (void)state;
  struct orr_err err = {0};
  refuse("return {", "plugin.lua:1:");
  refuse("\n\nerror 'not today'", "plugin.lua:3: not today");
  refuse("error()", "nil");
  assert_int_equal(orr_script_load_sandboxed(it.script, PATH_OF(it.folder, "absent.lua"), &err), ORR_INVALID);
  assert_contains(err.text, "absent.lua");
}

/* What a file does to the tables it sees reaches neither the house's own code nor another file. */
static void nobody_else_is_poisoned(void **state) {
  (void)state;
  load_well(
      "for _, library in pairs {math, os, string, table, utf8} do\n"
      "  for name in pairs(library) do library[name] = function() error 'poisoned' end end\n"
      "end\n"
      "for _, name in pairs {'assert', 'error', 'ipairs', 'next', 'select', 'tostring', 'type', 'pcall'} do\n"
      "  _ENV[name] = nil\n"
      "end\n"
      "leaked = true");
  run_well(&it, "assert(leaked == nil)\n"
                "assert(math.floor(1.5) == 1 and ('x'):rep(3) == 'xxx' and string.upper 'x' == 'X')\n"
                "local t = {3, 1, 2} table.sort(t) table.insert(t, 4) assert(table.concat(t) == '1234')\n"
                "assert(utf8.char(252) == '\xc3\xbc' and os.time() > 0 and select('#', 1, 2) == 2)");
  load_well("assert(leaked == nil and math.floor(1.5) == 1 and string.rep('x', 3) == 'xxx')\n"
            "assert(('x'):rep(3) == 'xxx' and table.concat {1, 2} == '12')");
}

static void what_the_house_has_is_not_seen(void **state) {
  (void)state;
  run_well(&it, "secret = 'x' string.secret = 'x' table.secret = 'x'");
  load_well("assert(secret == nil and string.secret == nil and table.secret == nil and (''):len() == 0)\n"
            "assert((''):rep(1) == '' and not pcall(function() return (''):secret() end))");
}

static void metatables_work_but_finalizers(void **state) {
  (void)state;
  load_well("local class = {} class.__index = class\n"
            "function class:double() return self.n * 2 end\n"
            "local object = setmetatable({n = 4}, class)\n"
            "assert(object:double() == 8 and getmetatable(object) == class)\n"
            "assert(setmetatable(object, nil) == object and getmetatable(object) == nil)\n"
            "local locked = setmetatable({}, {__metatable = 'locked'})\n"
            "assert(getmetatable(locked) == 'locked' and not pcall(setmetatable, locked, {}))\n"
            "assert(not pcall(setmetatable, 1, {}) and not pcall(setmetatable, {}, 1))");
  refuse("setmetatable({}, {__gc = function() while true do end end})", "__gc is not for code in a sandbox");
  refuse("setmetatable({}, {__gc = true})", "__gc is not for code in a sandbox");
}

/* --- time and memory, while a file is loaded and after --- */

static void loops_are_thrown_out(void **state) {
  (void)state;
  struct ended end;
  alarm(60);
  refuse("while true do end", "ran longer than");
  refuse("while true do pcall(function() while true do end end) end", "ran longer than");
  refuse("local x <close> = setmetatable({}, {__close = function() while true do end end}) error 'x'",
         "ran longer than");
  struct orr_err err = {0};
  assert_int_equal(
      load("return {loop = function() local t = setmetatable({}, {__close = function() while true do end "
           "end}) local x <close> = t while true do pcall(function() local y <close> = t end) end end}",
           &err),
      ORR_OK);
  lua_State *L = orr_script_state(it.script);
  struct orr_task *task = orr_task_create(it.script, keep_end, &end);
  lua_getfield(L, -1, "loop");
  lua_xmove(L, orr_task_state(task), 1);
  assert_int_equal(orr_task_run(task, 0), ORR_TASK_OVERTIME);
  alarm(0);
}

static void memory_is_bounded(void **state) {
  (void)state;
  refuse("local t = {} for i = 1, math.huge do t[i] = ('x'):rep(100000) .. i end", "not enough memory");
  refuse("return ('x'):rep(1 << 30)", "not enough memory");
  load_well("assert(not pcall(string.rep, 'x', 1 << 30))");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_file_gives_its_value),
      TEST(exactly_this_is_let_in),
      TEST(nothing_leads_out),
      TEST(binary_code_is_refused),
      TEST(what_is_wrong_is_told),
      TEST(nobody_else_is_poisoned),
      TEST(what_the_house_has_is_not_seen),
      TEST(metatables_work_but_finalizers),
      TEST(loops_are_thrown_out),
      TEST(memory_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
