/* house.shape: how rows and tables become JSON. */
#include "house.h"

LUA_TEST(each_kind_has_its_form,
         "local key = ids.new()\n"
         "local s = shape.new {{'id', 'id'}, {'born', 'born', 'id'}, {'at', 'time'}, {'name', 'text'}, {'n', "
         "'int'},\n"
         "  {'r', 'real'}, {'whole', 'real'}, {'yes', 'bool'}, {'no', 'bool'}, {'j', 'json'}, {'m', 'map'}}\n"
         "local row = db.statement [[SELECT ? AS id, 1500 AS at, ? AS name, -3 AS n, 0.5 AS r, 2 AS whole, 1 "
         "AS yes,\n"
         "    0 AS no, '[1,2]' AS j, '{\"x\":1}' AS m]]\n"
         "same(db.json(s, row, key, 'a\"b'), '{\"id\":\"' .. ids.text(key) .. '\",\"born\":\"' .. "
         "clock.text(ids.time(key))\n"
         "  .. "
         "'\",\"at\":\"1970-01-01T00:00:01.500Z\",\"name\":\"a\\\\\"b\",\"n\":-3,\"r\":0.5,\"whole\":2,"
         "\"yes\":true,'\n"
         "  .. '\"no\":false,\"j\":[1,2],\"m\":{\"x\":1}}')")

LUA_TEST(null_is_null,
         "for _, kind in ipairs {'id', 'born', 'time', 'text', 'int', 'real', 'bool', 'json'} do\n"
         "  same(db.json(shape.new {{'x', kind}}, db.statement 'SELECT NULL AS x'), '{\"x\":null}')\n"
         "end\n"
         "same(db.json(shape.new {{'x', 'map'}}, db.statement 'SELECT NULL AS x'), '{\"x\":{}}')")

LUA_TEST(
    a_field_takes_the_column_of_its_name,
    "local s = shape.new {{'a', 'int'}, {'b', 'int', 'c'}, {'d\"', 'int', 'd'}}\n"
    "same(db.json(s, db.statement 'SELECT 1 AS d, 2 AS c, 3 AS b, 4 AS a'), "
    "'{\"a\":4,\"b\":2,\"d\\\\\"\":1}')\n"
    "same(db.json(s, db.statement 'SELECT 5 AS c'), '{\"b\":5}')\n" /* what is not selected is left out */
    "same(db.json(s, db.statement 'SELECT 5 AS other'), '{}')\n"
    "same(db.json(s, db.statement 'SELECT 1 AS d, 2 AS c, 3 AS b, 4 AS a'), "
    "'{\"a\":4,\"b\":2,\"d\\\\\"\":1}')\n"
    "same(db.json(shape.new {}, db.statement 'SELECT 1'), '{}')")

LUA_TEST(a_specification_is_stored_or_filled,
         "local s = shape.new {{'spec', 'spec'}}\n"
         "local row = db.statement 'SELECT ? AS spec, ? AS template, ? AS parameters'\n"
         "same(db.json(s, row, '{\"own\":1}', nil, nil), '{\"spec\":{\"own\":1}}')\n"
         "same(db.json(s, row, nil, '{\"n\":${n}}', '{\"n\":7}'), '{\"spec\":{\"n\":7}}')\n"
         "raises('${n} is not a parameter', db.json, s, row, nil, '{\"n\":${n}}', '{}')\n"
         "raises('neither a specification nor a template', db.json, s, row, nil, nil, nil)\n"
         "raises('neither a specification nor a template', db.json, s, row, nil, '{}', nil)\n"
         "raises('neither a specification nor a template', db.json, s, db.statement 'SELECT NULL AS spec')")

/* What a column holds is SQLite's to say: a surprise is an error, not a crash. */
LUA_TEST(a_cell_of_another_kind_is_refused,
         "local text, number = db.statement \"SELECT 'x' AS x\", db.statement 'SELECT 5 AS x'\n"
         "local real = db.statement 'SELECT 1.5 AS x'\n"
         "for _, kind in ipairs {'id', 'born', 'time', 'int', 'real', 'bool'} do\n"
         "  raises('x is not of kind ' .. kind, db.json, shape.new {{'x', kind}}, text)\n"
         "end\n"
         "for _, kind in ipairs {'text', 'json', 'map'} do\n"
         "  raises('x is not of kind ' .. kind, db.json, shape.new {{'x', kind}}, number)\n"
         "  raises('x is not of kind ' .. kind, db.json, shape.new {{'x', kind}}, real)\n"
         "end\n"
         "raises('x is not of kind int', db.json, shape.new {{'x', 'int'}}, real)")

LUA_TEST(a_table_is_written_likewise,
         "local s = shape.new {{'id', 'id', 'key'}, {'name', 'text'}, {'n', 'int'}, {'spec', 'spec'}, {'m', "
         "'map'}}\n"
         "local key = ids.new()\n"
         "same(s:text {key = key, name = 'x', n = 3, spec = '{}', other = 1},\n"
         "  '{\"id\":\"' .. ids.text(key) .. '\",\"name\":\"x\",\"n\":3,\"spec\":{},\"m\":{}}')\n"
         "same(s:text {}, '{\"id\":null,\"name\":null,\"n\":null,\"spec\":null,\"m\":{}}')\n"
         "raises('name is not of kind text', s.text, s, {name = 5})\n"
         "raises('n is not of kind int', s.text, s, {n = '5'})\n"
         "raises('a table cannot be stored', s.text, s, {n = {}})\n"
         "raises('table expected', s.text, s) raises('orrery.shape expected', s.text, {}, {})\n"
         "same(shape.new({}):text {}, '{}')")

LUA_TEST(
    a_wrong_declaration_is_raised,
    "raises('table expected', shape.new)\n"
    "raises('a field is {name, kind}', shape.new, {'x'})\n"
    "raises(\"invalid option 'colour'\", shape.new, {{'x', 'colour'}})\n"
    "raises('string expected', shape.new, {{'x'}}) raises('string expected', shape.new, {{nil, 'int'}})\n"
    "raises('string expected', shape.new, {{'x', 'int', {}}})")

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_kind_has_its_form),
      TEST(null_is_null),
      TEST(a_field_takes_the_column_of_its_name),
      TEST(a_specification_is_stored_or_filled),
      TEST(a_cell_of_another_kind_is_refused),
      TEST(a_table_is_written_likewise),
      TEST(a_wrong_declaration_is_raised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
