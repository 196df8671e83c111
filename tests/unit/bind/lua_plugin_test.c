/* Plug-ins in Lua, behind the operations that C plug-ins have: those that work, and those that work against us. */
#include "../sched/errand.h"
#include "bind/plugin.h"

#include <pthread.h>
#include <signal.h>

static char folder[FOLDER_ROOM];
static struct orr_log log_to;
static struct orr_plugin_loading loading;
static struct orr_loop *home;
static pthread_t home_thread;
static struct orr_resource *resource;

static struct {
  sem_t word;
  struct orr_err err;
  struct orr_buf honours;
  const struct orr_plugin *plugin;
} opened;

static void hear_opened(struct orr_message *message) {
  struct orr_opened *word = (struct orr_opened *)message;
  opened.err = word->err;
  opened.plugin = word->plugin;
  orr_json_put(&opened.honours, word->honours);
  free(word);
  sem_post(&opened.word);
}

static void hear_changed(struct orr_message *message) { free(message); }

static void *live_at_home(void *loop) {
  orr_loop_run(loop);
  return NULL;
}

static int start(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN); /* as the server does */
  folder_make(folder);
  log_to =
      (struct orr_log){.fd = open(PATH_OF(folder, "log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  loading = (struct orr_plugin_loading){.log = &log_to, .watchdog = orr_watchdog_start(NULL)};
  memset(&opened, 0, sizeof opened);
  sem_init(&opened.word, 0, 0);
  home = orr_loop_create(NULL);
  return pthread_create(&home_thread, NULL, live_at_home, home);
}

static int stop(void **state) {
  (void)state;
  if (resource) assert_true(orr_resource_stop(resource, 20000));
  resource = NULL;
  orr_loop_stop(home);
  pthread_join(home_thread, NULL);
  orr_loop_destroy(home);
  orr_watchdog_stop(loading.watchdog);
  orr_buf_free(&opened.honours);
  close(log_to.fd);
  folder_remove(folder);
  return 0;
}

static void begin(const char *path) {
  struct orr_resource_options options = {.name = "cluster",
                                         .path = path,
                                         .state_directory = folder,
                                         .log = &log_to,
                                         .load = orr_plugin_load_any,
                                         .load_data = &loading,
                                         .home = home,
                                         .opened = hear_opened,
                                         .changed = hear_changed};
  resource = orr_resource_start(&options, NULL);
  await(&opened.word);
}

/* What every plug-in has, before the rest. */
#define REST                                                                                                 \
  "local plugin = {} local function nothing() end "                                                          \
  "plugin.open = function() return {} end "                                                                  \
  "plugin.submit, plugin.monitor, plugin.cancel, plugin.find = nothing, nothing, nothing, nothing "

static void begin_text(const char *text) {
  write_file(folder, "test.lua", text);
  begin(PATH_OF(folder, "test.lua"));
}

static void begin_well(const char *text) {
  begin_text(text);
  if (opened.err.code) fail_msg("%s", opened.err.text);
}

static void refuse(const char *text, const char *why) {
  begin_text(text);
  assert_int_not_equal(opened.err.code, ORR_OK);
  if (!strstr(opened.err.text, why)) fail_msg("%s", opened.err.text);
  assert_true(orr_resource_stop(resource, 20000));
  resource = NULL;
}

static void call(struct errand *it, enum orr_verb verb, const char *request) {
  orr_resource_call(resource, errand_call(it, home, verb, request, 20000));
}

/* Calls a verb about two items; what was reported. */
static const char *do_verb(struct errand *it, enum orr_verb verb) {
  call(it, verb, "{\"items\":[{\"tag\":\"a\"},{\"tag\":\"b\"}],\"name\":\"TERM\"}");
  errand_wait(it);
  return errand_said(it);
}

static const char *logged(void) {
  static char text[16384];
  ssize_t size = pread(log_to.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  return text;
}

/* --- those that work --- */

static void one_opens_and_works(void **state) {
  (void)state;
  struct errand it;
  begin_well(
      "local plugin = {version = '2.5'} "
      "function plugin.open(config, host) return {n = 0, honours = {cores = 4, fields = {'script'}}} end "
      "function plugin.submit(self, items, report) "
      "  for i, item in ipairs(items) do self.n = self.n + 1 report(i, {native_id = item.tag .. self.n}) end "
      "end "
      "function plugin.signal(self, items, report, call) report(2, {said = call.name}) end "
      "function plugin.monitor() end plugin.cancel, plugin.find = plugin.monitor, plugin.monitor "
      "return plugin");
  assert_string_equal(opened.plugin->language, "Lua");
  assert_string_equal(opened.plugin->name, "test");
  assert_string_equal(opened.plugin->version, "2.5");
  assert_true(orr_plugin_has(opened.plugin, ORR_SIGNAL));
  assert_false(orr_plugin_has(opened.plugin, ORR_HOLD));
  assert_non_null(strstr(orr_buf_text(&opened.honours), "\"fields\":[\"script\"]"));
  assert_non_null(strstr(orr_buf_text(&opened.honours), "\"cores\":4"));
  assert_string_equal(do_verb(&it, ORR_SUBMIT), "0 {\"native_id\":\"a1\"}\n1 {\"native_id\":\"b2\"}\n");
  errand_forget(&it);
  assert_string_equal(do_verb(&it, ORR_SIGNAL), "1 {\"said\":\"TERM\"}\n");
  errand_forget(&it);
  assert_string_equal(do_verb(&it, ORR_HOLD), "");
  assert_int_equal(it.failure.code, ORR_NOT_FOUND);
  errand_forget(&it);
}

static void calls_run_one_at_a_time(void **state) {
  (void)state;
  enum { CALLS = 5 };
  struct errand its[CALLS];
  begin_well(REST "plugin.open = function(_, host) return {busy = false, sleep = host.sleep} end "
                  "function plugin.submit(self, items, report) "
                  "  report(1, {alone = not self.busy}) self.busy = true self.sleep(10) self.busy = false "
                  "end return plugin");
  for (int i = 0; i < CALLS; i++) call(&its[i], ORR_SUBMIT, "{\"items\":[{}]}");
  for (int i = 0; i < CALLS; i++) {
    errand_wait(&its[i]);
    assert_string_equal(errand_said(&its[i]), "0 {\"alone\":true}\n");
    errand_forget(&its[i]);
  }
}

static void open_may_wait(void **state) {
  (void)state;
  struct errand it;
  begin_well(
      REST "plugin.open = function(_, host) host.sleep(20) return {honours = {cores = 7}} end return plugin");
  assert_string_equal(orr_buf_text(&opened.honours), "{\"cores\":7}");
  do_verb(&it, ORR_FIND);
  assert_int_equal(it.failure.code, ORR_OK);
  errand_forget(&it);
}

static void close_is_called_at_the_end(void **state) {
  (void)state;
  begin_well(REST
             "plugin.open = function(_, host) return {host = host} end "
             "function plugin.close(self) "
             "  self.host.fs.write(self.host.directory 'state' .. '/closed', 'x') self.host.sleep(3600000) "
             "end return plugin");
  assert_true(orr_resource_stop(resource, 20000)); /* and not waited for */
  resource = NULL;
  assert_true(is_there(folder, "closed"));
  begin_well(REST "function plugin.close(self) error('I stay') end return plugin");
  assert_true(orr_resource_stop(resource, 20000));
  resource = NULL;
  assert_non_null(strstr(logged(), "I stay"));
}

/* What a command leaves behind may yet do what the command was to do: for submit, that makes "absent" no answer. */
static void nothing_is_absent_that_may_yet_be_submitted(void **state) {
  (void)state;
  struct errand it;
  begin_well(
      REST "function plugin.submit(self) self.exec {'/bin/sh', '-c', 'exec <&- >&- 2>&-; sleep 1000 &'} end "
           "function plugin.hold(self) self.exec {'/bin/sh', '-c', 'exec <&- >&- 2>&-; sleep 2 &'} end "
           "function plugin.find(self, items, report) "
           "  for i in ipairs(items) do report(i, {answer = 'absent'}) end "
           "end return plugin");
  do_verb(&it, ORR_HOLD);
  errand_forget(&it);
  assert_string_equal(do_verb(&it, ORR_FIND), "0 {\"answer\":\"absent\"}\n1 {\"answer\":\"absent\"}\n");
  errand_forget(&it);
  do_verb(&it, ORR_SUBMIT);
  errand_forget(&it);
  assert_string_equal(do_verb(&it, ORR_FIND), "0 {\"answer\":\"unknown\"}\n1 {\"answer\":\"unknown\"}\n");
  assert_int_equal(it.failure.code, ORR_OK);
  assert_non_null(strstr(logged(), "killed commands"));
  bool absent = false;
  for (int i = 0; i < 10000 && !absent; i++) {
    errand_forget(&it);
    absent = strstr(do_verb(&it, ORR_FIND), "absent") != NULL;
  }
  assert_true(absent);
  errand_forget(&it);
}

/* Verbs may be inherited, as long as looking them up fails politely. */
static void verbs_may_be_inherited(void **state) {
  (void)state;
  struct errand it;
  begin_well(REST "plugin.find = function(_, items, report) report(1, {answer = 'absent'}) end "
                  "return setmetatable({}, {__index = plugin})");
  assert_string_equal(do_verb(&it, ORR_FIND), "0 {\"answer\":\"absent\"}\n");
  errand_forget(&it);
}

/* --- those that do not load or open --- */

/* Modules lie beside the plug-in, or beside the bundled ones; they run once, each with globals of its own. */
static void one_of_several_files_works(void **state) {
  (void)state;
  struct errand it;
  char bundled[FOLDER_ROOM];
  folder_make(bundled);
  loading.bundled = bundled;
  assert_int_equal(mkdir(PATH_OF(folder, "test"), 0700), 0);
  write_file(folder, "test/words.lua",
             "loads = (loads or 0) + 1 local common = require 'common' return {said = common .. loads}");
  write_file(folder, "common.lua", "return 'own'");
  write_file(bundled, "common.lua", "return 'bundled'");
  write_file(bundled, "further.lua", "return {text = require('common') .. tostring(loads)}");
  begin_well(REST "local words = require 'test.words' require 'test.words' "
                  "plugin.submit = function(_, _, report) "
                  "  report(1, {said = words.said}) report(2, {said = require('further').text}) end "
                  "return plugin");
  assert_string_equal(do_verb(&it, ORR_SUBMIT), "0 {\"said\":\"own1\"}\n1 {\"said\":\"ownnil\"}\n");
  errand_forget(&it);
  folder_remove(bundled);
}

static void modules_that_are_none_say_why(void **state) {
  (void)state;
  refuse("require 'nowhere'", "there is no module nowhere beside the plug-in");
  refuse("require '../secret'", "letters, digits and _");
  refuse("require '/etc/passwd'", "letters, digits and _");
  refuse("require 'a..b'", "letters, digits and _");
  write_file(folder, "ring.lua", "return require 'ring'");
  refuse("require 'ring'", "module ring requires itself");
  write_file(folder, "broken.lua", "return )");
  refuse("require 'broken'", "broken.lua:1:");
  write_file(folder, "empty.lua", "");
  refuse("require 'empty'", "module empty returns nothing");
}

static void what_does_not_load_says_why(void **state) {
  (void)state;
  refuse("return {", "test.lua:1:");
  refuse("error 'not today'", "not today");
  refuse("error(setmetatable({}, {__tostring = function() error 'x' end}))", "");
  refuse("return 5", "returns no table of verbs");
  refuse("", "returns no table of verbs");
  refuse("return {}", "lacks the required verb open");
  refuse(REST "plugin.cancel = 'x' return plugin", "lacks the required verb cancel");
  refuse(REST "return setmetatable(plugin, {__index = function(_, name) error('no field ' .. name) end})",
         "no field suspend");
  begin(PATH_OF(folder, "absent.lua"));
  assert_non_null(strstr(opened.err.text, "absent.lua"));
}

static void what_does_not_open_says_why(void **state) {
  (void)state;
  refuse(REST "plugin.open = function() return nil, 'no scheduler here' end return plugin",
         "no scheduler here");
  refuse(REST "plugin.open = function() end return plugin", "neither an instance nor a reason");
  refuse(REST "plugin.open = function() return nil, {} end return plugin",
         "neither an instance nor a reason");
  refuse(REST "plugin.open = function() error 'a bug' end return plugin", "a bug");
  refuse(REST "plugin.open = function() error {} end return plugin", "threw what is no text");
  refuse(REST "plugin.open = function() error(setmetatable({}, {__tostring = error})) end return plugin",
         "threw what is no text");
  refuse(REST "plugin.open = function() return {honours = {print = pcall}} end return plugin",
         "a function has no place");
  refuse(REST "plugin.open = function() return {honours = {[5] = 1}} end return plugin",
         "a map's key is a number");
  refuse(REST "local strict = {__index = function(_, name) error('no field ' .. name) end} "
              "plugin.open = function() return setmetatable({}, strict) end return plugin",
         "no field honours");
}

/* --- those that fail in a verb --- */

static void expect_verb_failure(const char *body, int code, const char *why) {
  struct errand it;
  char text[2000];
  snprintf(text, sizeof text,
           REST "plugin.submit = function(self, items, report) %s end "
                "plugin.find = function(_, items, report) report(1, {answer = 'absent'}) end "
                "return plugin",
           body);
  begin_well(text);
  do_verb(&it, ORR_SUBMIT);
  assert_int_equal(it.failure.code, code);
  if (!strstr(it.failure.text, why)) fail_msg("%s", it.failure.text);
  assert_string_equal(errand_said(&it), "0 {\"native_id\":\"1\"}\n"); /* what was said before counts */
  assert_non_null(strstr(logged(), "plug-in failed"));
  errand_forget(&it);
  do_verb(&it, ORR_FIND); /* and it serves on */
  assert_int_equal(it.failure.code, ORR_OK);
  assert_int_equal(it.reports, 1);
  errand_forget(&it);
  assert_true(orr_resource_stop(resource, 20000));
  resource = NULL;
}

#define SAY_ONE "report(1, {native_id = '1'}) "

static void a_failing_verb_says_why(void **state) {
  (void)state;
  expect_verb_failure(SAY_ONE "error 'a bug'", ORR_INTERNAL, "a bug");
  expect_verb_failure(SAY_ONE "error(setmetatable({}, {__tostring = error}))", ORR_INTERNAL,
                      "threw what is no text");
  expect_verb_failure(SAY_ONE "report(2, {native_id = print or pcall})", ORR_INTERNAL,
                      "a function has no place");
  expect_verb_failure(SAY_ONE "local t = {} t.t = t report(2, t)", ORR_INTERNAL, "nested deeper");
  expect_verb_failure(SAY_ONE "local t = {1} for _ = 1, 30 do t = {t, t} end report(2, {t = t})",
                      ORR_INTERNAL, "too large");
  expect_verb_failure(SAY_ONE
                      "local s, t = ('x'):rep(1 << 20), {} for i = 1, 100 do t[i] = s end report(2, {t = t})",
                      ORR_INTERNAL, "too large");
  expect_verb_failure(SAY_ONE "report(2, 'x')", ORR_INTERNAL, "table expected");
  expect_verb_failure(SAY_ONE "report({}, {})", ORR_INTERNAL, "number expected");
}

static void nonsense_in_reports_is_dropped(void **state) {
  (void)state;
  struct errand it;
  begin_well(REST "plugin.submit = function(self, items, report) "
                  "  report(1, {a = 1}) report(1, {a = 2}) report(0, {}) report(3, {}) report(-1, {}) "
                  "  report(math.mininteger, {}) report(2, {1, 2}) "
                  "end return plugin");
  assert_string_equal(do_verb(&it, ORR_SUBMIT), "0 {\"a\":1}\n1 [1,2]\n");
  assert_int_equal(it.failure.code, ORR_OK);
  errand_forget(&it);
}

/* `report` is kept, and used when its call is long over. */
static void a_late_report_is_refused(void **state) {
  (void)state;
  struct errand it;
  begin_well(REST "local kept plugin.submit = function(_, _, report) kept = report end "
                  "plugin.find = function(_, _, report) "
                  "  local ok, why = pcall(kept, 1, {}) report(1, {text = tostring(ok) .. ': ' .. why}) "
                  "end return plugin");
  do_verb(&it, ORR_SUBMIT);
  errand_forget(&it);
  assert_string_equal(do_verb(&it, ORR_FIND), "0 {\"text\":\"false: this call is over\"}\n");
  errand_forget(&it);
}

static void too_much_memory_is_a_failure(void **state) {
  (void)state;
  expect_verb_failure(SAY_ONE "return ('x'):rep(300000000)", ORR_INTERNAL, "not enough memory");
}

/* --- the end --- */

static void calls_under_way_come_home(void **state) {
  (void)state;
  struct errand its[3];
  begin_well(REST "plugin.open = function(_, host) return {sleep = host.sleep} end "
                  "plugin.submit = function(self, items, report) " SAY_ONE
                  "self.sleep(3600000) end return plugin");
  for (int i = 0; i < 3; i++) call(&its[i], ORR_SUBMIT, "{\"items\":[{}]}");
  usleep(20000);
  assert_true(orr_resource_stop(resource, 20000)); /* the sleeper does not delay it */
  resource = NULL;
  for (int i = 0; i < 3; i++) {
    errand_wait(&its[i]);
    assert_int_equal(its[i].failure.code,
                     i ? ORR_UNAVAILABLE : ORR_INTERNAL); /* the first may have had its effect */
    assert_int_equal(its[i].reports, i == 0);
    errand_forget(&its[i]);
  }
}

/* A command that still runs is killed with it. */
static void commands_under_way_end(void **state) {
  (void)state;
  struct errand it;
  begin_well(REST "plugin.open = function(_, host) return {exec = host.exec} end "
                  "plugin.submit = function(self) self.exec({'/bin/sleep', '1000'}, {timeout = 3600000}) end "
                  "return plugin");
  call(&it, ORR_SUBMIT, "{\"items\":[{}]}");
  usleep(50000);
  assert_true(orr_resource_stop(resource, 20000));
  resource = NULL;
  errand_wait(&it);
  assert_int_equal(it.failure.code, ORR_INTERNAL);
  errand_forget(&it);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(one_opens_and_works),
      TEST(calls_run_one_at_a_time),
      TEST(open_may_wait),
      TEST(close_is_called_at_the_end),
      TEST(nothing_is_absent_that_may_yet_be_submitted),
      TEST(verbs_may_be_inherited),
      TEST(one_of_several_files_works),
      TEST(modules_that_are_none_say_why),
      TEST(what_does_not_load_says_why),
      TEST(what_does_not_open_says_why),
      TEST(a_failing_verb_says_why),
      TEST(nonsense_in_reports_is_dropped),
      TEST(a_late_report_is_refused),
      TEST(too_much_memory_is_a_failure),
      TEST(calls_under_way_come_home),
      TEST(commands_under_way_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
