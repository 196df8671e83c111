/* The log: its two forms, its levels, and lines that never mix. */
#include "base/log.h"

#include <pthread.h>
#include <unistd.h>

#include "base/json.h"
#include "unit.h"

static FILE *file;
static struct orr_log lines;

static int start(void **state) {
  (void)state;
  file = tmpfile();
  lines = (struct orr_log){.fd = fileno(file)};
  return 0;
}

static int stop(void **state) {
  (void)state;
  fclose(file);
  return 0;
}

static const char *written(void) {
  static char text[4096];
  ssize_t size = pread(lines.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  return text;
}

static void text_for_people(void **state) {
  (void)state;
  orr_log(&lines, ORR_LOG_INFO, "listening", ORR_S("url", "http://x"), ORR_I("workers", -4));
  orr_log(&lines, ORR_LOG_ERROR, "plain");
  orr_log(&lines, ORR_LOG_WARN, "odd", ORR_S("spaces", "a b"), ORR_S("quote", "\"x\""), ORR_S("line", "a\nb"),
          ORR_S("escape", "\x1b[31m"), ORR_S("equal", "k=v"), ORR_S("empty", ""));
  char *line = strdup(written()), *rest = line, *first = strsep(&rest, "\n"), *second = strsep(&rest, "\n");
  assert_string_equal(first + 12, " info  listening url=http://x workers=-4");
  assert_string_equal(second + 12, " error plain");
  assert_string_equal(rest + 12,
                      " warn  odd spaces=\"a b\" quote=\"\\\"x\\\"\" line=\"a\\nb\" escape=\"\\u001b[31m\" "
                      "equal=\"k=v\" empty=\n");
  free(line);
}

static void json_for_machines(void **state) {
  (void)state;
  lines.json = true;
  orr_log(&lines, ORR_LOG_WARN, "said \"so\"", ORR_S("text", "a\n\xff"), ORR_I("number", INT64_MIN));
  struct orr_arena *arena = orr_arena_create();
  const struct orrery_value *line = orr_json_read(arena, written(), strlen(written()), NULL, NULL);
  assert_non_null(line);
  assert_int_equal(strlen(orrery_text(orrery_get(line, "time"), NULL, "")), 24);
  assert_string_equal(orrery_text(orrery_get(line, "level"), NULL, ""), "warn");
  assert_string_equal(orrery_text(orrery_get(line, "message"), NULL, ""), "said \"so\"");
  assert_string_equal(orrery_text(orrery_get(line, "text"), NULL, ""), "a\n\xef\xbf\xbd");
  assert_int_equal(orrery_int(orrery_get(line, "number"), 0), INT64_MIN);
  orr_arena_destroy(arena);
}

static void levels(void **state) {
  (void)state;
  enum orr_log_level level;
  static const char *const names[] = {"debug", "info", "warn", "error"};
  for (int i = 0; i < 4; i++) {
    assert_true(orr_log_level_parse(names[i], &level));
    assert_int_equal(level, i);
  }
  assert_false(orr_log_level_parse("loud", &level));
  assert_false(orr_log_level_parse("", &level));
  lines.level = ORR_LOG_WARN;
  orr_log(&lines, ORR_LOG_DEBUG, "quiet");
  orr_log(&lines, ORR_LOG_INFO, "quiet");
  assert_string_equal(written(), "");
  orr_log(&lines, ORR_LOG_WARN, "heard");
  assert_non_null(strstr(written(), "heard"));
}

static void *chatter(void *data) {
  for (int i = 0; i < 500; i++) orr_log(&lines, ORR_LOG_INFO, "words", ORR_S("who", data), ORR_S("end", "."));
  return NULL;
}

static void lines_never_mix(void **state) {
  (void)state;
  pthread_t threads[4];
  char who[4][301];
  for (int i = 0; i < 4; i++) {
    memset(who[i], 'a' + i, 300);
    who[i][300] = 0;
    pthread_create(&threads[i], NULL, chatter, who[i]);
  }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  char line[512], expected[512];
  int count = 0;
  for (rewind(file); fgets(line, sizeof line, file); count++) {
    const char *start_of_who = strstr(line, "who=");
    assert_non_null(start_of_who);
    snprintf(expected, sizeof expected, " info  words who=%s end=.\n", who[start_of_who[4] - 'a']);
    assert_string_equal(line + 12, expected);
  }
  assert_int_equal(count, 2000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(text_for_people),
      TEST(json_for_machines),
      TEST(levels),
      TEST(lines_never_mix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
