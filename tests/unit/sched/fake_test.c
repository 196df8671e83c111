/* The fake scheduler that other tests lean on does what its first page says. */
#include "plugin_rig.h"

#define FAKE TEST_BINARY_DIR "/tests/plugins/fake.so"
#define SCRIPT(keys) "{\"argv\":[\"x\"],\"attributes\":{\"duration\":60,\"custom_attributes\":{" keys "}}}"

static void its_jobs_are_timers(void **unused) {
  (void)unused;
  struct rig *rig = rig_open_plugin(FAKE, "{}");
  struct job job = rig_submit(rig, SCRIPT("\"queue_ms\":150,\"run_ms\":150"));
  struct job code = rig_submit(rig, SCRIPT("\"exit_code\":\"7\"")),
             signal = rig_submit(rig, SCRIPT("\"signal\":9"));
  struct job late =
      rig_submit(rig, "{\"attributes\":{\"duration\":1,\"custom_attributes\":{\"run_ms\":5000}}}");
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "QUEUED");
  rig_await(rig, &job, "ACTIVE");
  rig_expect(rig, &job, "COMPLETED", "");
  rig_expect(rig, &code, "FAILED", "EXIT_CODE");
  assert_int_equal(orrery_int(orrery_get(rig_status(rig, &code), "exit_code"), 0), 7);
  rig_expect(rig, &signal, "FAILED", "SIGNAL");
  rig_expect(rig, &late, "FAILED", "TIMEOUT");
  rig_close(rig);
}

static void it_can_be_controlled(void **unused) {
  (void)unused;
  struct rig *rig = rig_open_plugin(FAKE, "{}");
  const struct orrery_plugin *plugin = rig->plugin;
  struct job job = rig_submit(rig, SCRIPT("\"queue_ms\":100,\"run_ms\":300"));
  assert_null(rig_refusal(rig, plugin->hold, &job));
  usleep(200000);
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "HELD");
  assert_non_null(rig_refusal(rig, plugin->suspend, &job));
  assert_null(rig_refusal(rig, plugin->release, &job));
  rig_await(rig, &job, "ACTIVE");
  assert_null(rig_refusal(rig, plugin->suspend, &job));
  usleep(400000);
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "SUSPENDED");
  assert_null(rig_refusal(rig, plugin->resume, &job));
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "ACTIVE");
  assert_null(orrery_get(rig_do(rig, plugin->signal, &job, "USR1"), "error"));
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "ACTIVE");
  assert_null(orrery_get(rig_do(rig, plugin->signal, &job, "SIGTERM"), "error"));
  rig_expect(rig, &job, "FAILED", "SIGNAL");
  struct job other = rig_submit(rig, SCRIPT("\"run_ms\":60000"));
  assert_null(rig_refusal(rig, plugin->cancel, &other));
  rig_expect(rig, &other, "CANCELED", "");
  assert_non_null(rig_refusal(rig, plugin->cancel, &other));
  rig_close(rig);
}

static void its_failures_are_scripted(void **unused) {
  (void)unused;
  struct rig *rig = rig_open_plugin(FAKE, "{\"max_jobs\":2}");
  struct job job;
  assert_string_equal(rig_try(rig, SCRIPT("\"submit_error\":\"rejected\""), &job), "rejected");
  assert_string_equal(rig_try(rig, SCRIPT("\"submit_error\":\"busy\",\"submit_errors\":1"), &job), "busy");
  rig->jobs--; /* the same job again */
  assert_null(rig_try(rig, SCRIPT("\"submit_error\":\"busy\",\"submit_errors\":1"), &job));
  assert_string_equal(rig_try(rig, SCRIPT("\"submit_error\":\"unknown\",\"submit_lands\":true"), &job),
                      "unknown");
  struct orrery_value *items = orr_value_list(rig->arena);
  orrery_set_text(orrery_add_map(items), "tag", job.tag);
  const struct orrery_value *found = rig_call(rig, rig->plugin->find, items, NULL)->reports[0];
  assert_string_equal(rig_text(found, "answer"), "found");
  assert_string_equal(rig_text(found, "native_id"), "2");
  struct job lost = rig_submit(rig, SCRIPT("\"vanish\":true,\"queue_ms\":100"));
  assert_string_equal(rig_text(rig_status(rig, &lost), "state"), "QUEUED");
  usleep(150000);
  assert_true(orrery_bool(orrery_get(rig_status(rig, &lost), "absent"), false));
  struct job broken = rig_submit(rig, SCRIPT("\"monitor_error\":\"unavailable\""));
  assert_string_equal(rig_text(rig_status(rig, &broken), "error.class"), "unavailable");
  struct job slow = rig_submit(rig, SCRIPT("\"lost_accounting_ms\":300"));
  const struct orrery_value *report = rig_status(rig, &slow);
  assert_string_equal(rig_text(report, "state"), "COMPLETED");
  assert_false(orrery_bool(orrery_get(report, "final"), true));
  rig_expect(rig, &slow, "COMPLETED", "");
  rig_submit(rig, SCRIPT("\"run_ms\":60000"));
  rig_submit(rig, SCRIPT("\"run_ms\":60000"));
  assert_string_equal(rig_try(rig, SCRIPT(""), &job), "busy");
  rig_close(rig);
}

static void it_survives_a_restart_and_counts_starts(void **unused) {
  (void)unused;
  struct rig *rig = rig_open_plugin(FAKE, "{}");
  struct job running = rig_submit(rig, SCRIPT("\"run_ms\":60000")),
             held = rig_submit(rig, SCRIPT("\"queue_ms\":1000"));
  assert_null(rig_refusal(rig, rig->plugin->hold, &held));
  rig->plugin->close(rig->instance);
  rig_connect(rig, "{}", orr_value_map(rig->arena));
  assert_string_equal(rig_text(rig_status(rig, &running), "state"), "ACTIVE");
  assert_string_equal(rig_text(rig_status(rig, &held), "state"), "HELD");
  const char *starts = orr_arena_printf(rig->arena, "%s/starts", rig->host.state);
  assert_string_equal(rig_read(rig, NULL, starts), "orrery-tag-1\norrery-tag-2\n");
  char *down = orr_arena_printf(rig->arena, "%s/down", rig->host.state);
  close(open(down, O_CREAT | O_WRONLY, 0600));
  assert_string_equal(rig_text(rig_status(rig, &running), "error.class"), "unavailable");
  unlink(down);
  assert_string_equal(rig_text(rig_status(rig, &running), "state"), "ACTIVE");
  rig_close(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(its_jobs_are_timers),
      cmocka_unit_test(it_can_be_controlled),
      cmocka_unit_test(its_failures_are_scripted),
      cmocka_unit_test(it_survives_a_restart_and_counts_starts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
