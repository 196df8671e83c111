/* house.json: values between Lua and text. */
#include "house.h"

LUA_TEST(values_come_back_as_they_went,
         "local text = '{\"a\":[1,2.5,-0.0,\"x\",true,false,null,[],{}],\"b\":9223372036854775807}'\n"
         "local value = json.decode(text)\n"
         "same(json.encode(value), text)\n"
         "same(math.type(value.b), 'integer') same(value.b, math.maxinteger)\n"
         "same(math.type(value.a[2]), 'float')\n"
         "same(value.a[7], json.null) same(json.null, json.decode 'null')\n"
         "same(#value.a, 9)\n"
         "same(json.decode '\"gr\\\\u00fc\\\\ud83d\\\\ude00\"', 'gr\xc3\xbc\xf0\x9f\x98\x80')")

LUA_TEST(
    lists_and_maps_are_told_apart,
    "same(json.encode({}), '{}') same(json.encode(json.list()), '[]') same(json.encode(json.list {}), '[]')\n"
    "same(json.encode {1, 2}, '[1,2]') same(json.encode {x = json.list {}}, '{\"x\":[]}')\n"
    "local list = {} same(json.list(list), list)\n"
    "same(json.is_list(list), true) same(json.is_list {}, false) same(json.is_list {false}, true)\n"
    "same(json.is_list 'x', false) same(json.is_list(nil), false) same(json.is_list(json.null), false)\n"
    "same(json.is_list(json.decode '[]'), true) same(json.is_list(json.decode '{}'), false)\n"
    "same(json.is_list(setmetatable({}, {})), false)\n"
    "same(getmetatable(json.decode '[]'), false)\n" /* nobody changes what a list is */
    "raises('protected metatable', setmetatable, json.list(), {})")

LUA_TEST(
    equal_values_give_equal_texts,
    "local a, b = {}, {}\n"
    "for i = 1, 100 do a['k' .. i] = i end for i = 100, 1, -1 do b['k' .. i] = i end\n"
    "same(json.encode(a), json.encode(b))\n"
    "same(json.encode {b = 1, a = {d = 1, c = 2}, [''] = 0}, '{\"\":0,\"a\":{\"c\":2,\"d\":1},\"b\":1}')")

LUA_TEST(what_is_no_json_is_told,
         "local value, why, at = json.decode '{\"a\":1,}'\n"
         "same(value, nil) same(at, 7) assert(why:find 'expected', why)\n"
         "value, why, at = json.decode ''\n"
         "same(value, nil) same(at, 0)\n"
         "same(json.decode '{\"a\":1,\"a\":2}', nil) same(json.decode '\"\\xff\"', nil) same(json.decode "
         "'01', nil)\n"
         "same(json.decode(('['):rep(64) .. (']'):rep(64)) ~= nil, true)\n"
         "same(json.decode(('['):rep(1000)), nil)\n"
         "raises('string expected', json.decode, {}) raises('string expected', json.decode)")

LUA_TEST(
    a_text_is_a_map_or_is_not,
    "for _, text in ipairs {'{}', '{\"a\":{\"b\":[1,\"x\"]}}', '{ }'} do same(json.is_map(text), true) end\n"
    "for _, text in ipairs {'', '{', '}', '[]', '1', 'null', ' {}', '{} ', '{}{}', '{a}', "
    "'{\"a\":\"\xff\"}', "
    "'{\"a\":1,\"a\":2}'} do\n"
    "  same(json.is_map(text), false)\n"
    "end\n"
    "same(json.is_map('{\"a\":' .. ('['):rep(79) .. (']'):rep(79) .. '}'), true)\n"
    "same(json.is_map('{\"a\":' .. ('['):rep(99) .. (']'):rep(99) .. '}'), false)")

LUA_TEST(what_has_no_json_is_refused,
         "raises('a function has no place', json.encode, print)\n"
         "raises('a userdata has no place', json.encode, {x = io.stdout})\n"
         "raises('a thread has no place', json.encode, coroutine.create(print))\n"
         "raises(\"a map's key is a number\", json.encode, {[2] = 1})\n"
         "raises(\"a map's key is a boolean\", json.encode, {[true] = 1})\n"
         "raises('NUL', json.encode, {['a\\0b'] = 1})\n"
         "raises('value expected', json.encode)\n"
         "local cycle = {} cycle.x = cycle raises('nested deeper', json.encode, cycle)\n"
         "local long = {} long[1] = long raises('nested deeper', json.encode, long)\n"
         "same(json.encode(0/0), 'null') same(json.encode(math.huge), 'null')\n"
         "same(json.encode('a\\0b'), '\"a\\xef\\xbf\\xbdb\"')\n"
         "same(json.is_map(json.encode {x = '\\0\\1\\31\\127\\xff'}), true)\n"
         "same(json.encode('\\xff'), '\"\xef\xbf\xbd\"')")

/* A whole document, wrapped in a few more tables, is not too deep. */
LUA_TEST(a_wrapped_document_is_not_too_deep,
         "local deep = json.decode(('['):rep(64) .. (']'):rep(64))\n"
         "same(json.encode {items = {{spec = deep}}}, '{\"items\":[{\"spec\":' .. ('['):rep(64) .. "
         "(']'):rep(64) .. '}]}')")

/* Running out of memory in the middle is an error like any other. */
static void memory_that_runs_out_is_no_harm(void **state) {
  struct rig *rig = *state;
  rig_lua(
      rig,
      "local big = {} for i = 1, 200 do big[i] = ('x'):rep(100000) end\n"
      "local text = json.encode(big) big = nil\n"
      "held = {} for i = 1, 100 do held[i] = text:sub(i, 200000) .. i end\n"
      "local fill = {} pcall(function() while true do fill[#fill + 1] = ('y'):rep(10000) .. #fill end end)\n"
      "raises('not enough memory', json.decode, text)\n"
      "raises('not enough memory', json.encode, held)\n"
      "fill, held = nil, nil collectgarbage()\n"
      "same(#json.decode(text), 200)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(values_come_back_as_they_went),   TEST(lists_and_maps_are_told_apart),
      TEST(equal_values_give_equal_texts),   TEST(what_is_no_json_is_told),
      TEST(what_has_no_json_is_refused),     TEST(a_wrapped_document_is_not_too_deep),
      TEST(memory_that_runs_out_is_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
