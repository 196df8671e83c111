/* house.db: reading. */
#include "house.h"

LUA_TEST(statements_have_numbers, "local one = db.statement 'SELECT 1' same(db.statement 'SELECT 1', one)\n"
                                  "assert(db.statement 'SELECT 2' ~= one) same(db.value(one), 1)")

LUA_TEST(cells_come_as_lua_values,
         "local s = db.statement 'SELECT ? AS v, typeof(?1) AS t'\n"
         "local function row(v) return db.row(s, v) end\n"
         "for _, v in ipairs {0, -5, math.maxinteger, 0.25, 'text', '', 'gr\xc3\xbc', 'a\\0b'} do\n"
         "  same(row(v).v, v) same(math.type(row(v).v), math.type(v))\n"
         "end\n"
         "same(row(true).v, 1) same(row(false).v, 0) same(row(true).t, 'integer')\n"
         "same(row(nil).v, nil) same(row(nil).t, 'null') same(row(json.null).t, 'null')\n"
         "same(db.value(s, 'x'), 'x') same(db.value(s, nil), nil)\n"
         "same(db.value(db.statement \"SELECT x'00ff'\"), '\\0\\xff')\n"
         "raises('a table cannot be stored', db.row, s, {}) raises('a function cannot be stored', db.row, s, "
         "print)\n"
         "raises('a userdata cannot be stored', db.row, s, io.stdout)")

LUA_TEST(rows_come_in_order,
         "local s = db.statement 'SELECT id, money AS gold FROM account WHERE id <= ? ORDER BY id DESC'\n"
         "local rows = db.rows(s, 9) same(#rows, 2) same(rows[1].id, 2) same(rows[2].gold, 500)\n"
         "same(#db.rows(s, 0), 0) same(db.row(s, 0), nil) same(db.value(s, 0), nil)\n"
         "same(db.row(s, 9).id, 2) same(db.row(s, 9).id, 2) same(db.value(s, 1), 1)")

LUA_TEST(misuse_is_raised, "local s = db.statement 'SELECT ?'\n"
                           "raises('0 parameters are given for the 1', db.value, s)"
                           " raises('2 parameters are given for the 1', db.value, s, 1, 2)\n"
                           "raises('number expected', db.value, 'x') raises('no statement', db.value, 4711)\n"
                           "raises('syntax error', db.value, db.statement 'SELEC')\n"
                           "raises('more than 64 parameters', db.value, s, table.unpack({}, 1, 65))\n"
                           "raises('readonly', db.value, db.statement 'DELETE FROM account')\n"
                           "same(db.value(s, 5), 5)")

LUA_TEST(a_failing_row_ends_its_statement,
         "local s = db.statement 'SELECT abs(?)'\n" /* integer overflow, when it is run */
         "for _ = 1, 3 do\n"
         "  for _, read in ipairs {db.value, db.row, db.rows} do raises('integer overflow', read, s, "
         "math.mininteger) end\n"
         "end\n"
         "same(db.value(s, -5), 5)")

/* --- rows written as JSON --- */

#define SHAPE "local s = shape.new {{'id', 'int'}, {'money', 'int'}}\n"

LUA_TEST(a_row_is_written, SHAPE "local one = db.statement 'SELECT id, money FROM account WHERE id = ?'\n"
                                 "same(db.json(s, one, 2), '{\"id\":2,\"money\":500}')\n"
                                 "same(db.json(s, one, 3), nil) same(select('#', db.json(s, one, 3)), 0)\n"
                                 "raises('orrery.shape expected', db.json, {}, one, 2) raises('0 parameters "
                                 "are given for the 1', db.json, s, one)")

LUA_TEST(rows_are_written_with_their_page,
         SHAPE "local page = db.statement 'SELECT id, money FROM account ORDER BY id LIMIT ?'\n"
               "local text, count, last, enough = db.json_rows(s, page, 10)\n"
               "same(text, '{\"id\":1,\"money\":500},{\"id\":2,\"money\":500}') same(count, 2) same(last, 2) "
               "same(enough, false)\n"
               "text, count, last = db.json_rows(s, page, 1) same(count, 1) same(last, 1)\n"
               "text, count, last = db.json_rows(s, page, 0) same(text, '') same(count, 0) same(last, 0)")

LUA_TEST(enough_bytes_are_enough,
         "local s = shape.new {{'name', 'text'}}\n"
         "local many = db.statement \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i "
         "< 100) "
         "SELECT i, printf('%.*c', ?, 'x') AS name FROM n\"\n"
         "local text, count, last, enough = db.json_rows(s, many, 1 << 20)\n"
         "same(enough, true) same(count, 8) same(last, 8)\n"
         "text, count, last, enough = db.json_rows(s, many, 10) same(count, 100) same(enough, false)")

LUA_TEST(a_failing_row_is_raised, SHAPE "local bad = db.statement 'SELECT abs(?) AS id'\n"
                                        "raises('integer overflow', db.json, s, bad, math.mininteger)\n"
                                        "raises('integer overflow', db.json_rows, s, bad, math.mininteger)\n"
                                        "same(db.json(s, bad, -7), '{\"id\":7}')")

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(statements_have_numbers),
      TEST(cells_come_as_lua_values),
      TEST(rows_come_in_order),
      TEST(misuse_is_raised),
      TEST(a_failing_row_ends_its_statement),
      TEST(a_row_is_written),
      TEST(rows_are_written_with_their_page),
      TEST(enough_bytes_are_enough),
      TEST(a_failing_row_is_raised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
