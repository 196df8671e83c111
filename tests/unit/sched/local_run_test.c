/* The local scheduler: what running a job means. */
#include "plugin_rig.h"

static void runs_and_tells_how_it_ended(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = rig_sh(rig, "echo out; echo err >&2; sleep 0.2", "");
  const struct orrery_value *report = rig_await(rig, &job, "ENDED");
  assert_string_equal(rig_text(report, "state"), "COMPLETED");
  assert_int_equal(orrery_int(orrery_get(report, "exit_code"), -1), 0);
  assert_int_equal(orrery_int(orrery_get(report, "runs"), -1), 1);
  int64_t started = orrery_int(orrery_get(report, "started_at"), 0);
  int64_t ended = orrery_int(orrery_get(report, "ended_at"), 0);
  assert_true(started > orr_wall_ms() - 60000 && ended >= started + 190);
  assert_true(orrery_real(orrery_get(report, "usage.wall_seconds"), 0) >= 0.19);
  assert_true(orrery_real(orrery_get(report, "usage.cpu_seconds"), -1) >= 0);
  assert_true(orrery_int(orrery_get(report, "usage.memory"), 0) > 10000);
  assert_int_equal(orrery_count(orrery_get(report, "hosts")), 1);
  assert_string_equal(rig_read(rig, &job, "stdout"), "out\n");
  assert_string_equal(rig_read(rig, &job, "stderr"), "err\n");
  assert_true(rig_was_told(rig, &job));
  struct stat directory;
  assert_int_equal(stat(job.directory, &directory), 0);
  assert_int_equal(directory.st_mode & 0777, 0700);
  rig_close(rig);
}

static void tells_exit_codes_and_signals(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":4}");
  struct job three = rig_sh(rig, "exit 3", ""), segv = rig_sh(rig, "kill -SEGV $$", "");
  const struct orrery_value *report = rig_await(rig, &three, "ENDED");
  assert_string_equal(rig_text(report, "state"), "FAILED");
  assert_string_equal(rig_text(report, "reason"), "EXIT_CODE");
  assert_int_equal(orrery_int(orrery_get(report, "exit_code"), -1), 3);
  report = rig_await(rig, &segv, "ENDED");
  assert_string_equal(rig_text(report, "reason"), "SIGNAL");
  assert_int_equal(orrery_int(orrery_get(report, "signal"), -1), SIGSEGV);
  assert_string_equal(rig_text(report, "message"), "killed by signal 11 (Segmentation fault)");
  assert_null(orrery_get(report, "exit_code"));
  rig_close(rig);
}

static void carries_every_character(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  static const char odd[] = "a\nb\t\x01 \"q\" 'p' $HOME `id` \\ * \xc3\xa4 \xf0\x9f\xaa\x90 ;|&<>";
  size_t size = 100 * 1024;
  char *big = orr_arena_alloc(rig->arena, size + 1);
  memset(big, 'x', size), big[size] = 0;
  struct orrery_value *items = orr_value_list(rig->arena);
  struct job job;
  struct orrery_value *item = rig_submission(rig, items, &job), *argv = orrery_set_list(item, "argv");
  orrery_add_text(argv, "/bin/sh");
  orrery_add_text(argv, "-c");
  orrery_add_text(argv, "printf '%s|' \"$@\" > args; printf '%s' \"$ODD\" > odd; printf '%s' \"$BIG\" > big");
  orrery_add_text(argv, "sh");
  orrery_add_text(argv, odd);
  orrery_add_text(argv, "");
  orrery_add_text(argv, big);
  struct orrery_value *environment = orrery_set_map(item, "environment");
  orrery_set_text(environment, "ODD", odd);
  orrery_set_text(environment, "BIG", big);
  const struct orrery_value *report = rig_call(rig, rig->plugin->submit, items, NULL)->reports[0];
  snprintf(job.id, sizeof job.id, "%s", rig_text(report, "native_id"));
  rig_expect(rig, &job, "COMPLETED", "");
  assert_string_equal(rig_read(rig, &job, "args"), orr_arena_printf(rig->arena, "%s||%s|", odd, big));
  assert_string_equal(rig_read(rig, &job, "odd"), odd);
  assert_string_equal(rig_read(rig, &job, "big"), big);
  rig_close(rig);
}

static void runs_scripts(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job plain = rig_submit(rig, "{\"script\":\"echo plain $0\\n\"}");
  struct job hashbang = rig_submit(rig, "{\"script\":\"#!/bin/cat\\nnot run, but shown\\n\"}");
  rig_expect(rig, &plain, "COMPLETED", "");
  rig_expect(rig, &hashbang, "COMPLETED", "");
  assert_non_null(strstr(rig_read(rig, &plain, "stdout"), "plain /"));
  assert_string_equal(rig_read(rig, &hashbang, "stdout"), "#!/bin/cat\nnot run, but shown\n");
  rig_close(rig);
}

static void says_why_it_cannot_start(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job missing = rig_submit(rig, "{\"argv\":[\"/no/such/program\"]}");
  struct job unknown = rig_submit(rig, "{\"argv\":[\"no-such-program\"]}");
  struct job nowhere = rig_submit(rig, "{\"argv\":[\"/bin/true\"],\"directory\":\"/no/such/directory\"}");
  struct job no_output = rig_submit(rig, "{\"argv\":[\"/bin/true\"],\"stdout\":\"/no/such/output\"}");
  const struct orrery_value *report = rig_await(rig, &missing, "ENDED");
  assert_string_equal(rig_text(report, "reason"), "LAUNCH_FAILED");
  assert_string_equal(rig_text(report, "message"),
                      "cannot execute /no/such/program: No such file or directory");
  report = rig_await(rig, &unknown, "ENDED");
  assert_string_equal(rig_text(report, "message"),
                      "cannot execute no-such-program: No such file or directory");
  report = rig_await(rig, &nowhere, "ENDED");
  assert_non_null(strstr(rig_text(report, "message"), "/no/such/directory"));
  report = rig_await(rig, &no_output, "ENDED");
  assert_non_null(strstr(rig_text(report, "message"), "/no/such/output"));
  assert_int_equal(orrery_int(orrery_get(report, "runs"), -1), 0);
  rig_close(rig);
}

static void refuses_what_it_cannot_run(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job;
  assert_string_equal(rig_try(rig, "{\"argv\":[]}", &job), "rejected");
  assert_string_equal(rig_try(rig, "{\"argv\":[\"/bin/true\"],\"resources\":{\"process_count\":3}}", &job),
                      "rejected");
  assert_string_equal(rig_try(rig, "{\"argv\":[\"/bin/true\"],\"resources\":{\"node_count\":2}}", &job),
                      "rejected");
  assert_string_equal(rig_try(rig, "{\"argv\":[\"/bin/true\"],\"attempt_directory\":\"here\"}", &job),
                      "rejected");
  rig_close(rig);
}

static void looks_programs_up_in_the_jobs_path(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  char *folder = orr_arena_printf(rig->arena, "%s/bin", rig->root), *program = NULL;
  assert_int_equal(mkdir(folder, 0700), 0);
  program = orr_arena_printf(rig->arena, "%s/its-own", folder);
  FILE *file = fopen(program, "w");
  fputs("#!/bin/sh\necho found\n", file);
  fclose(file);
  assert_int_equal(chmod(program, 0700), 0);
  struct job job = rig_submit(
      rig, orr_arena_printf(rig->arena, "{\"argv\":[\"its-own\"],\"environment\":{\"PATH\":\"/nowhere:%s\"}}",
                            folder));
  rig_expect(rig, &job, "COMPLETED", "");
  assert_string_equal(rig_read(rig, &job, "stdout"), "found\n");
  rig_close(rig);
}

static void gives_a_clean_environment(void **unused) {
  (void)unused;
  setenv("SERVER_SECRET", "hush", 1);
  int secret = open("/dev/null", O_RDONLY); /* inherited, if anything is */
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = rig_submit(rig, "{\"argv\":[\"env\"],\"environment\":{\"LANG\":\"C\",\"MORE\":\"1\"}}");
  struct job files = rig_sh(rig, "ls /proc/self/fd | wc -l; cat /proc/self/status", "");
  rig_expect(rig, &job, "COMPLETED", "");
  const char *text = rig_read(rig, &job, "stdout");
  assert_null(strstr(text, "SERVER_SECRET"));
  assert_non_null(strstr(text, "PATH=/usr/local/bin:/usr/bin:/bin\n"));
  assert_non_null(strstr(text, "HOME=/"));
  assert_non_null(strstr(text, "LANG=C\n"));
  assert_null(strstr(text, "LANG=C.UTF-8"));
  assert_non_null(strstr(text, "MORE=1\n"));
  assert_non_null(strstr(text, "ORRERY_JOB_ID=job-1\n"));
  assert_non_null(strstr(text, "ORRERY_TAG=orrery-tag-1\n"));
  assert_non_null(strstr(text, job.directory));
  rig_expect(rig, &files, "COMPLETED", "");
  text = rig_read(rig, &files, "stdout");
  assert_int_equal(strtol(text, NULL, 10), 4); /* the three streams, and ls's own */
  assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
  const char *ignored = strstr(text, "SigIgn:");
  assert_non_null(ignored);
  /* 32 and 33 are the C library's, whose posix_spawn leaves them ignored. */
  assert_int_equal(strtoull(ignored + strlen("SigIgn:"), NULL, 16) & ~(3ULL << 31), 0);
  close(secret);
  rig_close(rig);
}

static void inherits_the_login_environment(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job =
      rig_submit(rig, "{\"argv\":[\"env\"],\"inherit_environment\":true,\"environment\":{\"X\":\"2\"}}");
  rig_expect(rig, &job, "COMPLETED", "");
  const char *text = rig_read(rig, &job, "stdout");
  assert_null(strstr(text, "SERVER_SECRET"));
  assert_non_null(strstr(text, "PATH=/"));
  assert_non_null(strstr(text, "\nX=2\n"));
  assert_non_null(strstr(text, "ORRERY_TAG=orrery-tag-1\n"));
  rig_close(rig);
}

static void connects_the_streams(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job empty = rig_sh(rig, "cat; echo end", "");
  rig_expect(rig, &empty, "COMPLETED", "");
  assert_string_equal(rig_read(rig, &empty, "stdout"), "end\n");
  const char *both = orr_arena_printf(rig->arena, "%s/both", rig->root);
  const char *input = orr_arena_printf(rig->arena, "%s/stdout", empty.directory);
  struct job job = rig_sh(rig, "cat; echo error >&2; echo out",
                          orr_arena_printf(rig->arena, "\"stdin\":\"%s\",\"stdout\":\"%s\",\"stderr\":\"%s\"",
                                           input, both, both));
  rig_expect(rig, &job, "COMPLETED", "");
  assert_string_equal(rig_read(rig, &job, both), "end\nerror\nout\n");
  const char *fifo = orr_arena_printf(rig->arena, "%s/fifo", rig->root);
  assert_int_equal(mkfifo(fifo, 0600), 0);
  struct job stuck = rig_sh(rig, "true", orr_arena_printf(rig->arena, "\"stdout\":\"%s\"", fifo));
  rig_expect(rig, &stuck, "FAILED", "LAUNCH_FAILED"); /* and does not wait for a reader */
  rig_close(rig);
}

/* Jobs of one and two cores on three slots: the sum of what runs never exceeds three, and all of it is used.
 */
static void never_gives_out_more_slots_than_it_has(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":3}");
  const char *line = orr_arena_printf(rig->arena,
                                      "for i in $(seq $1); do : > %s/run.$$.$i; done; ls %s | grep -c ^run; "
                                      "sleep 0.05; rm %s/run.$$.*",
                                      rig->root, rig->root, rig->root);
  struct job jobs[40];
  int most = 0;
  for (int i = 0; i < 40; i++) {
    int cores = 1 + i % 2;
    jobs[i] = rig_submit(rig, orr_arena_printf(rig->arena,
                                               "{\"argv\":[\"/bin/sh\",\"-c\",\"%s\",\"sh\",\"%d\"],"
                                               "\"resources\":{\"process_count\":%d}}",
                                               line, cores, cores));
  }
  for (int i = 0; i < 40; i++) {
    rig_expect(rig, &jobs[i], "COMPLETED", "");
    int seen = atoi(rig_read(rig, &jobs[i], "stdout"));
    if (seen > most) most = seen;
  }
  assert_int_equal(most, 3);
  struct orrery_value *items = orr_value_list(rig->arena);
  orrery_add_map(items);
  const struct orrery_value *status = rig_call(rig, rig->plugin->status, items, NULL)->reports[0];
  assert_string_equal(rig_text(status, "state"), "up");
  assert_int_equal(orrery_int(orrery_get(status, "cores_total"), 0), 3);
  assert_int_equal(orrery_int(orrery_get(status, "cores_free"), 0), 3);
  assert_int_equal(orrery_int(orrery_get(status, "pending"), -1), 0);
  rig_close(rig);
}

static void says_what_it_honours(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  rig->plugin->close(rig->instance);
  struct orrery_value *honours = orr_value_map(rig->arena);
  rig_connect(rig, "{\"cores\":7}", honours);
  assert_int_equal(orrery_int(orrery_get(honours, "cores"), 0), 7);
  assert_int_equal(orrery_int(orrery_get(honours, "array_size"), -1), 0);
  assert_true(orrery_count(orrery_get(honours, "fields")) > 5);
  rig_close(rig);
}

static void refuses_options_that_are_wrong(void **unused) {
  (void)unused;
  static const char *const wrong[][2] = {
      {"{\"cores\":0}", "cores must be a whole number from 1 to 1048576"},
      {"{\"cores\":\"8\"}", "cores must be a whole number"},
      {"{\"cores\":1.5}", "cores must be a whole number"},
      {"{\"cores\":2,\"linger\":0.5}", "linger must be a number from 1 to 86400"},
      {"{\"core\":8}", "there is no option core; there are cores, kill_grace and linger"},
  };
  struct rig *rig = rig_open("{\"cores\":2}");
  struct orrery_value *honours = orr_value_map(rig->arena);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_null(rig->plugin->open(&rig->host, rig_json(rig, wrong[i][0]), honours));
    assert_non_null(strstr(rig->host.failure, wrong[i][1]));
  }
  rig_close(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_and_tells_how_it_ended),
      cmocka_unit_test(tells_exit_codes_and_signals),
      cmocka_unit_test(carries_every_character),
      cmocka_unit_test(runs_scripts),
      cmocka_unit_test(says_why_it_cannot_start),
      cmocka_unit_test(refuses_what_it_cannot_run),
      cmocka_unit_test(looks_programs_up_in_the_jobs_path),
      cmocka_unit_test(gives_a_clean_environment),
      cmocka_unit_test(inherits_the_login_environment),
      cmocka_unit_test(connects_the_streams),
      cmocka_unit_test(never_gives_out_more_slots_than_it_has),
      cmocka_unit_test(says_what_it_honours),
      cmocka_unit_test(refuses_options_that_are_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
