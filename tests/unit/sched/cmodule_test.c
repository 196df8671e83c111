/* Plug-ins in C: which are taken, which are refused and with what words. */
#include "sched/plugin.h"

#include "base/file.h"
#include "errand.h"
#include "sched/modules.h"

#define PLUGIN(name) TEST_BINARY_DIR "/tests/plugins/" name ".so"

static struct orr_modules *modules;

static void refuse(const char *path, const char *why) {
  struct orr_err err = {0};
  assert_null(orr_cmodule_load(modules, path, &err));
  assert_int_equal(err.code, ORR_INVALID);
  if (!strstr(err.text, why)) fail_msg("\"%s\" is not in \"%s\"", why, err.text);
  if (!strstr(err.text, path)) fail_msg("no file in \"%s\"", err.text);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  refuse(PLUGIN("bad_abi"), "speaks plug-in ABI 2.0, this server speaks 1.0: rebuild it");
  refuse(PLUGIN("no_submit"), "lacks the required verb submit");
  refuse(PLUGIN("no_symbol"), "undefined symbol: orrery_plugin");
  refuse(PLUGIN("absent"), "No such file");
  char folder[FOLDER_ROOM];
  folder_make(folder);
  write_file(folder, "text.so", "this is no shared object");
  refuse(PATH_OF(folder, "text.so"), "cannot load");
  folder_remove(folder);
}

static void what_it_has_is_told(void **state) {
  (void)state;
  struct orr_plugin *fake = orr_cmodule_load(modules, PLUGIN("fake"), NULL),
                    *poor = orr_cmodule_load(modules, PLUGIN("hangs"), NULL);
  assert_non_null(fake);
  assert_non_null(poor);
  assert_string_equal(fake->language, "C");
  assert_string_equal(fake->name, "fake");
  assert_string_equal(fake->version, "1");
  assert_string_equal(fake->path, PLUGIN("fake"));
  assert_int_equal(fake->abi_major, ORRERY_ABI_MAJOR);
  assert_int_equal(fake->abi_minor, ORRERY_ABI_MINOR);
  for (int verb = 0; verb < ORR_VERBS; verb++) {
    assert_true(orr_plugin_has(fake, (enum orr_verb)verb));
    assert_int_equal(orr_plugin_has(poor, (enum orr_verb)verb), orr_verb_required((enum orr_verb)verb));
  }
  fake->ops->destroy(fake);
  poor->ops->destroy(poor);
}

/* --- an instance --- */

static int opened_code;

static void keep_code(void *data, int code) {
  (void)data;
  opened_code = code;
}

static void ignore_changed(void *data, const char *native_id) { (void)data, (void)native_id; }

static struct orrery_host host_in(const char *folder, const struct orr_log *log) {
  return (struct orrery_host){.resource = "test",
                              .state_directory = folder,
                              .plugin_directory = folder,
                              .log = log,
                              .changed = ignore_changed};
}

/* --- a file that is replaced --- */

static struct orr_buf bytes_of(const char *path) {
  struct orr_buf bytes = {0};
  assert_int_equal(orr_file_read(path, 64 << 20, &bytes, NULL), ORR_OK);
  return bytes;
}

/* Into the same file, as `cp` does, or so much of it as is given. */
static void overwrite(const char *path, const char *source, size_t most) {
  struct orr_buf bytes = bytes_of(source);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  size_t size = bytes.size < most ? bytes.size : most;
  assert_int_equal(write(fd, bytes.data, size), size);
  close(fd);
  orr_buf_free(&bytes);
}

static void expect_name(const char *path, const char *name) {
  struct orr_err err = {0};
  struct orr_plugin *plugin = orr_cmodule_load(modules, path, &err);
  if (!plugin) fail_msg("%s", err.text);
  assert_string_equal(plugin->name, name);
  assert_string_equal(plugin->path, path);
  plugin->ops->destroy(plugin);
}

static void a_file_that_was_replaced_is_loaded_anew(void **state) {
  (void)state;
  char folder[FOLDER_ROOM];
  folder_make(folder);
  const char *path = PATH_OF(folder, "it.so"), *other = PATH_OF(folder, "other.so");
  overwrite(path, PLUGIN("fake"), SIZE_MAX);
  expect_name(path, "fake");
  overwrite(other, PLUGIN("hangs"), SIZE_MAX);
  assert_int_equal(rename(other, path), 0);
  expect_name(path, "hangs");
  overwrite(path, PLUGIN("fake"), SIZE_MAX);
  expect_name(path, "fake");
  folder_remove(folder);
}

static void a_file_that_stays_is_loaded_once(void **state) {
  (void)state;
  expect_name(PLUGIN("fake"), "fake");
  int before = count_descriptors();
  for (int i = 0; i < 100; i++) expect_name(PLUGIN("fake"), "fake");
  assert_int_equal(count_descriptors(), before);
}

/* The code that runs is a copy: what is done to its file does not reach it. */
static void what_is_loaded_outlives_its_file(void **state) {
  (void)state;
  char folder[FOLDER_ROOM];
  folder_make(folder);
  const char *path = PATH_OF(folder, "it.so");
  overwrite(path, PLUGIN("fake"), SIZE_MAX);
  struct orr_plugin *fake = orr_cmodule_load(modules, path, NULL);
  assert_non_null(fake);
  assert_int_equal(truncate(path, 0), 0);
  opened_code = ORR_OK;
  struct orr_log log = {.fd = STDERR_FILENO};
  struct orrery_host host = host_in("/nowhere", &log);
  struct orr_arena *arena = orr_arena_create();
  fake->ops->open(fake, &host, orr_value_map(arena), orr_value_map(arena), keep_code, NULL);
  assert_string_equal(host.failure.text, "cannot write to /nowhere");
  fake->ops->destroy(fake);
  orr_arena_destroy(arena);
  folder_remove(folder);
}

static void a_file_that_is_not_whole_is_refused(void **state) {
  (void)state;
  char folder[FOLDER_ROOM];
  folder_make(folder);
  struct orr_buf whole = bytes_of(PLUGIN("fake"));
  const char *path = PATH_OF(folder, "it.so");
  int before = count_descriptors();
  for (size_t size = 0; size < whole.size; size += 1 + whole.size / 100) {
    overwrite(path, PLUGIN("fake"), size);
    refuse(path, "cannot load");
  }
  assert_int_equal(count_descriptors(), before);
  orr_buf_free(&whole);
  folder_remove(folder);
}

static void an_instance_works(void **state) {
  (void)state;
  char folder[FOLDER_ROOM];
  folder_make(folder);
  struct orr_log log = {.fd = STDERR_FILENO};
  struct orrery_host host = host_in(folder, &log);
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value *config = orr_value_map(arena), *honours = orr_value_map(arena);
  struct orr_loop *loop = orr_loop_create(NULL);
  struct orr_plugin *fake = orr_cmodule_load(modules, PLUGIN("fake"), NULL);
  struct errand it;
  orrery_set_int(config, "cores", 5);
  opened_code = 1;
  fake->ops->open(fake, &host, config, honours, keep_code, NULL);
  assert_int_equal(opened_code, ORR_OK);
  assert_int_equal(orrery_int(orrery_get(honours, "cores"), 0), 5);
  fake->ops->run(fake, errand_call(&it, loop, ORR_SUBMIT, "{\"items\":[{\"tag\":\"t\"}]}", 1000));
  orr_loop_destroy(loop); /* delivers what was said */
  assert_int_equal(it.overs, 1);
  assert_string_equal(errand_said(&it), "0 {\"native_id\":\"1\"}\n");
  assert_int_equal(it.failure.code, ORR_OK);
  fake->ops->close(fake);
  fake->ops->destroy(fake);
  errand_forget(&it);
  orr_arena_destroy(arena);
  folder_remove(folder);
}

static void one_that_cannot_be_opened_says_why(void **state) {
  (void)state;
  struct orr_log log = {.fd = STDERR_FILENO};
  struct orrery_host host = host_in("/nowhere", &log);
  struct orr_arena *arena = orr_arena_create();
  struct orr_plugin *plugin = orr_cmodule_load(modules, PLUGIN("open_fails"), NULL);
  plugin->ops->open(plugin, &host, orr_value_map(arena), orr_value_map(arena), keep_code, NULL);
  assert_int_equal(opened_code, ORR_INVALID);
  assert_string_equal(host.failure.text, "the licence of this scheduler has expired");
  plugin->ops->close(plugin); /* there is no instance to close */
  plugin->ops->destroy(plugin);
  host.failure = (struct orr_err){0};
  plugin = orr_cmodule_load(modules, PLUGIN("fake"), NULL);
  plugin->ops->open(plugin, &host, orr_value_map(arena), orr_value_map(arena), keep_code, NULL);
  assert_int_equal(opened_code, ORR_INVALID);
  assert_string_equal(host.failure.text, "cannot write to /nowhere");
  plugin->ops->destroy(plugin);
  orr_arena_destroy(arena);
}

static int start(void **state) {
  (void)state;
  modules = orr_modules_create();
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_modules_destroy(modules);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_does_not_fit_is_refused),
      cmocka_unit_test(what_it_has_is_told),
      cmocka_unit_test(a_file_that_was_replaced_is_loaded_anew),
      cmocka_unit_test(a_file_that_stays_is_loaded_once),
      cmocka_unit_test(what_is_loaded_outlives_its_file),
      cmocka_unit_test(a_file_that_is_not_whole_is_refused),
      cmocka_unit_test(an_instance_works),
      cmocka_unit_test(one_that_cannot_be_opened_says_why),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
