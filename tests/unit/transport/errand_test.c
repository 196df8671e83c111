/* Errands: what a script does at the far end of a transport comes back, and half a script does nothing. The far end is a
   shell of this machine; ssh is a program of the test's own that behaves as OpenSSH's does. */
#include "transport/errand.h"

#include <signal.h>

#include "../base/folder.h"
#include "base/file.h"
#include "transport/script.h"

static char folder[FOLDER_ROOM];
static struct orr_log log_to;
static struct orr_loop *loop;
static struct orr_transports *transports;

struct run {
  struct orr_errand *errand;
  int ended;
  struct orr_err err;
  int exit_code;
  bool timed_out, cut;
  struct orr_buf out, errors;
};

static size_t most_output = 1 << 20;
static int left; /* to end before the loop does */

static void ended(void *data, struct orr_errand_result *result) {
  struct run *run = data;
  run->ended++;
  run->err = result->err;
  run->exit_code = result->exit_code;
  run->timed_out = result->timed_out;
  run->cut = result->cut;
  orr_buf_put(&run->out, result->out.data, result->out.size);
  orr_buf_put(&run->errors, result->errors.data, result->errors.size);
  if (--left == 0) orr_loop_stop(loop);
}

static void forget(struct run *run) {
  orr_buf_free(&run->out);
  orr_buf_free(&run->errors);
}

static void begin(void) {
  folder_make(folder);
  log_to =
      (struct orr_log){.fd = open(PATH_OF(folder, "log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  loop = orr_loop_create(NULL);
  transports = orr_transports_create(folder, &log_to);
  left = 0;
}

static void end(void) {
  orr_transports_stop(transports);
  orr_loop_destroy(loop);
  orr_transports_destroy(transports);
  close(log_to.fd);
  folder_remove(folder);
}

static void start(struct run *run, struct orr_transport *transport, const char *script,
                  long long timeout_ms) {
  struct orr_errand_options options = {.transport = transport,
                                       .script = script,
                                       .script_size = strlen(script),
                                       .timeout_ms = timeout_ms,
                                       .most_output = most_output};
  left++;
  run->errand = orr_errand_start(loop, &options, ended, run);
}

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

/* What is fed to errands, once they have said something. */
static void feed(void *data, const char *bytes, size_t size) {
  struct run *run = data;
  orr_buf_put(&run->out, bytes, size);
  if (run->out.size != 6) return; /* "ready\n" */
  orr_errand_write(run->errand, "it's\0\r\n", 7);
  orr_errand_write(run->errand, "fed", 3);
  orr_errand_finish(run->errand);
}

static void feed_over(struct orr_transport *transport) {
  static const char script[] = "a='it'\\''s $here `x` !!' # a script of more lines than one\n"
                               "echo ready; wc -c; printf '%s\\n' \"$a\"; echo bad >&2; exit 7";
  struct run run = {0};
  struct orr_errand_options options = {.transport = transport,
                                       .script = script,
                                       .script_size = sizeof script - 1,
                                       .timeout_ms = 20000,
                                       .most_output = 1 << 20,
                                       .fed = true,
                                       .said = feed};
  left++;
  run.errand = orr_errand_start(loop, &options, ended, &run);
  orr_loop_run(loop);
  assert_int_equal(run.err.code, ORR_OK);
  assert_int_equal(run.exit_code, 7);
  assert_string_equal(orr_buf_text(&run.out), "ready\n10\nit's $here `x` !!\n");
  assert_string_equal(orr_buf_text(&run.errors), "bad\n");
  forget(&run);
}

static void it_can_be_fed(void **state) {
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

/* --- over ssh --- */

/* As OpenSSH's: a master says "up" and stays, whoever uses it is refused without it, or when it has no session left. */
static const char ssh[] =
    "#!/bin/sh\n"
    "for word in \"$@\"; do case $word in ControlPath=*) socket=${word#*=} ;; esac; last=$word; done\n"
    "case \" $* \" in\n"
    "*' -O exit '*) exit 255 ;;\n"
    "*' -M '*) echo x >>\"$FAKE/masters\"\n"
    "  [ ! -e \"$FAKE/refuses\" ] || { echo banner >&2; echo 'Permission denied (publickey).' >&2; exit 255; "
    "}\n"
    "  rm -f \"$FAKE\"/session.*; : >\"$socket\"; echo up; exec sleep 1000 ;;\n"
    "*) [ -e \"$socket\" ] || { echo 'Connection closed by UNKNOWN port 65535' >&2; exit 255; }\n"
    "  if [ -e \"$FAKE/sessions\" ] && [ \"$(ls \"$FAKE\" | grep -c '^session\\.')\" -ge \"$(cat "
    "\"$FAKE/sessions\")\" ]; then\n"
    "    echo 'mux_client_request_session: session request failed: Session open refused by peer' >&2; exit "
    "255\n"
    "  fi\n"
    "  : >\"$FAKE/session.$$\"; echo 'Welcome to this machine'; echo 'mind the gap' >&2\n"
    "  $(cat \"$FAKE/shell\" 2>/dev/null || echo /bin/sh) -c \"$last\"; code=$?; rm -f \"$FAKE/session.$$\"; exit $code ;;\n"
    "esac\n";

static const char sudo[] = "#!/bin/sh\nuntil [ \"$1\" = -- ]; do shift; done; shift; exec \"$@\"\n";

static void put_program(const char *name, const char *text) {
  write_file(folder, "program", text);
  rename(PATH_OF(folder, "program"), PATH_OF(folder, name));
  chmod(PATH_OF(folder, name), 0755);
}

static struct orr_transport *far_as(enum orr_run_as run_as, int channels) {
  static char path[4096];
  make_folder(folder, "bin");
  put_program("bin/ssh", ssh);
  put_program("bin/sudo", sudo);
  snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", folder);
  setenv("PATH", path, 1);
  setenv("FAKE", folder, 1);
  struct orr_transport_settings settings = {.run_as = run_as,
                                            .ssh_host = "cluster",
                                            .channels = channels,
                                            .file_channels = 2,
                                            .connect_ms = 10000,
                                            .idle_ms = 60000};
  return orr_transport_create(transports, &settings, NULL);
}

static struct orr_transport *far(int channels) { return far_as(ORR_AS_SERVICE, channels); }

static long lines_of(const char *name) {
  struct orr_buf text = {0};
  long lines = 0;
  if (orr_file_read(PATH_OF(folder, name), 1 << 20, &text, NULL) == ORR_OK)
    for (size_t i = 0; i < text.size; i++) lines += text.data[i] == '\n';
  orr_buf_free(&text);
  return lines;
}

static void many_go_over_one_connection(void **state) {
  (void)state;
  enum { MANY = 30 };
  struct run runs[MANY] = {0};
  begin();
  struct orr_transport *transport = far(8);
  for (int i = 0; i < MANY; i++) start(&runs[i], transport, "echo it", 60000);
  orr_loop_run(loop);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(runs[i].exit_code, 0);
    assert_string_equal(orr_buf_text(&runs[i].out), "it\n"); /* and nothing of what the login says */
    assert_int_equal(runs[i].errors.size, 0);
    forget(&runs[i]);
  }
  assert_int_equal(lines_of("masters"), 1);
  orr_transport_release(transport);
  end();
}

static void who_hangs_does_not_have_all_channels_for_files(void **state) {
  (void)state;
  static const char *const accounts[] = {"ada", "ada", "bob"};
  static const char wait[] = "until [ -e \"$FAKE/go\" ]; do sleep 0.05; done", go[] = ": >\"$FAKE/go\"";
  struct run runs[3] = {0};
  begin();
  struct orr_transport *transport = far_as(ORR_AS_SUDO, 8);
  for (int i = 0; i < 3; i++) {
    const char *script = i < 2 ? wait : go;
    struct orr_errand_options options = {.transport = transport,
                                         .account = accounts[i],
                                         .file = true,
                                         .script = script,
                                         .script_size = strlen(script),
                                         .timeout_ms = 20000,
                                         .most_output = 1 << 10};
    left++;
    runs[i].errand = orr_errand_start(loop, &options, ended, &runs[i]);
  }
  orr_loop_run(loop);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(runs[i].err.code, ORR_OK);
    assert_int_equal(runs[i].exit_code, 0);
    forget(&runs[i]);
  }
  orr_transport_release(transport);
  end();
}

static void it_can_be_fed_over_a_connection(void **state) {
  (void)state;
  begin();
  struct orr_transport *transport = far(8);
  feed_over(transport);
  write_file(folder, "shell", "/bin/csh\n"); /* whichever shell the account has */
  orr_loop_destroy(loop);
  loop = orr_loop_create(NULL);
  feed_over(transport);
  orr_transport_release(transport);
  end();
}

static void a_server_with_fewer_sessions_is_not_asked_for_more(void **state) {
  (void)state;
  enum { MANY = 12 };
  struct run runs[MANY] = {0};
  begin();
  write_file(folder, "sessions", "2\n");
  struct orr_transport *transport = far(8);
  for (int i = 0; i < MANY; i++) start(&runs[i], transport, "sleep 0.1; echo it", 60000);
  orr_loop_run(loop);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(runs[i].exit_code, 0);
    forget(&runs[i]);
  }
  orr_transport_release(transport);
  end();
}

static void a_connection_whose_sessions_all_hang_is_replaced(void **state) {
  (void)state;
  struct run runs[2] = {0};
  begin();
  write_file(folder, "sessions", "1\n");
  struct orr_transport *transport = far(8);
  for (int i = 0; i < 2; i++) {
    start(&runs[i], transport, "echo it", 60000);
    orr_loop_run(loop);
    assert_int_equal(runs[i].exit_code, 0);
    assert_int_equal(lines_of("masters"), i + 1);
    forget(&runs[i]);
    orr_loop_destroy(loop);
    loop = orr_loop_create(NULL);
    write_file(folder, "session.hung", "");
  }
  orr_transport_release(transport);
  end();
}

static void a_server_that_opens_no_session_is_told_of(void **state) {
  (void)state;
  struct run run = {0};
  begin();
  write_file(folder, "sessions", "0\n");
  struct orr_transport *transport = far(8);
  start(&run, transport, "echo it", 60000);
  orr_loop_run(loop);
  assert_int_equal(run.err.code, ORR_UNAVAILABLE);
  assert_non_null(strstr(run.err.text, "the far end opens no session"));
  assert_int_equal(lines_of("masters"), 1);
  orr_transport_release(transport);
  end();
}

static void who_is_refused_hears_why_at_once(void **state) {
  (void)state;
  struct run first = {0}, second = {0};
  begin();
  write_file(folder, "refuses", "");
  struct orr_transport *transport = far(8);
  start(&first, transport, "echo it", 60000);
  orr_loop_run(loop);
  assert_int_equal(first.err.code, ORR_UNAVAILABLE);
  assert_non_null(
      strstr(first.err.text, "the ssh connection to cluster cannot be made: Permission denied (publickey)"));
  orr_loop_destroy(loop);
  loop = orr_loop_create(NULL);
  start(&second, transport, "echo it", 60000);
  orr_loop_run(loop);
  assert_string_equal(second.err.text, first.err.text);
  assert_int_equal(lines_of("masters"), 1); /* the second was not tried: that comes after a pause */
  forget(&first), forget(&second);
  orr_transport_release(transport);
  end();
}

static void a_connection_that_has_gone_was_not_used(void **state) {
  (void)state;
  struct run first = {0}, second = {0};
  begin();
  struct orr_transport *transport = far(8);
  start(&first, transport, "echo it", 60000);
  orr_loop_run(loop);
  assert_int_equal(unlink(PATH_OF(folder, "ssh/c1")), 0);
  orr_loop_destroy(loop);
  loop = orr_loop_create(NULL);
  start(&second, transport, "echo it", 60000);
  orr_loop_run(loop);
  assert_int_equal(second.err.code, ORR_UNAVAILABLE); /* and so may be done again */
  forget(&first), forget(&second);
  orr_transport_release(transport);
  end();
}

static void the_end_of_the_house_ends_what_waits(void **state) {
  (void)state;
  struct run runs[3] = {0};
  begin();
  struct orr_transport *transport = far(3); /* of which one is for commands */
  for (int i = 0; i < 3; i++) start(&runs[i], transport, "sleep 1000", 600000);
  start(&runs[0], transport, "exit 0", 1); /* its time is over at once; it ends the loop */
  left = 1;
  orr_loop_run(loop);
  orr_transport_release(transport);
  end();
  for (int i = 1; i < 3; i++) assert_int_equal(runs[i].ended, 1);
  for (int i = 0; i < 3; i++) forget(&runs[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_script_does_comes_back),
      cmocka_unit_test(what_the_script_says_has_all_of_its_room),
      cmocka_unit_test(it_can_be_fed),
      cmocka_unit_test(it_can_be_fed_over_a_connection),
      cmocka_unit_test(what_takes_too_long_is_not_known),
      cmocka_unit_test(half_a_script_does_nothing),
      cmocka_unit_test(a_command_is_given_what_it_is_to_have),
      cmocka_unit_test(a_command_ends_when_its_time_is_over),
      cmocka_unit_test(output_can_be_taken_as_it_comes),
      cmocka_unit_test(many_go_over_one_connection),
      cmocka_unit_test(who_hangs_does_not_have_all_channels_for_files),
      cmocka_unit_test(a_server_with_fewer_sessions_is_not_asked_for_more),
      cmocka_unit_test(a_connection_whose_sessions_all_hang_is_replaced),
      cmocka_unit_test(a_server_that_opens_no_session_is_told_of),
      cmocka_unit_test(who_is_refused_hears_why_at_once),
      cmocka_unit_test(a_connection_that_has_gone_was_not_used),
      cmocka_unit_test(the_end_of_the_house_ends_what_waits),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
