/* Errands over ssh: one connection for many, and what goes wrong with it. ssh and sudo are programs of the test's own that
   behave as the real ones do. */
#include "errands.h"

#include <signal.h>

#include "base/file.h"

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
    "  $(cat \"$FAKE/shell\" 2>/dev/null || echo /bin/sh) -c \"$last\"; code=$?; rm -f \"$FAKE/session.$$\"; "
    "exit $code ;;\n"
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
      cmocka_unit_test(it_can_be_fed_over_a_connection),
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
