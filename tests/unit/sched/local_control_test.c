/* The local scheduler: what can be done to jobs. */
#include "plugin_rig.h"

/* The pid a job wrote into a file of its directory. */
static pid_t pid_in(struct rig *rig, const struct job *job, const char *name) {
  rig_await_file(orr_arena_printf(rig->arena, "%s/%s", job->directory, name), 2);
  return (pid_t)strtol(rig_read(rig, job, name), NULL, 10);
}

static void ends_a_job_at_its_time_limit(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":4,\"kill_grace\":0.3}");
  struct job meek = rig_sh(rig, "sleep 60", "\"attributes\":{\"duration\":1}");
  struct job stubborn =
      rig_sh(rig, "trap '' TERM; while :; do sleep 0.1; done", "\"attributes\":{\"duration\":1}");
  struct job quick = rig_sh(rig, "sleep 0.1", "\"attributes\":{\"duration\":1}");
  rig_expect(rig, &quick, "COMPLETED", "");
  rig_expect(rig, &meek, "FAILED", "TIMEOUT");
  rig_expect(rig, &stubborn, "FAILED", "TIMEOUT");
  const struct orrery_value *report = rig_status(rig, &stubborn);
  assert_int_equal(orrery_int(orrery_get(report, "signal"), 0), SIGKILL);
  assert_true(orrery_real(orrery_get(report, "usage.wall_seconds"), 0) >= 1.25);
  assert_int_equal(orrery_int(orrery_get(rig_status(rig, &meek), "signal"), 0), SIGTERM);
  assert_string_equal(rig_text(report, "message"), "stopped at its time limit of 1 s");
  rig_close(rig);
}

static void cancels(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1,\"kill_grace\":0.3}");
  struct job stubborn = rig_sh(rig, "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done", "");
  struct job queued = rig_sh(rig, "true", ""), next = rig_sh(rig, "sleep 60", "");
  pid_t pid = pid_in(rig, &stubborn, "pid");
  assert_string_equal(rig_text(rig_status(rig, &queued), "state"), "QUEUED");
  assert_null(rig_refusal(rig, rig->plugin->cancel, &queued));
  rig_expect(rig, &queued, "CANCELED", "");
  assert_int_equal(orrery_int(orrery_get(rig_status(rig, &queued), "runs"), -1), 0);
  assert_null(rig_refusal(rig, rig->plugin->cancel, &stubborn));
  assert_string_equal(rig_text(rig_status(rig, &stubborn), "native_state"), "stopping");
  assert_null(rig_refusal(rig, rig->plugin->cancel, &stubborn)); /* again is no harm */
  rig_expect(rig, &stubborn, "CANCELED", "");
  assert_int_equal(process_state(pid), 0);
  rig_await(rig, &next, "ACTIVE"); /* the slot is free again */
  assert_null(rig_refusal(rig, rig->plugin->cancel, &next));
  rig_expect(rig, &next, "CANCELED", "");
  assert_string_equal(rig_refusal(rig, rig->plugin->cancel, &next), "job 3 has ended");
  rig_close(rig);
}

static void leaves_a_result_that_came_first(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = rig_sh(rig, "echo $$ > pid; exit 4", "");
  pid_t pid = pid_in(rig, &job, "pid");
  await_process_state(pid, 0);
  assert_string_equal(rig_refusal(rig, rig->plugin->cancel, &job), "job 1 has ended");
  rig_expect(rig, &job, "FAILED", "EXIT_CODE");
  rig_close(rig);
}

static void suspends_and_resumes_the_whole_group(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job =
      rig_sh(rig, "sleep 60 & echo $! > member; echo $$ > leader; wait", "\"attributes\":{\"duration\":2}");
  pid_t leader = pid_in(rig, &job, "leader"), member = pid_in(rig, &job, "member");
  assert_null(rig_refusal(rig, rig->plugin->suspend, &job));
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "SUSPENDED");
  await_process_state(leader, 'T');
  await_process_state(member, 'T');
  usleep(2500000); /* longer than its limit, which does not count now */
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "SUSPENDED");
  assert_null(rig_refusal(rig, rig->plugin->resume, &job));
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "ACTIVE");
  await_process_state(leader, 'S');
  await_process_state(member, 'S');
  rig_expect(rig, &job, "FAILED", "TIMEOUT"); /* it counts again */
  assert_true(orrery_real(orrery_get(rig_status(rig, &job), "usage.wall_seconds"), 0) >= 4.4);
  rig_close(rig);
}

static void cancels_a_suspended_job(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1,\"kill_grace\":30}");
  struct job job = rig_sh(rig, "echo $$ > pid; exec sleep 60", "");
  pid_t pid = pid_in(rig, &job, "pid");
  assert_null(rig_refusal(rig, rig->plugin->suspend, &job));
  await_process_state(pid, 'T');
  assert_null(rig_refusal(rig, rig->plugin->cancel, &job));
  await_process_state(pid, 0); /* long before the grace is over */
  rig_expect(rig, &job, "CANCELED", "");
  rig_close(rig);
}

static void holds_and_releases(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job first = rig_sh(rig, "while [ ! -e go ]; do sleep 0.05; done", ""),
             held = rig_sh(rig, "true", "");
  struct job last = rig_sh(rig, "true", "");
  rig_await(rig, &first, "ACTIVE");
  assert_null(rig_refusal(rig, rig->plugin->hold, &held));
  assert_string_equal(rig_text(rig_status(rig, &held), "state"), "HELD");
  assert_non_null(strstr(rig_refusal(rig, rig->plugin->hold, &first), "is running already"));
  close(open(orr_arena_printf(rig->arena, "%s/go", first.directory), O_CREAT | O_WRONLY, 0600));
  rig_expect(rig, &last, "COMPLETED", ""); /* it did not wait for the held one */
  assert_string_equal(rig_text(rig_status(rig, &held), "state"), "HELD");
  assert_null(rig_refusal(rig, rig->plugin->release, &held));
  rig_expect(rig, &held, "COMPLETED", "");
  rig_close(rig);
}

static void sends_signals(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = rig_sh(rig,
                          "trap 'echo got1' USR1; trap 'echo got2; exit 0' USR2; echo $$ > pid;"
                          "while :; do sleep 0.05; done",
                          "");
  pid_in(rig, &job, "pid");
  assert_null(orrery_get(rig_do(rig, rig->plugin->signal, &job, "USR1"), "error"));
  rig_await_file(orr_arena_printf(rig->arena, "%s/stdout", job.directory), 5);
  const struct orrery_value *report = rig_do(rig, rig->plugin->signal, &job, "NOSUCH");
  assert_string_equal(rig_text(report, "error.class"), "rejected");
  assert_null(orrery_get(rig_do(rig, rig->plugin->signal, &job, "SIGUSR2"), "error"));
  rig_expect(rig, &job, "COMPLETED", "");
  assert_string_equal(rig_read(rig, &job, "stdout"), "got1\ngot2\n");
  rig_close(rig);
}

static void refuses_with_a_sentence(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job running = rig_sh(rig, "sleep 60", ""), queued = rig_sh(rig, "true", "");
  rig_await(rig, &running, "ACTIVE");
  struct job stranger = {.tag = "orrery-tag-9", .id = "77", .directory = running.directory};
  struct job impostor = running;
  snprintf(impostor.tag, sizeof impostor.tag, "another-tag");
  assert_string_equal(rig_refusal(rig, rig->plugin->cancel, &stranger), "job 77 is not known here");
  assert_string_equal(rig_refusal(rig, rig->plugin->cancel, &impostor), "job 1 is not known here");
  assert_true(orrery_bool(orrery_get(rig_status(rig, &impostor), "absent"), false));
  assert_non_null(strstr(rig_refusal(rig, rig->plugin->suspend, &queued), "is not running"));
  assert_non_null(strstr(rig_refusal(rig, rig->plugin->resume, &queued), "is not running"));
  assert_null(rig_refusal(rig, rig->plugin->cancel, &queued));
  assert_null(rig_refusal(rig, rig->plugin->cancel, &running));
  rig_expect(rig, &running, "CANCELED", "");
  rig_close(rig);
}

static void kills_what_outlives_the_main_process(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = rig_sh(rig, "(trap '' TERM HUP; sleep 60) & echo $! > member; exit 0", "");
  rig_expect(rig, &job, "COMPLETED", "");
  await_process_state(pid_in(rig, &job, "member"), 0);
  rig_close(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_a_job_at_its_time_limit),
      cmocka_unit_test(cancels),
      cmocka_unit_test(leaves_a_result_that_came_first),
      cmocka_unit_test(suspends_and_resumes_the_whole_group),
      cmocka_unit_test(cancels_a_suspended_job),
      cmocka_unit_test(holds_and_releases),
      cmocka_unit_test(sends_signals),
      cmocka_unit_test(refuses_with_a_sentence),
      cmocka_unit_test(kills_what_outlives_the_main_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
