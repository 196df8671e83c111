/* house.resources: resource workers and their calls, as the control worker's Lua has them. The plug-ins are those of
   the tests. */
#include "house.h"

/* Calls a verb and gathers all that comes of it. */
#define GATHER                                                                                               \
  "local function gather(call)\n"                                                                            \
  "  local all = {}\n"                                                                                       \
  "  while true do\n"                                                                                        \
  "    local some, code, text = call:next()\n"                                                               \
  "    if not some then return all, code, text end\n"                                                        \
  "    for i, report in pairs(some) do same(all[i], nil) all[i] = report end\n"                              \
  "  end\n"                                                                                                  \
  "end\n"                                                                                                    \
  "local function job(keys) return {tag = 't' .. ids.new(), attributes = {custom_attributes = keys or {}}} " \
  "end\n"

LUA_TEST(
    plug_ins_are_found,
    "assert(plugins.find 'fake':find '/fake.so$') assert(plugins.find 'stubborn':find '/stubborn.lua$')\n"
    "refused('not_found', 'no scheduler plug-in absent', plugins.find 'absent')\n"
    "refused('invalid', 'is no name', plugins.find '../fake')\n"
    "local all = plugins.list()\n"
    "for _, name in ipairs {'fake', 'stubborn', 'hangs'} do same(all[name], plugins.find(name)) end\n"
    "same(all.absent, nil) same(all.CMakeLists, nil) same(all.fake_job, nil)")

LUA_TEST(one_starts_and_tells_what_it_is,
         "local info = assert(resources.start('cluster', 'fake', {cores = 5}))\n"
         "same(info.name, 'fake') same(info.version, '1') same(info.language, 'C') same(info.abi, '1.0')\n"
         "same(info.honours.cores, 5) same(info.verbs.submit, true) same(info.verbs.estimate, true) "
         "same(info.verbs.open, nil)\n"
         "assert(info.path:find '/fake.so$') same(json.is_list(info.honours.fields), true)\n"
         "local lua = assert(resources.start('other', 'stubborn', {}))\n"
         "same(lua.language, 'Lua') same(lua.name, 'stubborn') same(lua.verbs.hold, nil)\n"
         "same(resources.stop('cluster', 5000), true) same(resources.stop('cluster'), true) "
         "same(resources.stop 'none', true)\n"
         "same(resources.start('cluster', 'fake', {cores = 6}).honours.cores, 6)")

/* The worker's word that it has opened is on its way when it is stopped: it must not be taken for the next one's. */
LUA_TEST(one_is_stopped_before_it_is_heard,
         "local first = {}\n"
         "task.spawn(function() first = {resources.start('r', 'fake', {cores = 5})} end)\n"
         "local until_ms = clock.monotonic() + 200\n"
         "while clock.monotonic() < until_ms do end\n" /* nothing is delivered meanwhile */
         "same(resources.stop('r', 5000), true)\n"
         "same(resources.start('r', 'fake', {cores = 6}).honours.cores, 6)\n"
         "refused('unavailable', 'stopped while it started', table.unpack(first, 1, 3))")

LUA_TEST(one_that_cannot_start_says_why,
         "refused('invalid', 'the licence', resources.start('r', 'open_fails', {}))\n"
         "refused('invalid', 'I will not load', resources.start('r', 'throws_at_load', {}))\n"
         "refused('invalid', 'ABI 2.0', resources.start('r', 'bad_abi', {}))\n"
         "refused('not_found', 'absent', resources.start('r', 'absent', {}))\n"
         "refused('unavailable', 'r is not running', resources.call('r', 'submit', {items = {}}, 1000))\n"
         "assert(resources.start('r', 'fake', {}))\n" /* and the name is free */
         "raises('table expected', resources.start, 'q', 'fake') raises('a function has no place', "
         "resources.start, 'q', 'fake', {print})")

LUA_TEST(reports_come_as_they_are_made, GATHER
         "assert(resources.start('cluster', 'fake', {}))\n"
         "local items = {job(), job {submit_error = 'busy'}, job {submit_delay_ms = 50}}\n"
         "local call = resources.call('cluster', 'submit', {items = items}, 10000)\n"
         "local first = call:next() assert(first[1] and not first[3])\n" /* before the verb is over */
         "local rest, code = gather(call)\n"
         "for i, report in pairs(rest) do first[i] = report end\n"
         "same(code, 'ok') same(first[1].native_id, '1') same(first[2].error.class, 'busy') "
         "same(first[3].native_id, '2')\n"
         "same(select(2, call:next()), 'ok')\n" /* the end stays the end */
         "local refs = {{native_id = '1', tag = items[1].tag}, {native_id = '99', tag = 'x'}}\n"
         "local reports = gather(resources.call('cluster', 'monitor', {items = refs}, 10000))\n"
         "same(reports[1].state, 'COMPLETED') same(reports[1].final, true) same(reports[2].absent, true)\n"
         "raises('not a verb', resources.call, 'cluster', 'open', {items = {}}, 1000)\n"
         "raises('a function has no place', resources.call, 'cluster', 'submit', {items = {print}}, 1000)\n"
         "raises('number expected', resources.call, 'cluster', 'submit', {items = {}})")

/* What is committed of them would else be one commit for each. */
LUA_TEST(
    reports_wait_a_moment_for_others,
    "assert(resources.start('cluster', 'fake', {}))\n"
    "local items, began, reports, crowds = {}, clock.monotonic(), 0, 0\n"
    "for i = 1, 50 do items[i] = {tag = 't' .. i, attributes = {custom_attributes = {submit_delay_ms = 1}}} "
    "end\n"
    "local call = resources.call('cluster', 'submit', {items = items}, 60000)\n"
    "for some in function() return (call:next()) end do\n"
    "  crowds = crowds + 1\n"
    "  for _ in pairs(some) do reports = reports + 1 end\n"
    "end\n"
    "same(reports, 50) assert(crowds <= (clock.monotonic() - began) / 19 + 2, crowds)")

LUA_TEST(
    many_calls_are_under_way, GATHER
    "assert(resources.start('cluster', 'fake', {}))\n"
    "local done = 0\n"
    "for i = 1, 50 do\n"
    "  task.spawn(function()\n"
    "    local reports, code = gather(resources.call('cluster', 'submit', {items = {job(), job()}}, 60000))\n"
    "    same(code, 'ok') assert(reports[1].native_id and reports[2].native_id) done = done + 1\n"
    "  end)\n"
    "end\n"
    "while done < 50 do task.sleep(1) end")

LUA_TEST(a_verb_it_lacks_comes_back, GATHER
         "assert(resources.start('r', 'stubborn', {}))\n"
         "local reports, code, text = gather(resources.call('r', 'hold', {items = {{}}}, 1000))\n"
         "same(next(reports), nil) same(code, 'not_found') assert(text:find 'does not have this verb')")

/* Nobody waits for one that hangs longer than for its deadline and a moment more. */
static void one_that_hangs_is_given_up(void **state) {
  struct rig *rig = *state;
  rig_lua(
      rig, GATHER
      "assert(resources.start('r', 'fake', {hang_ms = {submit = 2500}}))\n"
      "local reports, code, text = gather(resources.call('r', 'submit', {items = {job()}}, 50))\n"
      "same(code, 'timeout') assert(text:find 'did not answer in time') same(next(reports), nil)\n"
      "refused('unavailable', 'hangs in an earlier call', resources.call('r', 'monitor', {items = {}}, "
      "1000))\n"
      "while not resources.call('r', 'monitor', {items = {}}, 5000) do task.sleep(10) end\n" /* it comes back */
      "same(select(2, gather(resources.call('r', 'monitor', {items = {}}, 5000))), 'ok')");
}

LUA_TEST(a_call_may_be_forgotten,
         "assert(resources.start('r', 'fake', {hang_ms = {submit = 30}}))\n"
         "for i = 1, 5 do resources.call('r', 'submit', {items = {{tag = 'a'}, {tag = 'b'}}}, 5000) end\n"
         "collectgarbage() collectgarbage() task.sleep(300) collectgarbage()\n"
         "assert(resources.call('r', 'monitor', {items = {}}, 5000):next() == nil)")

/* One that runs comes to its end, if it does not hang; one that waits for its turn may come back undone. */
LUA_TEST(calls_end_with_their_resource, GATHER
         "assert(resources.start('r', 'fake', {hang_ms = {submit = 100}}))\n"
         "local one = resources.call('r', 'submit', {items = {job()}}, 5000) task.sleep(20)\n"
         "local two = resources.call('r', 'submit', {items = {job()}}, 5000)\n"
         "same(resources.stop('r', 5000), true)\n"
         "local reports, code = gather(one) same(code, 'ok') same(reports[1].native_id, '1')\n"
         "same(select(2, gather(two)), 'unavailable')\n"
         "refused('unavailable', 'r is not running', resources.call('r', 'submit', {items = {}}, 1000))")

static void the_end_does_not_wait_for_calls(void **state) {
  rig_lua(*state, GATHER
          "assert(resources.start('r', 'fake', {hang_ms = {submit = 50}}))\n"
          "for i = 1, 3 do task.spawn(gather, resources.call('r', 'submit', {items = {job()}}, 60000)) end");
}

/* Makes a plug-in of a test's own the only one. `verbs`: open, find and what they need. */
static void write_plugin(struct rig *rig, const char *name, const char *verbs) {
  char text[1024];
  snprintf(text, sizeof text,
           "local function nothing() end return {submit = nothing, monitor = nothing, cancel = nothing, %s}",
           verbs);
  write_file(rig->place.folder, name, text);
  orr_resources_destroy(rig->house.resources);
  rig->house.resources =
      orr_resources_create(rig->loop, &rig->loading, rig->house.transports, rig->place.folder,
                           PATH_OF(rig->place.folder, "state"));
}

/* The end waits once more for one that was left behind: it would find nothing of the house any more. */
static void one_that_was_left_behind_may_yet_end(void **state) {
  write_plugin(
      *state, "slow.lua",
      "find = nothing, open = function() return {} end, "
      "close = function(self) local over = self.monotonic() + 300 while self.monotonic() < over do end end");
  rig_lua(*state, "assert(resources.start('r', 'slow', {})) same(resources.stop('r', 20), false)\n"
                  "assert(resources.start('r', 'slow', {})) same(resources.stop('r', 5000), true)\n"
                  "assert(resources.start('r', 'slow', {})) same(resources.stop('r', 20), false)");
}

/* What waits for it is told, although the plug-in never comes to an end. */
static void one_is_stopped_while_it_opens(void **state) {
  write_plugin(*state, "sleepy.lua",
               "find = nothing, open = function(config, host) host.sleep(config.ms) return {} end");
  rig_lua(*state, "local first = {}\n"
                  "task.spawn(function() first = {resources.start('r', 'sleepy', {ms = 3600000})} end)\n"
                  "task.sleep(20)\n"
                  "refused('conflict', 'r is being started', resources.start('r', 'sleepy', {ms = 1}))\n"
                  "same(resources.stop('r', 5000), true)\n"
                  "assert(resources.start('r', 'sleepy', {ms = 1}))\n"
                  "refused('unavailable', 'stopped while it started', table.unpack(first, 1, 3))");
}

/* It is left behind, and nobody waits for it; but only so many threads are given to one that hangs each time. */
static void one_that_hangs_while_it_opens_is_given_up(void **state) {
  write_plugin(
      *state, "slow.lua",
      "find = nothing, open = function(config, host) "
      "local over = host.monotonic() + config.ms while host.monotonic() < over do end return {} end");
  rig_lua(*state, "for i = 1, 4 do refused('timeout', 'hangs in open', resources.start('r', 'slow', {ms = "
                  "4500}, 10)) end\n"
                  "refused('unavailable', '4 earlier starts of the plug-in hang', resources.start('r', "
                  "'slow', {ms = 1}))\n"
                  "assert(resources.start('other', 'slow', {ms = 1}))\n"
                  "while not resources.start('r', 'slow', {ms = 1}) do task.sleep(50) end");
}

/* --- one beside another --- */

static void one_is_opened_beside_another(void **state) {
  write_plugin(
      *state, "plain.lua",
      "open = function(config) if config.bad then error 'bad' end return {honours = {cores = config.cores}, "
      "cores = config.cores} end, find = function(self, _, report) report(1, {cores = self.cores}) end");
  rig_lua(
      *state, GATHER
      "local function cores() return gather(resources.call('r', 'find', {items = {{}}}, 5000))[1].cores end\n"
      "assert(resources.start('r', 'plain', {cores = 1}))\n"
      "same(resources.take 'r', true) same(cores(), 1)\n" /* there is none beside */
      "same(resources.start('r', 'plain', {cores = 2}).honours.cores, 2) same(cores(), 1)\n"
      "refused('conflict', 'being started', resources.start('r', 'plain', {cores = 3}))\n"
      "same(resources.take 'r', true) same(cores(), 2)\n"
      "refused('invalid', 'bad', resources.start('r', 'plain', {bad = true})) same(cores(), 2)\n"
      "assert(resources.start('r', 'plain', {cores = 3})) same(resources.drop 'r', true) same(cores(), 2)\n"
      "assert(resources.start('r', 'plain', {cores = 4})) same(resources.stop 'r', true)\n"
      "refused('unavailable', 'not running', resources.call('r', 'find', {items = {}}, 1))\n"
      "assert(resources.start('r', 'plain', {cores = 5})) same(resources.drop 'r', true)\n"
      "refused('unavailable', 'not running', resources.call('r', 'find', {items = {}}, 1))");
}

LUA_TEST(one_is_forgotten,
         "for i = 1, 50 do\n"
         "  assert(resources.start('r' .. i, 'stubborn', {})) resources.poke('r' .. i) resources.forget('r' "
         ".. i)\n"
         "  refused('unavailable', 'not running', resources.call('r' .. i, 'find', {items = {}}, 1))\n"
         "end\n"
         "resources.forget 'never' same(#resources.changed('r1', 1), 0)\n"
         "task.spawn(resources.changed, 'r2', 3600000)\n"
         "raises('somebody waits', resources.forget, 'r2')")

/* --- changes --- */

/* It says what changed, when it is asked to find it. */
static void write_teller(struct rig *rig) {
  write_plugin(rig, "teller.lua",
               "open = function() return {} end,\n"
               "find = function(self, items) for _, item in ipairs(items) do self.changed(item.tag) end end");
}

static void what_changes_is_heard(void **state) {
  write_teller(*state);
  rig_lua(*state, "assert(resources.start('r', 'teller', {}))\n"
                  "task.spawn(function()\n"
                  "  task.sleep(20) resources.call('r', 'find', {items = {{tag = '7'}, {tag = '8'}}}, 5000)\n"
                  "end)\n"
                  "local ids = resources.changed('r', 60000)\n" /* both, for it waits a moment for more */
                  "same(#ids, 2) same(ids[1], '7') same(ids[2], '8')\n"
                  "local before = clock.monotonic()\n"
                  "same(#resources.changed('r', 30), 0) assert(clock.monotonic() - before >= 29)\n"
                  "resources.call('r', 'find', {items = {{tag = '9'}}}, 5000):next()\n"
                  "same(resources.changed('r', 60000)[1], '9')\n" /* what came when nobody waited is kept */
                  "same(#resources.changed('none', 1), 0)");
}

LUA_TEST(a_poke_ends_the_wait,
         "local before = clock.monotonic()\n"
         "task.spawn(function() task.sleep(10) resources.poke 'r' resources.poke 'r' end)\n"
         "same(#resources.changed('r', 60000), 0)\n"
         "resources.poke 'r' same(#resources.changed('r', 60000), 0)\n" /* one that came before counts once */
         "same(#resources.changed('r', 20), 0)\n"
         "assert(clock.monotonic() - before < 50000)\n"
         "task.spawn(resources.changed, 'r', 3600000)\n" /* the end does not wait for it */
         "raises('somebody waits for its changes already', resources.changed, 'r', 5)")

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(plug_ins_are_found),
      TEST(one_starts_and_tells_what_it_is),
      TEST(one_is_stopped_before_it_is_heard),
      TEST(one_is_stopped_while_it_opens),
      TEST(one_that_was_left_behind_may_yet_end),
      TEST(one_that_cannot_start_says_why),
      TEST(reports_come_as_they_are_made),
      TEST(reports_wait_a_moment_for_others),
      TEST(many_calls_are_under_way),
      TEST(a_verb_it_lacks_comes_back),
      TEST(one_that_hangs_is_given_up),
      TEST(a_call_may_be_forgotten),
      TEST(calls_end_with_their_resource),
      TEST(the_end_does_not_wait_for_calls),
      TEST(one_that_hangs_while_it_opens_is_given_up),
      TEST(one_is_opened_beside_another),
      TEST(one_is_forgotten),
      TEST(what_changes_is_heard),
      TEST(a_poke_ends_the_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
