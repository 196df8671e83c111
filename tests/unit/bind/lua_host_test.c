/* The services that a Lua plug-in is given: commands, time, the log, its files. A test is a piece of Lua with `host`
   and `folder`, run as a task. */
#include <signal.h>

#include "../base/folder.h"
#include "base/value.h"
#include "bind/plugin_host.h"
#include "loop/loop.h"
#include "script/task.h"

static char folder[FOLDER_ROOM], changed_id[64];
static struct orr_log log_to;
static struct orr_loop *loop;
static struct orr_arena *arena;
static struct orrery_host orrery;
static struct orr_plugin_host host;
static struct orr_script *script;

static void keep_changed(void *data, const char *native_id) {
  (void)data;
  snprintf(changed_id, sizeof changed_id, "%s", native_id);
}

static int start(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN); /* as the server does */
  folder_make(folder);
  log_to =
      (struct orr_log){.fd = open(PATH_OF(folder, "log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  orrery = (struct orrery_host){.resource = "cluster",
                                .state_directory = folder,
                                .plugin_directory = "/plug-ins",
                                .log = &log_to,
                                .changed = keep_changed};
  loop = orr_loop_create(NULL);
  arena = orr_arena_create();
  host = (struct orr_plugin_host){.loop = loop, .orrery = &orrery, .honours = orr_value_map(arena)};
  struct orr_script_options options = {.name = "cluster", .log = &log_to, .user = &host};
  script = orr_script_create(&options, NULL);
  return script ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  orr_script_close(script);
  orr_loop_destroy(loop);
  orr_script_destroy(script);
  orr_arena_destroy(arena);
  close(log_to.fd);
  folder_remove(folder);
  return 0;
}

struct end {
  bool ended;
  char why[2048];
};

static void keep_end(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct end *end = data;
  (void)results;
  end->ended = true;
  if (outcome != ORR_TASK_DONE) snprintf(end->why, sizeof end->why, "%s", orr_task_trace(L));
  orr_loop_stop(loop);
}

static const char preamble[] =
    "function same(got, wanted)"
    "  if got ~= wanted then error(('%s instead of %s'):format(got, wanted), 2) end "
    "end "
    "function raises(why, f, ...)"
    "  local ok, text = pcall(f, ...)"
    "  if ok then error('nothing was raised', 2) end"
    "  if not tostring(text):find(why, 1, true) then error(('raised: %s'):format(text), 2) end "
    "end "
    "host, folder = ... ";

static void run(const char *code) {
  struct end end = {.ended = false};
  struct orr_task *task = orr_task_create(script, keep_end, &end);
  lua_State *L = orr_task_state(task);
  char text[6000];
  snprintf(text, sizeof text, "%s\n%s", preamble, code);
  if (luaL_loadbufferx(L, text, strlen(text), "=test", "t")) fail_msg("%s", lua_tostring(L, -1));
  orr_plugin_host_push(&host, L);
  lua_pushstring(L, folder);
  orr_task_run(task, 2);
  if (!end.ended) orr_loop_run(loop);
  if (!end.ended || *end.why) fail_msg("%s", end.why);
}

static void a_command_runs(void **state) {
  (void)state;
  run("local r = host.exec {'/bin/sh', '-c', 'echo out; echo err >&2; exit 3'}\n"
      "same(r.exit_code, 3) same(r.signal, 0) same(r.stdout, 'out\\n') same(r.stderr, 'err\\n')\n"
      "same(r.timed_out, false) same(r.cut, false)\n"
      "same(host.exec({'/bin/cat'}, {stdin = 'a\\0b'}).stdout, 'a\\0b') same(host.exec({'/bin/cat'}).stdout, "
      "'')\n"
      "same(host.exec({'/bin/pwd'}).stdout, '/\\n') same(host.exec({'/bin/pwd'}, {directory = "
      "'/usr'}).stdout, '/usr\\n')\n"
      "same(host.exec({'/bin/echo', 'a b', '', '$x', 5, 1.5}).stdout, 'a b  $x 5 1.5\\n')\n"
      "r = host.exec({'/bin/sh', '-c', 'echo begun; sleep 1000'}, {timeout = 100})\n"
      "same(r.timed_out, true) same(r.signal, 9) same(r.exit_code, -1) same(r.stdout, 'begun\\n')\n"
      "r = host.exec {'/bin/sh', '-c', 'kill -15 $$'} same(r.signal, 15) same(r.timed_out, false)");
}

static void what_cannot_run_is_told(void **state) {
  (void)state;
  run("local r, why = host.exec {'/no/such/program'} same(r, nil) assert(why:find('/no/such/program', 1, "
      "true))\n"
      "r, why = host.exec({'/bin/true'}, {directory = '/no/such/folder'}) same(r, nil) assert(why)\n"
      "raises('an empty argument vector', host.exec, {}) raises('table expected', host.exec, '/bin/true')\n"
      "raises('string expected', host.exec, {'/bin/echo', {}}) raises('string expected', host.exec, "
      "{'/bin/echo', true})\n"
      "raises('NUL', host.exec, {'/bin/echo', 'a\\0b'})\n"
      "raises('only a task can do', coroutine.wrap(function() host.exec {'/bin/true'} end))");
}

/* The server's own environment holds secrets. */
static void little_of_the_environment_is_passed_on(void **state) {
  (void)state;
  setenv("ORRERY_SECRET", "x", 1);
  setenv("HOME", "/root", 1);
  setenv("SLURM_CONF", "/etc/slurm.conf", 1);
  setenv("PBS_HOME", "/var/pbs", 1);
  setenv("LANG", "C.UTF-8", 1);
  setenv("LANGUAGE", "de", 1);
  run("local out = host.exec({'/usr/bin/env'}, {environment = {OWN = 'a b', N = 5, LANG = 'C', BAD = "
      "{}}}).stdout\n"
      "local seen = {} for name, value in out:gmatch '([%w_]+)=([^\\n]*)' do\n"
      "  assert(not seen[name], name) seen[name] = value\n"
      "end\n"
      "same(seen.OWN, 'a b') same(seen.N, '5') same(seen.BAD, nil)\n"
      "same(seen.SLURM_CONF, '/etc/slurm.conf') same(seen.PBS_HOME, '/var/pbs')\n"
      "assert(seen.PATH) same(seen.ORRERY_SECRET, nil) same(seen.HOME, nil) same(seen.LANGUAGE, nil)\n"
      "same(seen.LANG, 'C')\n"
      "assert(not host.exec({'/usr/bin/env'}).stdout:find 'SECRET')");
}

static void many_commands_run_one_after_the_other(void **state) {
  (void)state;
  run("local before = host.monotonic()\n"
      "for i = 1, 50 do same(host.exec({'/bin/echo', i}).stdout, i .. '\\n') end\n"
      "assert(host.monotonic() >= before)");
}

/* At most so many wait at a time; those that do not wait at all are as good. */
static void items_are_done_side_by_side(void **state) {
  (void)state;
  run("local running, most, done = 0, 0, {}\n"
      "local function one(item, i)\n"
      "  running = running + 1 most = math.max(most, running)\n"
      "  if i % 3 > 0 then host.exec {'/bin/true'} end\n"
      "  done[i] = item running = running - 1\n"
      "end\n"
      "host.each({'a', 'b', 'c', 'd', 'e', 'f', 'g'}, one, 3)\n"
      "same(table.concat(done), 'abcdefg') same(most, 3) same(running, 0)\n"
      "host.each({}, error) host.each({1, 2}, function(n) host.each({n, n}, function() host.sleep(1) end) "
      "end)\n"
      "local before = host.monotonic()\n"
      "host.each({1, 2, 3, 4, 5, 6, 7, 8}, function() host.sleep(300) end)\n"
      "assert(host.monotonic() - before < 8 * 300)\n"
      "raises('at least 1', host.each, {1}, print, 0) raises('table expected', host.each, 5, print)");
}

static void one_that_throws_ends_the_rest(void **state) {
  (void)state;
  run("local begun, ended = 0, 0\n"
      "raises('second', host.each, {1, 2, 3, 4, 5, 6}, function(n)\n"
      "  begun = begun + 1\n"
      "  if n == 2 then host.sleep(1) error 'second' end\n"
      "  host.sleep(50) ended = ended + 1\n"
      "end, 2)\n"
      "same(begun, 2) same(ended, 1)\n"
      "raises('first', host.each, {1, 2}, function() error 'first' end)");
}

static void time_is_told_and_passes(void **state) {
  (void)state;
  run("assert(host.now() > 1700000000000) same(math.type(host.now()), 'integer')\n"
      "local before = host.monotonic() host.sleep(30) assert(host.monotonic() - before >= 29)\n"
      "host.sleep(0) host.sleep(-1) raises('number expected', host.sleep)");
}

static void it_speaks_to_the_house(void **state) {
  (void)state;
  char text[4096];
  run("host.log('warn', 'all 100% full') host.log('info', 'fine')\n"
      "raises(\"invalid option 'loud'\", host.log, 'loud', 'x') raises('string expected', host.log, 'info', "
      "{})\n"
      "host.changed '4711' raises('string expected', host.changed)\n"
      "same(host.directory 'plugin', '/plug-ins') same(host.directory 'state', folder)\n"
      "raises('state or plugin', host.directory, 'home')");
  assert_string_equal(changed_id, "4711");
  ssize_t size = pread(log_to.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  assert_non_null(strstr(text, "all 100% full"));
  assert_non_null(strstr(text, "cluster"));
}

static void it_has_files(void **state) {
  (void)state;
  run("local path = folder .. '/kept'\n"
      "same(host.fs.write(path, 'a\\0b'), true) same(host.fs.read(path), 'a\\0b')\n"
      "same(host.fs.write(path, ''), true) same(host.fs.read(path), '')\n"
      "local got, why = host.fs.read(folder .. '/absent') same(got, nil) assert(why:find('absent', 1, "
      "true))\n"
      "got, why = host.fs.write(folder .. '/no/file', 'x') same(got, nil) assert(why:find('no/file', 1, "
      "true))\n"
      "raises('string expected', host.fs.read) raises('string expected', host.fs.write, path)");
  struct stat info;
  assert_int_equal(stat(PATH_OF(folder, "kept"), &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
}

/* --- the instance --- */

static int l_keep(lua_State *L) {
  lua_settop(L, 2);
  orr_plugin_host_keep(&host, L);
  lua_settop(L, 1);
  return 1;
}

static void an_instance_has_the_services(void **state) {
  (void)state;
  lua_register(orr_script_state(script), "keep", l_keep);
  run("local self = keep({honours = {cores = 3, fields = {'script'}}, now = 'mine'}, host)\n"
      "same(self.sleep, host.sleep) same(self.fs, host.fs) same(self.now, 'mine')\n"
      "local class = {} local own = keep(setmetatable({}, class))\n"
      "same(getmetatable(own), class) same(own.sleep, nil)\n" /* one with a class has what it took itself */
      "raises('a function has no place', keep, {honours = {f = print}})\n"
      "same(keep({honours = 5}).honours, 5)");
}

static void what_it_honours_is_noted(void **state) {
  (void)state;
  lua_register(orr_script_state(script), "keep", l_keep);
  run("keep {honours = {cores = 3, fields = {'script'}}}");
  assert_int_equal(orrery_int(orrery_get(host.honours, "cores"), 0), 3);
  assert_string_equal(orrery_text(orrery_at(orrery_get(host.honours, "fields"), 0), NULL, ""), "script");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_command_runs),
      TEST(what_cannot_run_is_told),
      TEST(little_of_the_environment_is_passed_on),
      TEST(many_commands_run_one_after_the_other),
      TEST(items_are_done_side_by_side),
      TEST(one_that_throws_ends_the_rest),
      TEST(time_is_told_and_passes),
      TEST(it_speaks_to_the_house),
      TEST(it_has_files),
      TEST(an_instance_has_the_services),
      TEST(what_it_honours_is_noted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
