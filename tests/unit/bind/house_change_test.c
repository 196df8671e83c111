/* db.change(): writing. */
#include "house.h"

#define STATEMENTS                                                                                           \
  "local take = db.statement 'UPDATE account SET money = money - ? WHERE id = ?'\n"                          \
  "local insert = db.statement 'INSERT INTO thing (id, name, size) VALUES (?, ?, ?)'\n"                      \
  "local count = db.statement 'SELECT count(*) FROM thing'\n"                                                \
  "local money = db.statement 'SELECT money FROM account WHERE id = ?'\n"

LUA_TEST(a_change_takes_effect_as_a_whole,
         STATEMENTS "local change = db.change()\n"
                    "same(change:size(), 0)\n"
                    "change:add(take, 1, 100, 1) change:add(take, 1, -100, 2) same(change:size(), 2)\n"
                    "same(db.value(money, 1), 500)\n"
                    "same(change:commit(), true)\n"
                    "same(db.value(money, 1), 400) same(db.value(money, 2), 600)\n"
                    "raises('committed already', change.add, change, take, 1, 1, 1) raises('committed "
                    "already', change.commit, change)\n"
                    "raises('committed already', change.size, change)")

LUA_TEST(a_failed_guard_undoes_all_of_it, STATEMENTS
         "local change = db.change()\n"
         "change:add(insert, 1, 1, 'x', 1) change:add(take, 1, 100, 99) change:add(take, 1, 100, 1)\n"
         "local ok, code, text, at = change:commit()\n"
         "refused('conflict', '', ok, code, text) same(at, 2)\n"
         "same(db.value(count), 0) same(db.value(money, 1), 500)\n"
         "change = db.change() change:add(take, nil, 100, 99) same(change:commit(), true)\n" /* no guard */
         "change = db.change() change:add(take, 0, 100, 99) same(change:commit(), true)\n"
         "change = db.change() change:add(take, 1, 501, 1)\n" /* a constraint */
         "ok, code, text, at = change:commit() refused('conflict', '', ok, code, text) same(at, 1)")

LUA_TEST(rows_are_added_at_once, STATEMENTS
         "local cells = {} for i = 1, 500 do\n"
         "  cells[#cells + 1] = i cells[#cells + 1] = i % 2 == 0 and 'n' .. i or json.null cells[#cells + 1] "
         "= i / 2\n"
         "end\n"
         "local change = db.change() change:add_rows(insert, 500, 3, cells) same(change:commit(), true)\n"
         "same(db.value(count), 500)\n"
         "local row = db.row(db.statement 'SELECT name, size FROM thing WHERE id = ?', 400)\n"
         "same(row.name, 'n400') same(row.size, 200.0)\n"
         "same(db.row(db.statement 'SELECT name FROM thing WHERE id = ?', 401).name, nil)\n"
         "change = db.change() change:add_rows(insert, 0, 3, {}) same(change:commit(), true)\n"
         "change = db.change() change:add_rows(insert, 3, 3, {1001, 'x', 1, 1002, 'y', 2})\n"
         "local ok, code = change:commit() same(code, 'conflict') same(db.value(count), 500)")

LUA_TEST(misuse_is_raised,
         STATEMENTS "local change = db.change()\n"
                    "raises('not a whole number of rows', change.add_rows, change, insert, nil, 3, {1, 2})\n"
                    "raises('not a whole number of rows', change.add_rows, change, insert, nil, 0, {1})\n"
                    "raises('a table cannot be stored', change.add_rows, change, insert, nil, 1, {{}})\n"
                    "raises('a function cannot be stored', change.add, change, insert, nil, print)\n"
                    "raises('more than 64', change.add, change, insert, nil, table.unpack({}, 1, 65))\n"
                    "raises('number expected', change.add, change, 'x') raises('orrery.change expected', "
                    "change.add, {}, insert)\n"
                    "same(change:size(), 0)")

LUA_TEST(a_wrong_statement_comes_back,
         STATEMENTS "local change = db.change() change:add(insert, 1, 1)\n"
                    "local ok, code, text, at = change:commit()\n"
                    "refused('internal', '3', ok, code, text) same(at, 1)\n"
                    "change = db.change() change:add(4711, 1) same(select(2, change:commit()), 'internal')\n"
                    "change = db.change() same(change:commit(), true)") /* nothing is easily done */

LUA_TEST(many_tasks_commit_at_once, STATEMENTS
         "local done = 0\n"
         "for i = 1, 200 do\n"
         "  task.spawn(function()\n"
         "    local change = db.change() change:add(insert, 1, i, 'x', i) change:add(take, 1, 1, 1)\n"
         "    assert(change:commit()) done = done + 1\n"
         "  end)\n"
         "end\n"
         "while done < 200 do task.sleep(1) end\n"
         "same(db.value(count), 200) same(db.value(money, 1), 300)")

LUA_TEST(one_that_is_not_committed_is_dropped, STATEMENTS
         "for i = 1, 100 do local change = db.change() change:add(insert, 1, i, ('x'):rep(1000), i) end\n"
         "collectgarbage() collectgarbage() same(db.value(count), 0)")

/* The state ends while the writer still works; the answer finds nobody. */
static void an_answer_may_come_too_late(void **state) {
  struct rig *rig = *state;
  rig_begin(
      rig, STATEMENTS
      "local change = db.change() change:add(insert, 1, 7, 'x', 1) change:commit() error 'unreachable'");
  assert_int_equal(rig->ended, 0);
  orr_script_close(rig->script);
  orr_reader_close(rig->house.reader);
  place_close(&rig->place); /* finishes what is queued; the answer is in the loop's inbox now */
  place_open(&rig->place, 0);
  rig->house.reader = orr_reader_open(rig->place.store, NULL);
  assert_int_equal(ask(&rig->place, "SELECT count(*) FROM thing"), 1);
  assert_int_equal(rig->ended, 0);
}

static void start_up_code_cannot_commit(void **state) {
  struct rig *rig = *state;
  struct orr_err err = {0};
  assert_int_equal(luaL_loadstring(orr_script_state(rig->script), "db.change():commit()"), LUA_OK);
  assert_int_equal(orr_script_call(rig->script, 0, 0, &err), ORR_INVALID);
  assert_non_null(strstr(err.text, "only a task can do"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_change_takes_effect_as_a_whole),
      TEST(a_failed_guard_undoes_all_of_it),
      TEST(rows_are_added_at_once),
      TEST(misuse_is_raised),
      TEST(a_wrong_statement_comes_back),
      TEST(many_tasks_commit_at_once),
      TEST(one_that_is_not_committed_is_dropped),
      TEST(an_answer_may_come_too_late),
      TEST(start_up_code_cannot_commit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
