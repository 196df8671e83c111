/* What a plug-in instance can say to the house, and ask of it. */
#include "sched/host.h"

#include "../base/folder.h"

static char folder[FOLDER_ROOM], changed_id[64];
static struct orr_log log_to;
static struct orrery_host host;

static void keep_changed(void *data, const char *native_id) {
  assert_ptr_equal(data, &host);
  snprintf(changed_id, sizeof changed_id, "%s", native_id);
}

static int start(void **state) {
  (void)state;
  folder_make(folder);
  log_to =
      (struct orr_log){.fd = open(PATH_OF(folder, "log"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), .json = true};
  host = (struct orrery_host){.resource = "cluster",
                              .state_directory = "/state",
                              .plugin_directory = "/plug-ins",
                              .log = &log_to,
                              .changed = keep_changed,
                              .data = &host};
  return 0;
}

static int stop(void **state) {
  (void)state;
  close(log_to.fd);
  folder_remove(folder);
  return 0;
}

/* What was logged since the last look. */
static const char *logged(void) {
  static char text[8192];
  ssize_t size = pread(log_to.fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = 0;
  assert_int_equal(ftruncate(log_to.fd, 0), 0);
  lseek(log_to.fd, 0, SEEK_SET);
  return text;
}

static void its_lines_reach_the_log(void **state) {
  (void)state;
  static const char *const levels[] = {"debug", "info", "warn", "error", "error", "error"};
  static const int given[] = {ORRERY_DEBUG, ORRERY_INFO, ORRERY_WARN, ORRERY_ERROR, 99, -1};
  for (size_t i = 0; i < COUNT(levels); i++) {
    char level[32];
    snprintf(level, sizeof level, "\"level\":\"%s\"", levels[i]);
    orrery_log(&host, (enum orrery_level)given[i], "%d jobs of \"%s\"", 5, "me");
    const char *line = logged();
    assert_non_null(strstr(line, level));
    assert_non_null(strstr(line, "\"resource\":\"cluster\""));
    assert_non_null(strstr(line, "5 jobs of \\\"me\\\""));
  }
  log_to.level = ORR_LOG_WARN;
  orrery_log(&host, ORRERY_INFO, "not worth it");
  assert_string_equal(logged(), "");
}

static void a_line_is_bounded_and_stays_one(void **state) {
  (void)state;
  static char large[10000];
  memset(large, 'x', sizeof large - 1);
  orrery_log(&host, ORRERY_INFO, "%s", large);
  const char *line = logged();
  assert_in_range(strlen(line), 2000, 4000);
  orrery_log(&host, ORRERY_INFO, "one\ntwo");
  line = logged();
  assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void it_says_why_it_fails(void **state) {
  (void)state;
  orrery_host_fail(&host, "no %s here", "slurm");
  assert_int_equal(host.failure.code, ORR_INVALID);
  assert_string_equal(host.failure.text, "no slurm here");
  static char large[10000];
  memset(large, 'x', sizeof large - 1);
  orrery_host_fail(&host, "%s", large);
  assert_int_equal(strlen(host.failure.text), sizeof host.failure.text - 1);
}

static void it_says_what_changed(void **state) {
  (void)state;
  orrery_changed(&host, "4711");
  assert_string_equal(changed_id, "4711");
}

static void it_asks_for_its_folders(void **state) {
  (void)state;
  assert_string_equal(orrery_host_directory(&host, "state"), "/state");
  assert_string_equal(orrery_host_directory(&host, "plugin"), "/plug-ins");
  assert_null(orrery_host_directory(&host, "home"));
  assert_null(orrery_host_directory(&host, ""));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(its_lines_reach_the_log), TEST(a_line_is_bounded_and_stays_one), TEST(it_says_why_it_fails),
      TEST(it_says_what_changed),    TEST(it_asks_for_its_folders),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
