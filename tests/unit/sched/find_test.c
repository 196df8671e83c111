/* Where a plug-in of a name is found. */
#include "sched/plugin.h"

#include "../base/folder.h"

static char top[FOLDER_ROOM], folders[300];

static int start(void **state) {
  (void)state;
  folder_make(top);
  make_folder(top, "site");
  make_folder(top, "ours");
  snprintf(folders, sizeof folders, "%s/site:%s/absent:%s/ours", top, top, top);
  write_file(top, "ours/slurm.lua", "");
  write_file(top, "ours/local.so", "");
  write_file(top, "ours/Both_2-x.so", "");
  write_file(top, "ours/Both_2-x.lua", "");
  return 0;
}

static int stop(void **state) {
  (void)state;
  folder_remove(top);
  return 0;
}

static void expect(const char *name, const char *file) {
  char path[256];
  struct orr_err err = {0};
  if (orr_plugin_find(folders, name, path, sizeof path, &err)) fail_msg("%s", err.text);
  assert_string_equal(path, PATH_OF(top, file));
}

static int refuse(const char *where, const char *name, const char *why) {
  char path[256];
  struct orr_err err = {0};
  int code = orr_plugin_find(where, name, path, sizeof path, &err);
  if (!strstr(err.text, why)) fail_msg("%s", err.text);
  return code;
}

static void either_language_is_found(void **state) {
  (void)state;
  expect("slurm", "ours/slurm.lua");
  expect("local", "ours/local.so");
  expect("Both_2-x", "ours/Both_2-x.so");
}

static void the_first_folder_wins(void **state) {
  (void)state;
  write_file(top, "site/local.lua", "");
  expect("local", "site/local.lua"); /* whatever its language */
  expect("slurm", "ours/slurm.lua");
}

static void what_is_not_there_is_told(void **state) {
  (void)state;
  assert_int_equal(refuse(folders, "sge", "sge.so or sge.lua in"), ORR_NOT_FOUND);
  assert_int_equal(refuse("", "local", "no scheduler plug-in local"), ORR_NOT_FOUND);
  assert_int_equal(refuse(":::", "local", "no scheduler plug-in local"), ORR_NOT_FOUND);
  char small[8];
  assert_int_equal(orr_plugin_find(folders, "local", small, sizeof small, NULL), ORR_NOT_FOUND);
}

/* A name never leads anywhere else. */
static void a_name_is_no_path(void **state) {
  (void)state;
  static const char *const names[] = {"",    "../ours/local", "local.so",    "/etc/passwd",
                                      "a b", "a:b",           "gr\xc3\xbcn", "*"};
  for (size_t i = 0; i < COUNT(names); i++)
    assert_int_equal(refuse(folders, names[i], "is no name of a scheduler plug-in"), ORR_INVALID);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(either_language_is_found),
      TEST(the_first_folder_wins),
      TEST(what_is_not_there_is_told),
      TEST(a_name_is_no_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
