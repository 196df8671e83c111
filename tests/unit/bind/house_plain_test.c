/* The tables that neither wait nor touch the store: clock, config, digest, ids, log, template. */
#include "house.h"

LUA_TEST(time_is_told,
         "local before = clock.now()\n"
         "assert(before > 1700000000000 and math.type(before) == 'integer')\n"
         "assert(clock.now() >= before and clock.monotonic() <= clock.monotonic())\n"
         "same(clock.text(0), '1970-01-01T00:00:00.000Z') raises('number expected', clock.text)")

static void each_state_has_its_own_configuration(void **state) {
  struct rig *rig = *state;
  orrery_set_text(orrery_set_map(rig->config, "listen"), "host", "localhost");
  orr_script_destroy(rig->script);
  rig_prepare_lua(rig);
  rig_lua(rig, "same(config.listen.host, 'localhost') config.listen.host = 'changed'");
  assert_string_equal(orrery_text(orrery_get(rig->config, "listen.host"), NULL, ""), "localhost");
}

LUA_TEST(digests_are_those_of_the_bytes,
         "same(digest.sha256 '', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')\n"
         "same(digest.sha256 'a\\0b' == digest.sha256 'a', false)\n"
         "assert(digest.etag 'x':find '^\"%x+\"$' and #digest.etag 'x' == 18)\n"
         "same(digest.etag 'x', digest.etag 'x') assert(digest.etag 'x' ~= digest.etag 'y')\n"
         "assert(digest.etag 'x' ~= digest.etag 'x\\0')\n"
         "same(digest.base64(digest.keyed('key', '')), 'XV0TlWPJW1lnub2ajJsjOp3ttFByeUzSMtwbdIMmB9A=')\n"
         "same(digest.from_base64 'AAH/', '\\0\\1\\255') same(digest.from_base64 '', '')\n"
         "for _, text in ipairs {'AAH', 'AAH=', 'AA==AA==', 'AA H'} do same(digest.from_base64(text), nil) end")

LUA_TEST(requests_go_where_they_may,
         "same(fetch.url('https://example.org/a#b'), 'https://example.org/a')\n"
         "refused('invalid', 'leads to 10.0.0.1', fetch.url 'http://10.0.0.1/')\n"
         "same(fetch.url('http://10.0.0.1/', '10.0.0.0/8'), 'http://10.0.0.1/')\n"
         "refused('invalid', 'nonsense is no network', fetch.open 'nonsense')\n"
         "local fetcher = fetch.open()\n"
         "refused('invalid', 'no request may go to', fetcher:send {url = 'http://localhost:1/', body = 'x',"
         " timeout_ms = 9000, most_body = 9})\n"
         "raises('url is missing', fetcher.send, fetcher, {timeout_ms = 1, most_body = 1})")

LUA_TEST(
    ids_are_keys_and_texts,
    "local key = ids.new() assert(ids.new() > key)\n"
    "local first = ids.new(100) same(ids.new() > first + 99, true)\n"
    "local text = ids.text(key) same(#text, 36) same(ids.key(text), key) same(ids.key(text:upper()), key)\n"
    "same(ids.key '', nil) same(ids.key(text .. 'x'), nil) same(ids.key((text:gsub('.$', 'x'))), nil)\n"
    "assert(math.abs(ids.time(key) - clock.now()) < 60000)\n"
    "local newest = key + (1 << 40) ids.init(999, newest)\n"
    "same(ids.key(text), nil)\n" /* of another installation now */
    "assert(ids.new() > newest)")

static void lines_reach_the_log(void **state) {
  struct rig *rig = *state;
  char text[8192];
  rig->place.log.json = true;
  rig_lua(rig,
          "log.info('begun', {jobs = 3, name = 'a \"b\"', share = 0.5, fine = true, [1] = 'x'})\n"
          "log.debug 'quiet' log.warn('alone') log.error('bad', 'no table')\n"
          "local many = {} for i = 1, 100 do many['field' .. i] = ('v'):rep(i) end log.info('many', many)\n"
          "raises('string expected', log.info)\n"
          "raises(\"'__tostring' must return a string\", log.info, 'x',\n"
          "  {x = setmetatable({}, {__tostring = function() return {} end})})");
  ssize_t size = pread(rig->place.log.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  assert_non_null(strstr(text, "\"begun\""));
  assert_non_null(strstr(text, "\"jobs\":3"));
  assert_non_null(strstr(text, "\"name\":\"a \\\"b\\\"\""));
  assert_non_null(strstr(text, "\"share\":\"0.5\""));
  assert_non_null(strstr(text, "\"?\":\"x\""));
  assert_non_null(strstr(text, "\"level\":\"error\""));
  assert_non_null(strstr(text, "\"many\""));
}

LUA_TEST(templates_are_filled, "same(template.fill('{\"a\":\"${k}\"}', '{\"k\":1.5}'), '{\"a\":\"1.5\"}')\n"
                               "refused('invalid', '${x} is not a parameter', template.fill('${x}', '{}'))\n"
                               "refused('invalid', 'document ends', template.fill('', ''))\n"
                               "raises('string expected', template.fill, 'x')")

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(time_is_told),
      TEST(each_state_has_its_own_configuration),
      TEST(digests_are_those_of_the_bytes),
      TEST(requests_go_where_they_may),
      TEST(ids_are_keys_and_texts),
      TEST(lines_reach_the_log),
      TEST(templates_are_filled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
