/* Child processes: what goes in, what comes out, and that nothing stays behind. */
#include "loop/child.h"

#include <signal.h>

#include "../base/folder.h"

static struct orr_loop *loop;

/* One child and what it came to. */
struct run {
  struct orr_child_result result;
  int ended;
  struct orr_child *child;
  size_t said, empty_pieces;
  struct orr_buf heard;
};

static void ended(void *data, struct orr_child_result *result) {
  struct run *run = data;
  run->ended++;
  run->result = *result;
  run->result.out = run->result.err = (struct orr_buf){0};
  orr_buf_put(&run->result.out, result->out.data, result->out.size);
  orr_buf_put(&run->result.err, result->err.data, result->err.size);
  orr_loop_stop(loop);
}

static struct orr_child_options shell(const char *line) {
  static char *argv[4];
  argv[0] = "/bin/sh", argv[1] = "-c", argv[2] = (char *)line;
  return (struct orr_child_options){.argv = argv, .timeout_ms = 60000, .most_output = 1 << 22};
}

static struct run run(const struct orr_child_options *options) {
  struct run run = {0};
  struct orr_err err = {0};
  struct orr_loop *own = loop = orr_loop_create(NULL);
  run.child = orr_child_start(loop, options, ended, &run, &err);
  if (!run.child) fail_msg("%s", err.text);
  orr_loop_run(own);
  orr_loop_destroy(own);
  assert_int_equal(run.ended, 1);
  return run;
}

static void forget(struct run *run) {
  orr_buf_free(&run->result.out);
  orr_buf_free(&run->result.err);
}

/* As in the server: no signal for a broken pipe, and nothing that a child would inherit. */
static int prepare(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  for (int fd = 3; fd < 1024; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return 0;
}

static void output_and_exit_code_come_back(void **state) {
  (void)state;
  struct orr_child_options options = shell("echo out; echo error >&2; exit 3");
  struct run it = run(&options);
  assert_int_equal(it.result.exit_code, 3);
  assert_int_equal(it.result.signal, 0);
  assert_false(it.result.timed_out);
  assert_false(it.result.cut);
  assert_string_equal(orr_buf_text(&it.result.out), "out\n");
  assert_string_equal(orr_buf_text(&it.result.err), "error\n");
  forget(&it);
  options = shell("kill -TERM $$");
  it = run(&options);
  assert_int_equal(it.result.exit_code, -1);
  assert_int_equal(it.result.signal, SIGTERM);
  forget(&it);
}

static void input_goes_in(void **state) {
  (void)state;
  struct orr_buf input = {0};
  for (int i = 0; i < 3 << 20; i++) orr_buf_putc(&input, (char)(i * 31));
  struct orr_child_options options = shell("cat");
  options.input = input.data;
  options.input_size = input.size;
  struct run it = run(&options);
  assert_int_equal(it.result.out.size, input.size);
  assert_memory_equal(it.result.out.data, input.data, input.size);
  forget(&it);
  options = shell("wc -c");
  it = run(&options); /* no input is an empty one */
  assert_string_equal(orr_buf_text(&it.result.out), "0\n");
  forget(&it);
  options = shell("exit 5"); /* a program may end without reading it */
  options.input = input.data;
  options.input_size = input.size;
  it = run(&options);
  assert_int_equal(it.result.exit_code, 5);
  forget(&it);
  orr_buf_free(&input);
}

static void it_sees_what_it_is_given_only(void **state) {
  (void)state;
  char *const environment[] = {"A=1", "B=two words", NULL}, *const argv[] = {"/usr/bin/env", NULL};
  struct orr_child_options options = shell("pwd; ls /proc/self/fd | wc -l");
  struct run it = run(&options);
  assert_string_equal(orr_buf_text(&it.result.out), "/\n4\n");
  forget(&it);
  options = shell("grep SigIgn /proc/self/status");
  it = run(&options);
  unsigned long long ignored = strtoull(strchr(orr_buf_text(&it.result.out), '\t'), NULL, 16);
  assert_int_equal(ignored & 0x7fffffff, 0); /* the two signals above belong to the C library */
  forget(&it);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, NULL);
  options = shell("grep SigBlk /proc/self/status");
  it = run(&options);
  pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
  assert_non_null(strstr(orr_buf_text(&it.result.out), "\t0000000000000000\n"));
  forget(&it);
  options = shell("pwd");
  options.directory = "/usr";
  it = run(&options);
  assert_string_equal(orr_buf_text(&it.result.out), "/usr\n");
  forget(&it);
  setenv("ORRERY_SECRET", "x", 1);
  options.argv = argv;
  options.environment = environment;
  it = run(&options);
  assert_string_equal(orr_buf_text(&it.result.out), "A=1\nB=two words\n");
  forget(&it);
  options.environment = NULL;
  it = run(&options);
  assert_int_equal(it.result.out.size, 0);
  forget(&it);
}

static void output_is_bounded(void **state) {
  (void)state;
  struct orr_child_options options = shell("head -c 1000000 /dev/zero; echo end; echo small >&2");
  options.most_output = 1000;
  struct run it = run(&options);
  assert_int_equal(it.result.exit_code, 0); /* it could write all of it */
  assert_int_equal(it.result.out.size, 1000);
  assert_string_equal(orr_buf_text(&it.result.err), "small\n");
  assert_true(it.result.cut);
  forget(&it);
  options = shell("printf 12345; printf 12345 >&2");
  options.most_output = 5;
  it = run(&options);
  assert_string_equal(orr_buf_text(&it.result.out), "12345");
  assert_false(it.result.cut); /* exactly the most is not too much */
  forget(&it);
  options.most_output = 4;
  it = run(&options);
  assert_string_equal(orr_buf_text(&it.result.err), "1234");
  assert_true(it.result.cut);
  forget(&it);
}

/* --- processes that do not end --- */

/* Whether it runs; one that nobody has reaped yet does not. */
static bool runs(int pid) {
  char path[64], line[256] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t size = read(fd, line, sizeof line - 1);
  close(fd);
  const char *name_end = size > 0 ? strrchr(line, ')') : NULL;
  return name_end && name_end[2] != 'Z' && name_end[2] != 'X';
}

static void await_end(int pid) {
  for (int i = 0; i < 5000 && runs(pid); i++) usleep(1000);
  assert_false(runs(pid));
}

static void one_piece(void *data, const char *bytes, size_t size) {
  struct run *run = data;
  (void)bytes;
  run->said += size;
  if (size == 0) run->empty_pieces++;
}

/* A piece that is as large as what there is to read leaves nothing to be read next. */
static void it_is_heard_in_pieces_of_which_none_is_empty(void **state) {
  (void)state;
  struct orr_child_options options = shell(
      "for i in 1 2 3; do dd if=/dev/zero bs=65536 count=1 2>/dev/null; sleep 0.05; done; echo error >&2");
  options.said = one_piece;
  struct run it = run(&options);
  assert_int_equal(it.said, 3 * 65536);
  assert_int_equal(it.empty_pieces, 0);
  assert_int_equal(it.result.out.size, 0);
  assert_string_equal(orr_buf_text(&it.result.err), "error\n");
  forget(&it);
}

static void a_time_out_kills_the_group(void **state) {
  (void)state;
  int background, itself;
  struct orr_child_options options = shell("sleep 1000 & echo $! $$; trap '' TERM; wait");
  options.timeout_ms = 100;
  struct run it = run(&options);
  assert_true(it.result.timed_out);
  assert_int_equal(it.result.signal, SIGKILL);
  assert_int_equal(sscanf(orr_buf_text(&it.result.out), "%d %d", &background, &itself), 2);
  await_end(background);
  await_end(itself);
  forget(&it);
}

/* One that has made itself a group of its own survives, and may hold all three pipes: nobody waits for it. */
static void who_leaves_the_group_is_not_waited_for(void **state) {
  (void)state;
  static char input[1 << 20]; /* more than a pipe takes, and nobody reads it */
  int pid = 0;
  struct orr_child_options options = shell("exec 3<&0; setsid sh -c 'echo $$; exec sleep 1000' & wait");
  options.timeout_ms = 300;
  options.input = input;
  options.input_size = sizeof input;
  alarm(60);
  struct run it = run(&options);
  alarm(0);
  assert_true(it.result.timed_out);
  assert_int_equal(sscanf(orr_buf_text(&it.result.out), "%d", &pid), 1);
  assert_true(runs(pid));
  kill(pid, SIGKILL);
  await_end(pid);
  forget(&it);
}

static void kill_it(void *data) { orr_child_kill(((struct run *)data)->child); }

static void kill_it_when_it_has_spoken(void *data, const char *bytes, size_t size) {
  struct run *run = data;
  orr_buf_put(&run->heard, bytes, size);
  if (memchr(run->heard.data, '\n', run->heard.size)) orr_child_kill(run->child);
}

static void who_is_left_of_a_killed_one_is_not_waited_for(void **state) {
  (void)state;
  int pid = 0;
  struct orr_child_options options = shell("setsid sh -c 'echo $$; exec sleep 1000' & wait");
  options.said = kill_it_when_it_has_spoken;
  alarm(60);
  struct run it = run(&options);
  alarm(0);
  assert_int_equal(it.result.signal, SIGKILL);
  assert_int_equal(sscanf(orr_buf_text(&it.heard), "%d", &pid), 1);
  assert_true(runs(pid));
  kill(pid, SIGKILL);
  await_end(pid);
  orr_buf_free(&it.heard);
  forget(&it);
}

static void it_can_be_killed(void **state) {
  (void)state;
  struct run it = {0};
  loop = orr_loop_create(NULL);
  struct orr_child_options options = shell("echo begun; sleep 1000 & wait");
  it.child = orr_child_start(loop, &options, ended, &it, NULL);
  struct orr_timer *timer = orr_timer_start(loop, 100, 0, kill_it, &it);
  orr_loop_run(loop);
  orr_timer_stop(timer);
  orr_loop_destroy(loop);
  assert_int_equal(it.result.signal, SIGKILL);
  assert_false(it.result.timed_out);
  assert_string_equal(orr_buf_text(&it.result.out), "begun\n");
  forget(&it);
}

static void the_end_of_the_loop_ends_it(void **state) {
  (void)state;
  struct run it[3] = {{.ended = 0}};
  loop = orr_loop_create(NULL);
  struct orr_child_options options = shell("sleep 1000");
  for (int i = 0; i < 3; i++) assert_non_null(orr_child_start(loop, &options, ended, &it[i], NULL));
  alarm(60);
  orr_loop_destroy(loop);
  alarm(0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(it[i].ended, 1);
    assert_int_equal(it[i].result.signal, SIGKILL);
    forget(&it[i]);
  }
}

/* --- failures and leaks --- */

static void what_cannot_be_started_is_told(void **state) {
  (void)state;
  struct run it = {0};
  struct orr_err err = {0};
  char *const missing[] = {"/no/such/program", NULL}, *const nowhere[] = {"no-such-program", NULL};
  loop = orr_loop_create(NULL);
  struct orr_child_options options = {.argv = missing, .timeout_ms = 1000, .most_output = 1000};
  int before = count_descriptors();
  assert_null(orr_child_start(loop, &options, ended, &it, &err));
  assert_int_equal(err.code, ORR_IO);
  assert_non_null(strstr(err.text, "/no/such/program"));
  options.argv = nowhere;
  assert_null(orr_child_start(loop, &options, ended, &it, NULL));
  options = shell("true");
  options.directory = "/no/such/folder";
  assert_null(orr_child_start(loop, &options, ended, &it, NULL));
  orr_loop_stop(loop);
  orr_loop_run(loop);
  orr_loop_destroy(loop);
  assert_int_equal(it.ended, 0);
  assert_true(count_descriptors() <= before);
}

enum { CHILDREN = 2000, AT_ONCE = 20 };

struct crowd {
  int begun, ended, failed;
};

static void begin_one(struct crowd *crowd);

static void one_ended(void *data, struct orr_child_result *result) {
  struct crowd *crowd = data;
  if (result->exit_code != 0 || result->out.size != 3) crowd->failed++;
  if (++crowd->ended == CHILDREN) orr_loop_stop(loop);
  begin_one(crowd);
}

static void begin_one(struct crowd *crowd) {
  static char *const argv[] = {"/bin/echo", "hi", NULL}, *const missing[] = {"/no/such/program", NULL};
  struct orr_child_options options = {
      .argv = argv, .input = "x", .input_size = 1, .timeout_ms = 60000, .most_output = 100};
  if (crowd->begun == CHILDREN) return;
  if (++crowd->begun % 10 == 0) {
    options.argv = missing;
    assert_null(orr_child_start(loop, &options, one_ended, crowd, NULL));
    options.argv = argv;
  }
  assert_non_null(orr_child_start(loop, &options, one_ended, crowd, NULL));
}

/* Feeds a child so many megabytes, piece by piece, as it takes them. */
static struct feeding {
  struct run run;
  int left; /* pieces */
  bool ends, waits;
} feeding;

static void feed(void *data) {
  static char piece[1 << 20];
  (void)data;
  feeding.waits = false;
  while (feeding.left > 0 && !feeding.waits) {
    feeding.left--;
    feeding.waits = !orr_child_write(feeding.run.child, piece, sizeof piece);
  }
  if (feeding.left == 0 && feeding.ends) orr_child_finish(feeding.run.child);
}

static void feed_to(const char *line, int pieces, bool ends) {
  struct orr_child_options options = shell(line);
  options.fed = true;
  options.drained = feed;
  feeding = (struct feeding){.left = pieces, .ends = ends};
  struct orr_loop *own = loop = orr_loop_create(NULL);
  feeding.run.child = orr_child_start(loop, &options, ended, &feeding.run, NULL);
  assert_non_null(feeding.run.child);
  feed(NULL);
  orr_loop_run(own);
  orr_loop_destroy(own);
  assert_int_equal(feeding.run.ended, 1);
}

static void it_is_fed(void **state) {
  (void)state;
  feed_to("wc -c", 30, true);
  assert_string_equal(orr_buf_text(&feeding.run.result.out), "31457280\n");
  forget(&feeding.run);
  feed_to("cat", 0, true);
  assert_int_equal(feeding.run.result.out.size, 0);
  assert_int_equal(feeding.run.result.exit_code, 0);
  forget(&feeding.run);
}

static void it_is_fed_no_faster_than_it_eats(void **state) {
  (void)state;
  feed_to("sleep 0.3; kill $$", 30, true); /* it dies without having read anything */
  assert_int_equal(feeding.run.result.signal, SIGTERM);
  forget(&feeding.run);
  feed_to("head -c 5 >/dev/null; exec <&-; echo enough; sleep 0.1", 30, true);
  assert_string_equal(orr_buf_text(&feeding.run.result.out), "enough\n");
  assert_int_equal(feeding.left, 0); /* the rest vanished */
  forget(&feeding.run);
}

static void hang_up(void *data) {
  struct orr_child *child = *(struct orr_child **)data;
  orr_child_hang_up(child);
  assert_true(orr_child_write(child, "x", 1)); /* and vanishes */
  orr_child_finish(child);
}

static void it_sees_that_nothing_more_comes(void **state) {
  (void)state;
  struct orr_child_options options = shell("sleep 0.1; wc -c");
  options.fed = true;
  struct run it = {0};
  static char much[4 << 20];
  struct orr_loop *own = loop = orr_loop_create(NULL);
  it.child = orr_child_start(loop, &options, ended, &it, NULL);
  orr_child_write(it.child, much, sizeof much);
  struct orr_timer *timer = orr_timer_start(loop, 20, 0, hang_up, &it.child);
  orr_loop_run(own);
  orr_timer_stop(timer);
  orr_loop_destroy(own);
  assert_int_equal(it.result.exit_code, 0);
  assert_true(strtol(orr_buf_text(&it.result.out), NULL, 10) < (long)sizeof much); /* what waited was dropped */
  forget(&it);
}

static void thousands_leave_nothing_behind(void **state) {
  (void)state;
  struct crowd crowd = {0};
  loop = orr_loop_create(NULL);
  orr_loop_stop(loop);
  orr_loop_destroy(loop); /* what libuv opens once for all loops is open now */
  int before = count_descriptors();
  loop = orr_loop_create(NULL);
  for (int i = 0; i < AT_ONCE; i++) begin_one(&crowd);
  orr_loop_run(loop);
  orr_loop_destroy(loop);
  assert_int_equal(crowd.ended, CHILDREN);
  assert_int_equal(crowd.failed, 0);
  assert_int_equal(count_descriptors(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(output_and_exit_code_come_back),
      cmocka_unit_test(input_goes_in),
      cmocka_unit_test(it_is_fed),
      cmocka_unit_test(it_is_fed_no_faster_than_it_eats),
      cmocka_unit_test(it_sees_that_nothing_more_comes),
      cmocka_unit_test(it_sees_what_it_is_given_only),
      cmocka_unit_test(output_is_bounded),
      cmocka_unit_test(it_is_heard_in_pieces_of_which_none_is_empty),
      cmocka_unit_test(a_time_out_kills_the_group),
      cmocka_unit_test(who_leaves_the_group_is_not_waited_for),
      cmocka_unit_test(who_is_left_of_a_killed_one_is_not_waited_for),
      cmocka_unit_test(it_can_be_killed),
      cmocka_unit_test(the_end_of_the_loop_ends_it),
      cmocka_unit_test(what_cannot_be_started_is_told),
      cmocka_unit_test(thousands_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, prepare, NULL);
}
