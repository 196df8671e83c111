/* The watchdog: code that does not wait is thrown out, and nobody else is. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"

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

static void expect_overtime(const char *code) {
  struct ended end;
  int64_t before = orr_clock_ms();
  alarm(60); /* what cannot be interrupted must not hang the test */
  if (run(&it, code, &end) != ORR_TASK_OVERTIME) fail_msg("%s: %s", code, end.text);
  alarm(0);
  assert_contains(end.text, "ran longer than 200 ms without waiting");
  assert_true(orr_clock_ms() - before >= SLICE_MS);
  run_well(&it, "local x = 0 for i = 1, 1000 do x = x + i end return x"); /* the next is left alone */
}

static void loops_are_thrown_out(void **state) {
  (void)state;
  expect_overtime("while true do end");
  expect_overtime("local function f() return f() end return f()");
  expect_overtime("for i = 1, math.huge do local x = tostring(i) end");
  expect_overtime(
      "local t = setmetatable({}, {__index = function(t, k) return k end}) repeat until t[false]");
}

static void catching_the_error_does_not_help(void **state) {
  (void)state;
  expect_overtime("while true do pcall(function() while true do end end) end");
  expect_overtime("while true do pcall(error) end");
  expect_overtime("local function f(n) while true do if n > 0 then pcall(f, n - 1) end end end f(100)");
  expect_overtime("pcall(pcall, pcall, function() while true do end end) return 1");
  expect_overtime("local ok = xpcall(function() while true do end end, tostring) while true do end");
}

static void waiting_is_no_work(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "for i = 1, 3 do wait() end return 1", &end), ORR_TASK_WAITING);
  for (int i = 0; i < 3; i++) {
    usleep(2 * SLICE_MS * 1000 / 3); /* together longer than a slice */
    orr_ticket_resume(it.ticket, 0);
  }
  assert_int_equal(end.outcome, ORR_TASK_DONE);
}

static void one_that_has_waited_has_a_new_slice(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "wait() while true do end", &end), ORR_TASK_WAITING);
  orr_ticket_resume(it.ticket, 0);
  assert_int_equal(end.outcome, ORR_TASK_OVERTIME);
}

static void a_stray_signal_does_nothing(void **state) {
  (void)state;
  struct ended end;
  lua_State *L = orr_script_state(it.script);
  raise(SIGURG);
  luaL_dostring(L, "return 1");
  lua_settop(L, 0);
  struct orr_task *task = task_of(&it, "for i = 1, 1000 do tostring(i) end", &end);
  raise(SIGURG);
  assert_int_equal(orr_task_run(task, 0), ORR_TASK_DONE);
}

/* --- several states, each on its own thread --- */

static atomic_int thrown_out, well;

static void *loop_or_work(void *data) {
  struct state *own = data;
  struct ended end;
  bool guilty = own->slice_ms == 100;
  state_open(own);
  for (int i = 0; guilty ? i < 3 : atomic_load(&thrown_out) < 3; i++) {
    run(own, guilty ? "while true do end" : "local x = 0 for i = 1, 10000 do x = x + i end return x", &end);
    if (end.outcome == ORR_TASK_OVERTIME) atomic_fetch_add(&thrown_out, guilty ? 1 : 1000);
    if (end.outcome == ORR_TASK_DONE) atomic_fetch_add(&well, guilty ? -1000000 : 1);
  }
  orr_script_close(own->script);
  return NULL;
}

static void only_the_guilty_is_interrupted(void **state) {
  (void)state;
  pthread_t threads[3];
  struct state own[3];
  atomic_store(&thrown_out, 0);
  atomic_store(&well, 0);
  for (int i = 0; i < 3; i++) {
    own[i] = (struct state){.dog = it.dog, .log = it.log, .slice_ms = i ? 20000 : 100};
    pthread_create(&threads[i], NULL, loop_or_work, &own[i]);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
    orr_script_destroy(own[i].script); /* any thread may */
  }
  assert_int_equal(atomic_load(&thrown_out), 3);
  assert_true(atomic_load(&well) > 0);
  run_well(&it, "return 1");
}

static void without_a_watchdog_nobody_looks(void **state) {
  (void)state;
  struct state own = {.log = it.log, .slice_ms = 1};
  state_open(&own);
  run_well(&own, "local before = os.clock() while os.clock() - before < 0.2 do end");
  orr_script_destroy(own.script);
  orr_watchdog_stop(NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(loops_are_thrown_out),
      TEST(catching_the_error_does_not_help),
      TEST(waiting_is_no_work),
      TEST(one_that_has_waited_has_a_new_slice),
      TEST(a_stray_signal_does_nothing),
      TEST(only_the_guilty_is_interrupted),
      TEST(without_a_watchdog_nobody_looks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
