/* Resource workers: a plug-in on a thread of its own, seen from the loop it reports to. The plug-in is the fake
   of the tests, one that hangs, or one made here, whose verbs do what the test says. */
#include "sched/resource.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"

#include "errand.h"
#include "sched/modules.h"

#define PLUGIN(name) TEST_BINARY_DIR "/tests/plugins/" name ".so"

static struct orr_modules *modules;
static struct orr_loop *home;
static pthread_t home_thread;
static struct orr_resource *left_behind; /* one that hangs keeps what it has */
static char folder[FOLDER_ROOM];
static struct orr_log log_to;
static sem_t gate; /* where the plug-in made here waits */
static atomic_int closed, destroyed, running;

/* What home hears. */
static struct {
  sem_t word;
  struct orr_opened opened;
  int opens, changes;
  char changed_ids[256];
} heard;

static void hear_opened(struct orr_message *message) {
  struct orr_opened *opened = (struct orr_opened *)message;
  if (opened->user == &heard) heard.opens++;
  heard.opened = *opened;
  free(opened);
  sem_post(&heard.word);
}

static void hear_changed(struct orr_message *message) {
  struct orr_changed *changed = (struct orr_changed *)message;
  if (changed->user == &heard) heard.changes++;
  strncat(heard.changed_ids, changed->native_id, sizeof heard.changed_ids - strlen(heard.changed_ids) - 1);
  free(changed);
}

static void *live_at_home(void *loop) {
  orr_loop_run(loop);
  return NULL;
}

/* After this, all that was ever sent has been heard. */
static void leave_home(void) {
  if (!home) return;
  orr_loop_stop(home);
  pthread_join(home_thread, NULL);
  orr_loop_destroy(home);
  home = NULL;
}

static int start(void **state) {
  (void)state;
  folder_make(folder);
  modules = orr_modules_create();
  log_to = (struct orr_log){.fd = STDERR_FILENO, .level = ORR_LOG_ERROR};
  closed = destroyed = running = 0;
  memset(&heard, 0, sizeof heard);
  sem_init(&heard.word, 0, 0);
  sem_init(&gate, 0, 0);
  home = orr_loop_create(NULL);
  return pthread_create(&home_thread, NULL, live_at_home, home);
}

static int stop(void **state) {
  (void)state;
  leave_home();
  orr_modules_destroy(modules);
  folder_remove(folder);
  return 0;
}

static struct orr_plugin *load_module(const char *path, struct orr_loop *loop, const char *resource,
                                      void *data, struct orr_err *err) {
  (void)loop, (void)data;
  assert_string_equal(resource, "cluster");
  return orr_cmodule_load(modules, path, err);
}

static struct orr_resource *begin(const char *path, orr_plugin_load *load,
                                  const struct orrery_value *config) {
  struct orr_err err = {0};
  struct orr_resource_options options = {.name = "cluster",
                                         .path = path,
                                         .state_directory = folder,
                                         .config = config,
                                         .log = &log_to,
                                         .load = load,
                                         .home = home,
                                         .opened = hear_opened,
                                         .changed = hear_changed,
                                         .user = &heard};
  struct orr_resource *resource = orr_resource_start(&options, &err);
  if (!resource) fail_msg("%s", err.text);
  return resource;
}

/* Starts it and waits for its first word. */
static struct orr_resource *open_well(const char *path, orr_plugin_load *load,
                                      const struct orrery_value *config) {
  struct orr_resource *resource = begin(path, load, config);
  await(&heard.word);
  if (heard.opened.err.code) fail_msg("%s", heard.opened.err.text);
  return resource;
}

/* --- a plug-in made here --- */

static struct orrery_host *own_host;

static void own_open(struct orr_plugin *plugin, struct orrery_host *host, const struct orrery_value *config,
                     struct orrery_value *honours, void (*opened)(void *data, int code), void *data) {
  (void)plugin, (void)config;
  own_host = host;
  orrery_set_int(honours, "cores", 3);
  opened(data, ORR_OK);
}

/* submit waits at the gate, the others answer at once. */
static void own_run(struct orr_plugin *plugin, struct orrery_call *call) {
  (void)plugin;
  atomic_fetch_add(&running, 1);
  if (call->verb == ORR_SUBMIT) sem_wait(&gate);
  orrery_report_ok(call, 0);
  orr_call_finish(call, ORR_OK, NULL);
}

static void own_close(struct orr_plugin *plugin) { (void)plugin, atomic_fetch_add(&closed, 1); }
static void own_destroy(struct orr_plugin *plugin) { free(plugin), atomic_fetch_add(&destroyed, 1); }

static struct orr_plugin *load_own(const char *path, struct orr_loop *loop, const char *resource, void *data,
                                   struct orr_err *err) {
  static const struct orr_plugin_ops ops = {own_open, own_run, own_close, own_destroy};
  (void)path, (void)loop, (void)resource, (void)data, (void)err;
  struct orr_plugin *plugin = calloc(1, sizeof *plugin);
  *plugin = (struct orr_plugin){.ops = &ops, .verbs = 1u << ORR_SUBMIT | 1u << ORR_MONITOR};
  return plugin;
}

/* --- tests --- */

static void it_opens_and_works(void **state) {
  (void)state;
  struct errand it;
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value *config = orr_value_map(arena);
  orrery_set_int(config, "cores", 5);
  struct orr_resource *resource = begin(PLUGIN("fake"), load_module, config);
  orr_arena_destroy(arena); /* it has a copy */
  await(&heard.word);
  assert_int_equal(heard.opened.err.code, ORR_OK);
  assert_string_equal(heard.opened.plugin->name, "fake");
  assert_int_equal(orrery_int(orrery_get(heard.opened.honours, "cores"), 0), 5);
  assert_true(is_there(folder, "jobs")); /* its state folder is the one given */
  orr_resource_call(
      resource, errand_call(&it, home, ORR_SUBMIT, "{\"items\":[{\"tag\":\"a\"},{\"tag\":\"b\"}]}", 5000));
  errand_wait(&it);
  assert_string_equal(errand_said(&it), "0 {\"native_id\":\"1\"}\n1 {\"native_id\":\"2\"}\n");
  assert_true(orr_resource_stop(resource, 5000));
  leave_home();
  assert_int_equal(heard.opens, 1);
  errand_forget(&it);
}

static void calls_run_one_at_a_time(void **state) {
  (void)state;
  enum { CALLS = 20 };
  struct errand its[CALLS];
  struct orr_resource *resource = open_well("own", load_own, NULL);
  for (int i = 0; i < CALLS; i++)
    orr_resource_call(resource, errand_call(&its[i], home, ORR_SUBMIT, "{\"items\":[{}]}", 5000));
  for (int i = 0; i < CALLS; i++) {
    while (atomic_load(&running) < i + 1) usleep(1000);
    assert_int_equal(atomic_load(&running), i + 1); /* the next has not begun */
    assert_int_equal(sem_trywait(&its[i].over), -1);
    sem_post(&gate);
    errand_wait(&its[i]); /* in the order in which they were made */
    assert_int_equal(its[i].reports, 1);
    errand_forget(&its[i]);
  }
  assert_true(orr_resource_stop(resource, 5000));
}

static void a_verb_it_lacks_comes_back(void **state) {
  (void)state;
  struct errand it;
  struct orr_resource *resource = open_well("own", load_own, NULL);
  orr_resource_call(resource, errand_call(&it, home, ORR_SUSPEND, "{\"items\":[{}]}", 5000));
  errand_wait(&it);
  assert_int_equal(it.failure.code, ORR_NOT_FOUND);
  assert_int_equal(it.reports, 0);
  assert_int_equal(atomic_load(&running), 0);
  assert_true(orr_resource_stop(resource, 5000));
}

static void what_changes_is_heard(void **state) {
  (void)state;
  struct orr_resource *resource = open_well("own", load_own, NULL);
  orrery_changed(own_host, "7,");
  orrery_changed(own_host, "");
  orrery_changed(own_host, "8,");
  assert_true(orr_resource_stop(resource, 5000));
  leave_home(); /* it may be heard after the end */
  assert_int_equal(heard.changes, 3);
  assert_string_equal(heard.changed_ids, "7,8,");
}

/* --- failures --- */

static void expect_failure(const char *path, const char *why) {
  struct errand it;
  struct orr_resource *resource = begin(path, load_module, NULL);
  orr_resource_call(resource,
                    errand_call(&it, home, ORR_FIND, "{\"items\":[{}]}", 5000)); /* before its word */
  await(&heard.word);
  assert_int_equal(heard.opened.err.code, ORR_INVALID);
  if (!strstr(heard.opened.err.text, why)) fail_msg("%s", heard.opened.err.text);
  assert_true(orr_resource_stop(resource, 5000));
  errand_wait(&it);
  assert_int_equal(it.failure.code, ORR_UNAVAILABLE);
  leave_home();
  assert_int_equal(heard.opens, 1);
}

static void one_that_does_not_load_says_why(void **state) {
  (void)state;
  expect_failure(PLUGIN("no_submit"), "lacks the required verb submit");
}

static void one_that_does_not_open_says_why(void **state) {
  (void)state;
  expect_failure(PLUGIN("open_fails"), "the licence of this scheduler has expired");
}

static void nonsense_comes_home_as_it_is(void **state) {
  (void)state;
  struct errand it;
  struct orr_resource *resource = open_well(PLUGIN("nonsense"), load_module, NULL);
  orr_resource_call(resource, errand_call(&it, home, ORR_MONITOR, "{\"items\":[{},{}]}", 5000));
  errand_wait(&it);
  assert_int_equal(it.reports, 2); /* one for each item, however many were sent */
  assert_memory_equal(errand_said(&it), "0 {\"state\":\"LEVITATING\",", 24);
  assert_true(orr_resource_stop(resource, 5000));
  errand_forget(&it);
}

/* --- the end --- */

static void waiting_calls_come_home_at_the_end(void **state) {
  (void)state;
  struct errand its[4];
  struct orr_resource *resource = open_well("own", load_own, NULL);
  for (int i = 0; i < 4; i++)
    orr_resource_call(resource, errand_call(&its[i], home, ORR_SUBMIT, "{\"items\":[{}]}", 5000));
  while (atomic_load(&running) == 0) usleep(1000);
  assert_false(orr_resource_stop(resource, 1)); /* busy: it keeps what it has, and may be asked again */
  for (int i = 0; i < 4; i++) sem_post(&gate);
  assert_true(orr_resource_stop(resource, 5000));
  for (int i = 0; i < 4; i++) {
    errand_wait(&its[i]);
    errand_forget(&its[i]);
  }
  assert_int_equal(its[0].failure.code, ORR_OK);
  assert_int_equal(atomic_load(&closed), 1);
  assert_int_equal(atomic_load(&destroyed), 1);
}

static void one_that_hangs_is_left_behind(void **state) {
  (void)state;
  struct errand stuck, it;
  left_behind = open_well(PLUGIN("hangs"), load_module, NULL);
  struct orr_resource *other = open_well("own", load_own, NULL);
  orr_resource_call(left_behind, errand_call(&stuck, home, ORR_SUBMIT, "{\"items\":[{}]}", 5000));
  orr_resource_call(other, errand_call(&it, home, ORR_MONITOR, "{\"items\":[{}]}", 5000));
  errand_wait(&it); /* nobody else waits for it */
  assert_int_equal(it.reports, 1);
  int64_t before = orr_clock_ms();
  assert_false(orr_resource_stop(left_behind, 50));
  assert_true(orr_clock_ms() - before >= 45);
  assert_true(orr_resource_stop(other, 5000));
  assert_int_equal(stuck.overs, 0);
  errand_forget(&it);
}

static void it_leaves_no_descriptor_open(void **state) {
  (void)state;
  assert_true(orr_resource_stop(open_well(PLUGIN("fake"), load_module, NULL), 5000));
  int before = count_descriptors();
  for (int i = 0; i < 20; i++)
    assert_true(orr_resource_stop(open_well(PLUGIN("fake"), load_module, NULL), 5000));
  assert_int_equal(count_descriptors(), before);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(it_opens_and_works),
      TEST(calls_run_one_at_a_time),
      TEST(a_verb_it_lacks_comes_back),
      TEST(what_changes_is_heard),
      TEST(one_that_does_not_load_says_why),
      TEST(one_that_does_not_open_says_why),
      TEST(nonsense_comes_home_as_it_is),
      TEST(waiting_calls_come_home_at_the_end),
      TEST(one_that_hangs_is_left_behind),
      TEST(it_leaves_no_descriptor_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
