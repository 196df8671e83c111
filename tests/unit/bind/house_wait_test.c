/* house.task and house.changes: waiting for time to pass, for another task, and for the store to change. */
#include <pthread.h>

#include "house.h"

/* --- house.task --- */

LUA_TEST(sleep_takes_its_time,
         "local before = clock.monotonic() task.sleep(30) assert(clock.monotonic() - before >= 29)\n"
         "task.sleep(0) task.sleep(-5) task.sleep(0.4) raises('number expected', task.sleep)\n"
         "same(select('#', task.sleep(1)), 0)")

LUA_TEST(who_sleeps_less_wakes_first,
         "local order = {}\n"
         "for _, ms in ipairs {40, 10, 25} do\n"
         "  task.spawn(function(a, b) task.sleep(ms) order[#order + 1] = ms .. a .. b end, 'x', 'y')\n"
         "end\n"
         "same(#order, 0) task.sleep(80) same(table.concat(order, ' '), '10xy 25xy 40xy')")

LUA_TEST(who_sleeps_for_no_time_lets_others_go_on,
         "local over = false\n"
         "task.spawn(function()\n"
         "  local change = db.change() change:add(db.statement 'UPDATE account SET money = 0', 2) "
         "assert(change:commit())\n"
         "  over = true\n"
         "end)\n"
         "for _ = 1, 10000 do if over then break end task.sleep(0) end same(over, true)")

static void a_spawned_failure_is_logged(void **state) {
  struct rig *rig = *state;
  char text[4096];
  rig_lua(rig, "task.spawn(error, 'at once') task.spawn(function() task.sleep(1) error 'later' end)\n"
               "task.spawn(error, setmetatable({}, {__tostring = function() error 'stubborn' end}))\n"
               "local ran task.spawn(function() ran = true end) same(ran, true)\n"
               "raises('function expected', task.spawn, 1) task.sleep(20)");
  ssize_t size = pread(rig->place.log.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  assert_non_null(strstr(text, "task failed"));
  assert_non_null(strstr(text, "at once"));
  assert_non_null(strstr(text, "later"));
  assert_non_null(strstr(text, "stack traceback"));
}

static void sleepers_do_not_delay_the_end(void **state) {
  rig_lua(*state, "for _ = 1, 100 do task.spawn(function() task.sleep(3600000) error 'unreachable' end) end");
} /* rig_stop comes back, and nobody is woken */

LUA_TEST(
    a_gate_lets_all_pass_once_it_is_open,
    "local gate, passed = task.gate(), 0\n"
    "for _ = 1, 1000 do task.spawn(function() same(gate:wait(60000), true) passed = passed + 1 end) end\n"
    "task.sleep(5) same(passed, 0) gate:open() same(passed, 0) task.sleep(5) same(passed, 1000)\n"
    "gate:open() same(gate:wait(60000), true) raises('number expected', gate.wait, gate)")

LUA_TEST(who_waits_at_a_closed_gate_goes_in_time,
         "local gate, before, late = task.gate(), clock.monotonic()\n"
         "task.spawn(function() late = gate:wait(60000) end)\n"
         "same(gate:wait(20), false) assert(clock.monotonic() - before >= 19)\n"
         "same(gate:wait(0), false) same(gate:wait(-5), false) gate:open() task.sleep(5) same(late, true)")

LUA_TEST(a_gate_lives_as_long_as_its_waiters,
         "local passed = 0\n"
         "for _ = 1, 10 do task.spawn(function()\n"
         "  if not task.gate():wait(10) then passed = passed + 1 end\n"
         "end) end\n"
         "collectgarbage() collectgarbage() task.sleep(40) same(passed, 10)")

static void gates_do_not_delay_the_end(void **state) {
  rig_lua(*state, "local gate = task.gate()\n"
                  "for _ = 1, 100 do task.spawn(function() gate:wait(3600000) error 'unreachable' end) end");
}

/* --- house.changes --- */

LUA_TEST(a_wait_ends_in_time,
         "local before = clock.monotonic() same(changes.wait(30), false) assert(clock.monotonic() - before "
         ">= 29)\n"
         "same(changes.wait(0), false) same(changes.wait(-5), false) same(changes.ending(), false)")

LUA_TEST(a_commit_wakes_all_who_wait,
         "local woken = 0\n"
         "for _ = 1, 10 do task.spawn(function() same(changes.wait(60000), true) woken = woken + 1 end) end\n"
         "task.spawn(function()\n"
         "  local change = db.change() change:add(db.statement 'UPDATE account SET money = 0', 2) "
         "assert(change:commit())\n"
         "end)\n"
         "same(changes.wait(60000), true) task.sleep(5) same(woken, 10)")

LUA_TEST(who_waits_again_waits_for_the_next,
         "local seen = 0\n"
         "task.spawn(function() while true do if changes.wait(60000) then seen = seen + 1 end end end)\n"
         "for i = 1, 5 do\n"
         "  local change = db.change() change:add(db.statement 'UPDATE account SET money = ?', 2, i) "
         "assert(change:commit())\n"
         "  task.sleep(5)\n"
         "end\n"
         "same(seen, 5)")

/* Whatever the parameters of a commit name is concerned by it; of 400 others, a few may share a bit with it. */
LUA_TEST(
    who_waits_for_a_key_is_woken_for_it,
    "local woken, right = 0, false\n"
    "for key = 1000001, 1000400 do\n"
    "  task.spawn(function() if changes.wait(60000, key) then woken = woken + 1 end end)\n"
    "end\n"
    "task.spawn(function() right = changes.wait(60000, 7000) end)\n"
    "local change = db.change()\n"
    "change:add(db.statement 'INSERT INTO account VALUES (?, ?)', 1, 7000, 8000) assert(change:commit())\n"
    "same(changes.wait(60000, 8000), true) task.sleep(5) same(right, true) assert(woken < 40, woken)\n"
    "change = db.change()\n"
    "change:add_rows(db.statement 'UPDATE account SET money = 0 WHERE id = ?', nil, 1, {1, 1000001, "
    "1000400})\n"
    "local first, last task.spawn(function() first = changes.wait(60000, 1000001) end)\n"
    "task.spawn(function() last = changes.wait(60000, 1000400) end)\n"
    "assert(change:commit()) task.sleep(5) same(first, true) same(last, true)")

LUA_TEST(a_commit_that_failed_concerns_nobody,
         "local seen task.spawn(function() seen = changes.wait(60000, 7000) end)\n"
         "local change = db.change() change:add(db.statement 'UPDATE account SET money = 1 WHERE id = ?', 1, "
         "7000)\n"
         "refused('conflict', '', change:commit())\n"
         "change = db.change() change:add(db.statement 'UPDATE account SET money = 1', 2) "
         "assert(change:commit())\n"
         "task.sleep(5) same(seen, nil)")

static void *announce(void *changes) {
  struct orr_key_set keys = {{0}};
  for (int i = 0; i < 10000; i++) {
    orr_key_set_add(&keys, i);
    orr_changes_announce(changes, &keys);
  }
  return NULL;
}

/* However many commits there are, and from however many threads: none is lost, and few messages are sent. */
static void announcements_run_together(void **state) {
  struct rig *rig = *state;
  pthread_t threads[4];
  rig_begin(
      rig,
      "wakes, keyed = 0, 0 task.spawn(function() while changes.wait(60000) do wakes = wakes + 1 end end)\n"
      "task.spawn(function() while changes.wait(60000, 9999) do keyed = keyed + 1 end end)\n"
      "while wakes == 0 do task.sleep(1) end task.sleep(50)");
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, announce, rig->house.changes);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  orr_loop_run(rig->loop);
  if (*rig->why) fail_msg("%s", rig->why);
  rig_lua(rig, "same(wakes, 1) same(keyed, 1)"); /* all came before the loop looked */
}

static void stir(void *data) {
  struct rig *rig = data;
  orr_changes_stir(rig->house.changes);
}

static void a_stir_wakes_all_and_changes_nothing(void **state) {
  struct rig *rig = *state;
  struct orr_timer *timer = orr_timer_start(rig->loop, 10, 0, stir, rig);
  rig_lua(rig, "local any task.spawn(function() any = changes.wait(60000) end)\n"
               "same(changes.wait(60000, 7), false) same(any, false) same(changes.ending(), false)");
  orr_timer_stop(timer);
}

static void end_it(void *data) {
  struct rig *rig = data;
  orr_changes_end(rig->house.changes);
}

static void the_end_wakes_who_waits(void **state) {
  struct rig *rig = *state;
  struct orr_timer *timer = orr_timer_start(rig->loop, 10, 0, end_it, rig);
  rig_lua(rig, "same(changes.wait(60000, 7), false) same(changes.ending(), true)");
  orr_timer_stop(timer);
}

static void waiters_do_not_delay_the_end(void **state) {
  rig_lua(*state,
          "for _ = 1, 100 do task.spawn(function() changes.wait(3600000) error 'unreachable' end) end");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sleep_takes_its_time),
      TEST(who_sleeps_less_wakes_first),
      TEST(who_sleeps_for_no_time_lets_others_go_on),
      TEST(a_spawned_failure_is_logged),
      TEST(sleepers_do_not_delay_the_end),
      TEST(a_gate_lets_all_pass_once_it_is_open),
      TEST(who_waits_at_a_closed_gate_goes_in_time),
      TEST(a_gate_lives_as_long_as_its_waiters),
      TEST(gates_do_not_delay_the_end),
      TEST(a_wait_ends_in_time),
      TEST(a_commit_wakes_all_who_wait),
      TEST(who_waits_again_waits_for_the_next),
      TEST(who_waits_for_a_key_is_woken_for_it),
      TEST(a_commit_that_failed_concerns_nobody),
      TEST(announcements_run_together),
      TEST(a_stir_wakes_all_and_changes_nothing),
      TEST(the_end_wakes_who_waits),
      TEST(waiters_do_not_delay_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
