/* Errands: what a script does at the far end of a transport comes back, and half a script does nothing. The far end is a
   shell of this machine. */
#include "errands.h"

#include <signal.h>

#include "transport/script.h"

static struct orr_transport *plain(void) {
  struct orr_transport_settings settings = {.run_as = ORR_AS_SERVICE};
  return orr_transport_create(transports, &settings, NULL);
}

static struct run here(const char *script, long long timeout_ms) {
  struct run run = {0};
  begin();
  struct orr_transport *transport = plain();
  start(&run, transport, script, timeout_ms);
  orr_transport_release(transport);
  assert_int_equal(run.ended, 0); /* never from within */
  orr_loop_run(loop);
  end();
  assert_int_equal(run.ended, 1);
  assert_int_equal(run.err.code, ORR_OK);
  return run;
}
static void what_a_script_does_comes_back(void **state) {
  (void)state;
  struct run run = here("echo out; echo bad >&2; exit 3", 20000);
  assert_int_equal(run.exit_code, 3);
  assert_string_equal(orr_buf_text(&run.out), "out\n");
  assert_string_equal(orr_buf_text(&run.errors), "bad\n");
  forget(&run);
  run = here("printf 'no end'; printf 'a\\0b' >&2", 20000);
  assert_int_equal(run.exit_code, 0);
  assert_string_equal(orr_buf_text(&run.out), "no end");
  assert_int_equal(run.errors.size, 3);
  forget(&run);
  run = here("kill -9 $$", 20000); /* the shell itself: nobody says how it ended */
  assert_int_equal(run.exit_code, -1);
  assert_false(run.timed_out);
  forget(&run);
}

static void what_the_script_says_has_all_of_its_room(void **state) {
  (void)state;
  most_output = 4;
  struct run run = here("printf four; printf errs >&2; exit 5", 20000);
  assert_int_equal(run.exit_code, 5);
  assert_false(run.cut);
  assert_string_equal(orr_buf_text(&run.out), "four");
  assert_string_equal(orr_buf_text(&run.errors), "errs");
  forget(&run);
  run = here("printf twelve; printf twelve >&2; exit 5", 20000);
  assert_int_equal(run.exit_code, 5);
  assert_true(run.cut);
  assert_string_equal(orr_buf_text(&run.out), "twel");
  assert_string_equal(orr_buf_text(&run.errors), "twel");
  forget(&run);
  most_output = 1 << 20;
}

/* What is fed to errands, once they have said something. */ static void it_can_be_fed(void **state) {
  (void)state;
  begin();
  struct orr_transport *transport = plain();
  feed_over(transport);
  orr_transport_release(transport);
  end();
}

static void what_takes_too_long_is_not_known(void **state) {
  (void)state;
  struct run run = here("echo begun; exec sleep 1000", 100);
  assert_int_equal(run.exit_code, -1);
  assert_true(run.timed_out);
  forget(&run);
}

static void half_a_script_does_nothing(void **state) {
  (void)state;
  struct orr_buf script = {0};
  char mark[ORR_MARK_ROOM];
  folder_make(folder);
  orr_mark_new(mark);
  orr_buf_printf(&script, "cd %s && cat >it <<'END'\none\ntwo\nEND", folder);
  struct orr_buf whole = {0};
  orr_script_wrap(&whole, script.data, script.size, mark);
  for (size_t size = 0; size < whole.size - 1; size++) { /* but for the line's end behind the brace */
    FILE *shell = popen("/bin/sh 2>/dev/null", "w");
    fwrite(whole.data, 1, size, shell);
    pclose(shell);
    assert_int_not_equal(access(PATH_OF(folder, "it"), F_OK), 0);
  }
  FILE *shell = popen("/bin/sh >/dev/null 2>&1", "w");
  fwrite(whole.data, 1, whole.size, shell);
  pclose(shell);
  assert_int_equal(access(PATH_OF(folder, "it"), F_OK), 0);
  orr_buf_free(&script), orr_buf_free(&whole);
  folder_remove(folder);
}

static void a_command_is_given_what_it_is_to_have(void **state) {
  (void)state;
  char *argv[] = {"/bin/sh", "-c",   "printf '%s|' \"$@\"; echo \"$A|$B|$_9\"; pwd; cat",
                  "sh",      "it's", "$HOME `x`\n",
                  "",        "-n",   NULL};
  char *environment[] = {"A=1 'two'", "B=\n\\", "_9=nine", "BAD-NAME=x; touch /tmp/never", "9=x", "=x", NULL};
  static const char input[] = "one\n'EOF'\n$HOME";
  struct orr_errand_command command = {.argv = argv,
                                       .environment = environment,
                                       .directory = "/usr",
                                       .input = input,
                                       .input_size = sizeof input - 1,
                                       .timeout_ms = 20000};
  struct orr_buf script = {0};
  orr_errand_command_put(&script, &command);
  struct run run = here(orr_buf_text(&script), 20000);
  assert_int_equal(run.exit_code, 0);
  assert_string_equal(orr_buf_text(&run.out),
                      "it's|$HOME `x`\n||-n|1 'two'|\n\\|nine\n/usr\none\n'EOF'\n$HOME\n");
  orr_buf_free(&script);
  forget(&run);
}

static void a_command_ends_when_its_time_is_over(void **state) {
  (void)state;
  char *argv[] = {"sleep", "1000", NULL};
  struct orr_errand_command command = {.argv = argv, .directory = "/", .timeout_ms = 1000};
  struct orr_buf script = {0};
  orr_errand_command_put(&script, &command);
  struct run run = here(orr_buf_text(&script), 60000); /* there, long before it would be ended here */
  assert_int_equal(run.exit_code, 124);
  orr_buf_free(&script);
  forget(&run);
}

/* --- as it comes --- */

struct stream {
  struct run run;
  size_t size;
  bool stop;
};

static void heard(void *data, const char *bytes, size_t size) {
  struct stream *stream = data;
  if (stream->size == 0) assert_memory_equal(bytes, "y\n", 2);
  stream->size += size;
  if (stream->stop) orr_errand_stop(stream->run.errand);
}

static struct stream stream(const char *script, bool stop) {
  struct stream stream = {.stop = stop};
  begin();
  struct orr_transport *transport = plain();
  struct orr_errand_options options = {.transport = transport,
                                       .script = script,
                                       .script_size = strlen(script),
                                       .most_output = 1 << 20,
                                       .said = heard};
  left = 1;
  stream.run.errand = orr_errand_start(loop, &options, ended, &stream);
  orr_transport_release(transport);
  orr_loop_run(loop);
  end();
  assert_int_equal(stream.run.ended, 1);
  forget(&stream.run);
  return stream;
}

static void output_can_be_taken_as_it_comes(void **state) {
  (void)state;
  struct stream it = stream("yes | head -c 30000000; exit 2", false);
  assert_int_equal(it.size, 30000000);
  assert_int_equal(it.run.exit_code, 2);
  it = stream("yes", true);
  assert_int_equal(it.run.exit_code, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_script_does_comes_back),
      cmocka_unit_test(what_the_script_says_has_all_of_its_room),
      cmocka_unit_test(it_can_be_fed),
      cmocka_unit_test(what_takes_too_long_is_not_known),
      cmocka_unit_test(half_a_script_does_nothing),
      cmocka_unit_test(a_command_is_given_what_it_is_to_have),
      cmocka_unit_test(a_command_ends_when_its_time_is_over),
      cmocka_unit_test(output_can_be_taken_as_it_comes),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
