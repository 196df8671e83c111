/* Tasks: how they end, how they wait, and what their tickets are good for. */
#include "script/private.h"

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

/* Resumes whoever waits, with a number. */
static void answer(struct orr_ticket ticket, int number) {
  lua_State *L = orr_ticket_state(ticket);
  assert_non_null(L);
  lua_pushinteger(L, number);
  orr_ticket_resume(ticket, 1);
}

static int count_tasks(void) {
  int count = 0;
  for (struct orr_task *task = it.script->all; task; task = task->next_all) count++;
  return count;
}

/* --- ends --- */

static void it_ends_with_its_results(void **state) {
  (void)state;
  struct ended end;
  struct orr_task *task = task_of(&it, "local a, b = ... return 'dropped', a - b", &end);
  lua_pushinteger(orr_task_state(task), 44);
  lua_pushinteger(orr_task_state(task), 2);
  assert_int_equal(orr_task_run(task, 2), ORR_TASK_DONE);
  assert_int_equal(end.count, 1);
  assert_int_equal(end.results, 2);
  assert_int_equal(end.number, 42);
  assert_int_equal(run_well(&it, "").results, 0);
}

static void it_ends_with_its_error(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "local function inner() error('a sentence', 0) end inner()", &end),
                   ORR_TASK_FAILED);
  assert_int_equal(end.count, 1);
  assert_int_equal(end.results, 1);
  assert_contains(end.text, "a sentence\nstack traceback:");
  assert_contains(end.text, "in local 'inner'");
  run(&it, "error {code = 1}", &end);
  assert_contains(end.text, "(an error value that is a table)");
  run(&it, "error()", &end);
  assert_contains(end.text, "(an error value that is a nil)");
  run(&it, "error(setmetatable({}, {__tostring = function() while true do end end}))", &end);
  assert_contains(end.text, "(an error value that is a table)");
}

static void endless_recursion_is_an_error(void **state) {
  (void)state;
  struct ended end;
  struct state roomy = {.log = it.log};
  state_open(&roomy);
  assert_int_equal(run(&roomy, "local function f() return 1 + f() end return f()", &end), ORR_TASK_FAILED);
  assert_contains(end.text, "stack overflow");
  assert_int_equal(run(&roomy,
                       "local t = setmetatable({}, {}) "
                       "getmetatable(t).__index = function(_, k) return t[k] end return t.x",
                       &end),
                   ORR_TASK_FAILED);
  assert_contains(end.text, "C stack overflow");
  run_well(&roomy, "return 1");
  orr_script_destroy(roomy.script);
}

/* What a failed task holds is closed, under the same budget. */
static void what_it_holds_is_closed(void **state) {
  (void)state;
  struct ended end;
  static const char code[] =
      "closed = 0 "
      "local one <close> = setmetatable({}, {__close = function() closed = closed + 1 end}) "
      "local two <close> = setmetatable({}, {__close = function() error('x') end}) "
      "error('failed')";
  run(&it, code, &end);
  assert_contains(end.text, "failed");
  assert_int_equal(run_well(&it, "return closed").number, 1);
  assert_int_equal(run(&it,
                       "local x <close> = setmetatable({}, {__close = function() while true do end end}) "
                       "error('failed')",
                       &end),
                   ORR_TASK_FAILED);
  assert_int_equal(run(&it,
                       "local x <close> = setmetatable({}, {__close = function() while true do end end}) "
                       "while true do end",
                       &end),
                   ORR_TASK_OVERTIME);
}

static void outcomes_have_names(void **state) {
  (void)state;
  assert_string_equal(orr_outcome_name(ORR_TASK_DONE), "done");
  assert_string_equal(orr_outcome_name(ORR_TASK_WAITING), "waiting");
  assert_string_equal(orr_outcome_name(ORR_TASK_FAILED), "failed");
  assert_string_equal(orr_outcome_name(ORR_TASK_OVERTIME), "overtime");
  assert_string_equal(orr_outcome_name(ORR_TASK_NO_MEMORY), "no memory");
}

/* --- waiting --- */

static void it_goes_on_with_the_answer(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "local sum = 0 for i = 1, 3 do sum = sum + wait() end return sum", &end),
                   ORR_TASK_WAITING);
  answer(it.ticket, 1);
  answer(it.ticket, 10);
  assert_int_equal(end.count, 0);
  answer(it.ticket, 100);
  assert_int_equal(end.count, 1);
  assert_int_equal(end.number, 111);
}

static void it_may_fail_after_waiting(void **state) {
  (void)state;
  struct ended end;
  run(&it, "local ok, why = pcall(function() return wait() + nil end) error(tostring(ok) .. wait())", &end);
  answer(it.ticket, 1);
  assert_int_equal(end.count, 0);
  answer(it.ticket, 5);
  assert_int_equal(end.outcome, ORR_TASK_FAILED);
  assert_contains(end.text, "false5");
}

static void many_wait_at_once(void **state) {
  (void)state;
  enum { MANY = 1000 };
  struct ended *ends = calloc(MANY, sizeof *ends);
  struct orr_ticket *tickets = calloc(MANY, sizeof *tickets);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(run(&it, "return wait() + wait()", &ends[i]), ORR_TASK_WAITING);
    tickets[i] = it.ticket;
  }
  for (int i = MANY - 1; i >= 0; i--) {
    answer(tickets[i], i);
    answer(it.ticket, 1);
    assert_int_equal(ends[i].number, i + 1);
  }
  run_well(&it, "collectgarbage()");
  size_t kept = orr_script_memory(it.script);
  for (int i = 0; i < MANY; i++) run(&it, "wait()", &ends[i]);
  assert_int_equal(count_tasks(), MANY); /* those of before */
  assert_in_range(it.script->idle_count, 0, 0);
  assert_true(orr_script_memory(it.script) > kept);
  free(tickets);
  free(ends);
}

static void one_after_the_other_needs_one(void **state) {
  (void)state;
  struct ended end;
  for (int i = 0; i < 1000; i++) {
    run_well(&it, "return 1");
    run(&it, "error 'x'", &end);
    run(&it, "return wait()", &end);
    answer(it.ticket, i);
    assert_int_equal(end.number, i);
  }
  assert_int_equal(count_tasks(), 1);
  size_t memory = orr_script_memory(it.script);
  struct orr_task *task = task_of(&it, "return 1", &end);
  lua_State *L = orr_task_state(task);
  assert_int_equal(lua_gettop(L), 1); /* nothing of who had it before */
  orr_task_run(task, 0);
  assert_ptr_equal(orr_task_state(task_of(&it, "", &end)), L);
  assert_true(orr_script_memory(it.script) < memory + 10000);
}

/* --- tickets --- */

static void a_ticket_is_good_once(void **state) {
  (void)state;
  struct ended end;
  run(&it, "wait() return wait()", &end);
  struct orr_ticket first = it.ticket;
  answer(first, 1);
  struct orr_ticket second = it.ticket;
  assert_null(orr_ticket_state(first)); /* the task waits again, but for something else */
  assert_non_null(orr_ticket_state(second));
  answer(second, 2);
  assert_null(orr_ticket_state(second));
  run(&it, "return wait()", &end); /* another takes its place */
  assert_ptr_equal(it.ticket.task, first.task);
  assert_null(orr_ticket_state(first));
  assert_null(orr_ticket_state(second));
  assert_null(orr_ticket_state((struct orr_ticket){0}));
}

static void a_ticket_ends_with_its_task(void **state) {
  (void)state;
  struct ended end;
  run(&it, "wait() error 'x'", &end);
  struct orr_ticket ticket = it.ticket;
  answer(ticket, 1);
  assert_null(orr_ticket_state(ticket));
  run(&it, "return pcall(wait, error)", &end);
  ticket = it.ticket;
  run_well(&it, "collectgarbage()");
  assert_non_null(orr_ticket_state(ticket)); /* nobody but the ticket holds it */
  answer(ticket, 7);
  assert_int_equal(end.number, 7);
}

static void closing_forgets_who_waits(void **state) {
  (void)state;
  struct ended ends[10];
  struct orr_ticket tickets[10];
  for (int i = 0; i < 10; i++) {
    run(&it, "local x <close> = setmetatable({}, {__close = function() error('x') end}) wait()", &ends[i]);
    tickets[i] = it.ticket;
  }
  orr_script_close(it.script);
  for (int i = 0; i < 10; i++) {
    assert_null(orr_ticket_state(tickets[i])); /* an answer that comes late finds nobody */
    assert_int_equal(ends[i].count, 0);
  }
  orr_script_close(it.script); /* once more is legal */
}

/* --- misuse --- */

static void only_an_awaitable_may_yield(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "coroutine.yield(1, 2, 3)", &end), ORR_TASK_FAILED);
  assert_contains(end.text, "coroutine.yield outside");
  assert_int_equal(run(&it, "wait() coroutine.yield()", &end), ORR_TASK_WAITING);
  answer(it.ticket, 1);
  assert_int_equal(end.outcome, ORR_TASK_FAILED);
  run_well(&it, "return 1");
}

static void a_coroutine_inside_cannot_wait(void **state) {
  (void)state;
  struct ended end;
  assert_int_equal(run(&it, "return coroutine.wrap(function() wait() end)()", &end), ORR_TASK_FAILED);
  assert_contains(end.text, "only a task can do");
  static const char code[] =
      "local walk = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
      "local sum = wait() for i in walk do sum = sum * 10 + i + wait() end return sum";
  assert_int_equal(run(&it, code, &end), ORR_TASK_WAITING); /* one that yields to its own is fine */
  answer(it.ticket, 4);
  for (int i = 0; i < 3; i++) answer(it.ticket, 0);
  assert_int_equal(end.number, 4123);
  run(&it, "table.sort({1, 2, 3}, function() wait() end)", &end);
  assert_contains(end.text, "only a task can do"); /* nor can a callback of a C function */
}

/* --- a task that starts another --- */

static int l_start(lua_State *L) {
  static struct ended inner;
  run(orr_script_user(L), luaL_checkstring(L, 1), &inner);
  lua_pushinteger(L, inner.count ? (int)inner.outcome : -1);
  return 1;
}

static void one_may_start_another(void **state) {
  (void)state;
  struct ended end;
  lua_register(orr_script_state(it.script), "start", l_start);
  assert_int_equal(
      run(&it, "local a, b = start 'return 1', start 'error(1)' return a * 10 + b + wait()", &end),
      ORR_TASK_WAITING);
  answer(it.ticket, 100);
  assert_int_equal(end.number, 100 + ORR_TASK_DONE * 10 + ORR_TASK_FAILED);
  run(&it, "local a = start 'inner = wait()' return a, wait()", &end); /* the outer's ticket is the last */
  answer(it.ticket, 5);
  assert_int_equal(end.number, 5);
  run(&it, "return start 'while true do end'", &end); /* the inner one is thrown out alone */
  assert_int_equal(end.outcome, ORR_TASK_DONE);
  assert_int_equal(end.number, ORR_TASK_OVERTIME);
  assert_int_equal(run(&it, "start 'while true do end' while true do end", &end), ORR_TASK_OVERTIME);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(it_ends_with_its_results),      TEST(it_ends_with_its_error),
      TEST(endless_recursion_is_an_error), TEST(what_it_holds_is_closed),
      TEST(outcomes_have_names),           TEST(it_goes_on_with_the_answer),
      TEST(it_may_fail_after_waiting),     TEST(many_wait_at_once),
      TEST(one_after_the_other_needs_one), TEST(a_ticket_is_good_once),
      TEST(a_ticket_ends_with_its_task),   TEST(closing_forgets_who_waits),
      TEST(only_an_awaitable_may_yield),   TEST(a_coroutine_inside_cannot_wait),
      TEST(one_may_start_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
