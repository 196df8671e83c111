/* The local scheduler: its supervisor as seen over its socket, by clients good and bad, and in numbers. */
#include "../../../schedulers/local/protocol.h"
#include "plugin_rig.h"

/* Does the supervisor end the connection within a few seconds? */
static bool hangs_up(int fd) {
  char bytes[4096];
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  while (poll(&ready, 1, 5000) == 1)
    if (read(fd, bytes, sizeof bytes) <= 0) return true;
  return false;
}

static void send_frame(int fd, struct orr_frame frame, const char *body, size_t size) {
  frame.size = frame.size ? frame.size : (uint32_t)size;
  assert_int_equal(send(fd, &frame, sizeof frame, MSG_NOSIGNAL), sizeof frame);
  if (size) assert_int_equal(send(fd, body, size, MSG_NOSIGNAL), size);
}

static const char EMPTY_MAP[] = {'{', -1, -1, -1, -1};

static struct orr_frame receive_head(int fd) {
  struct orr_frame frame;
  assert_int_equal(recv(fd, &frame, sizeof frame, MSG_WAITALL), sizeof frame);
  return frame;
}

static void malformed_frames_end_their_connection_only(void **unused) {
  (void)unused;
  static const struct {
    struct orr_frame frame;
    const char *body;
    size_t size;
  } bad[] = {
      {{.size = UINT32_MAX, .protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "", 0},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "", 0},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "[]", 2},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "{", 1},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "{\xff\0\0\0a", 6},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "{\1\0\0\0aXi", 8},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, "{\1\0\0\0a\0s\2\0\0\0a\0\0\xff\xff\xff\xff", 19},
      {{.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_REQUEST}, EMPTY_MAP, sizeof EMPTY_MAP}, /* before HELLO */
      {{.protocol = ORR_PROTOCOL, .kind = 99}, EMPTY_MAP, sizeof EMPTY_MAP},
  };
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = rig_sh(rig, "sleep 60", "");
  pid_t supervisor = rig_supervisor(rig);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int fd = rig_dial(rig);
    assert_true(fd >= 0);
    send_frame(fd, bad[i].frame, bad[i].body, bad[i].size);
    if (!hangs_up(fd)) fail_msg("frame %zu is taken", i);
    close(fd);
  }
  char nest[200];
  memset(nest, '{', sizeof nest); /* keys of '{{{{' bytes, which there are not */
  int fd = rig_dial(rig);
  send_frame(fd, (struct orr_frame){.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, nest, sizeof nest);
  assert_true(hangs_up(fd));
  close(fd);
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "ACTIVE");
  assert_int_equal(rig_supervisor(rig), supervisor);
  assert_null(rig_refusal(rig, rig->plugin->cancel, &job));
  rig_close(rig);
}

static void another_protocol_is_replaced_in_place(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = rig_sh(rig, "while [ ! -e go ]; do sleep 0.05; done; exit 7", "");
  rig_await(rig, &job, "ACTIVE");
  pid_t supervisor = rig_supervisor(rig);
  int fd = rig_dial(rig);
  send_frame(fd, (struct orr_frame){.protocol = ORR_PROTOCOL + 1, .kind = ORR_FRAME_HELLO, .call = 5},
             EMPTY_MAP, sizeof EMPTY_MAP);
  struct orr_frame answer = receive_head(fd);
  assert_int_equal(answer.kind, ORR_FRAME_REFUSED);
  assert_int_equal(answer.call, 5);
  struct orr_buf body = {0};
  const char *program = TEST_BINARY_DIR "/schedulers/orrery-supervisor";
  uint32_t key = 9, size = (uint32_t)strlen(program);
  orr_buf_putc(&body, '{');
  orr_buf_put(&body, &key, sizeof key);
  orr_buf_put(&body, "successor\0s", 11);
  orr_buf_put(&body, &size, sizeof size);
  orr_buf_put(&body, program, size + 1);
  orr_buf_put(&body, EMPTY_MAP + 1, 4);
  send_frame(fd, (struct orr_frame){.protocol = ORR_PROTOCOL + 1, .kind = ORR_FRAME_RETIRE}, body.data,
             body.size);
  assert_true(hangs_up(fd));
  close(fd);
  orr_buf_free(&body);
  rig_await_supervisor(rig);
  assert_int_equal(rig_supervisor(rig), supervisor); /* the same process, so the job is still its child */
  close(open(orr_arena_printf(rig->arena, "%s/go", job.directory), O_CREAT | O_WRONLY, 0600));
  rig_expect(rig, &job, "FAILED", "EXIT_CODE");
  assert_int_equal(orrery_int(orrery_get(rig_status(rig, &job), "exit_code"), -1), 7);
  rig_close(rig);
}

static void ends_when_nobody_needs_it(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1,\"linger\":1}");
  struct job job = rig_sh(rig, "sleep 2", "");
  pid_t supervisor = rig_supervisor(rig);
  rig->plugin->close(rig->instance);
  usleep(1500000);
  assert_int_not_equal(process_state(supervisor), 0); /* the job needs it */
  await_process_state(supervisor, 0);
  char *path = orr_arena_printf(rig->arena, "%s/socket", rig->host.state);
  assert_int_equal(access(path, F_OK), -1);
  rig_connect(rig, "{\"cores\":1,\"linger\":1}", orr_value_map(rig->arena));
  rig_expect(rig, &job, "COMPLETED", "");
  supervisor = rig_supervisor(rig);
  usleep(1500000);
  assert_int_not_equal(process_state(supervisor), 0); /* the server is there */
  rig_close(rig);
}

static void takes_settings_from_the_newest_server(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job first = rig_sh(rig, "sleep 60", ""), second = rig_sh(rig, "true", "");
  rig_await(rig, &first, "ACTIVE");
  assert_string_equal(rig_text(rig_status(rig, &second), "state"), "QUEUED");
  rig->plugin->close(rig->instance);
  rig_connect(rig, "{\"cores\":2}", orr_value_map(rig->arena));
  rig_expect(rig, &second, "COMPLETED", "");
  rig_kill_supervisor(rig);
  rig_await_supervisor(rig);
  struct job third = rig_sh(rig, "true", "");
  rig_expect(rig, &third, "COMPLETED", "");
  assert_null(rig_refusal(rig, rig->plugin->cancel, &first));
  rig_expect(rig, &first, "CANCELED", "");
  rig_close(rig);
}

/* A state directory whose socket's path does not fit into a socket's address. */
static void works_in_a_deep_directory(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  rig->plugin->close(rig->instance);
  for (int i = 0; i < 4; i++) {
    rig->host.state = orr_arena_printf(rig->arena, "%s/%050d", rig->host.state, i);
    assert_int_equal(mkdir(rig->host.state, 0700), 0);
  }
  rig_connect(rig, "{\"cores\":1}", orr_value_map(rig->arena));
  struct job job = rig_sh(rig, "true", "");
  rig_expect(rig, &job, "COMPLETED", "");
  rig_close(rig);
}

static void submit_many(struct rig *rig, struct orrery_value *refs, int count, const char *program) {
  struct orrery_value *items = orr_value_list(rig->arena);
  struct job *jobs = orr_arena_alloc(rig->arena, (size_t)count * sizeof *jobs);
  for (int i = 0; i < count; i++) {
    struct orrery_value *item = rig_submission(rig, items, &jobs[i]);
    orrery_add_text(orrery_set_list(item, "argv"), program);
    orrery_set_text(item, "stdout", "/dev/null"); /* thousands of files would be the file system's test */
    orrery_set_text(item, "stderr", "/dev/null");
    orrery_set_text(item, "attempt_directory", rig->root);
    orrery_set_text(item, "directory", rig->root);
  }
  struct orrery_call *call = rig_call(rig, rig->plugin->submit, items, NULL);
  for (int i = 0; i < count; i++) {
    snprintf(jobs[i].id, sizeof jobs[i].id, "%s", rig_text(call->reports[i], "native_id"));
    rig_ref(refs, &jobs[i]);
  }
}

static int count_state(struct orrery_call *call, const char *state) {
  int count = 0;
  for (size_t i = 0; i < orrery_count(call->items); i++)
    count += strcmp(rig_text(call->reports[i], "state"), state) == 0;
  return count;
}

/* A client that asks much and reads nothing meanwhile neither stops nor swells the supervisor. */
static void a_deaf_client_hurts_nobody(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  int fd = -1;
  struct orrery_value *refs = orr_value_list(rig->arena);
  submit_many(rig, refs, 1, "/bin/true");
  fd = rig_dial(rig);
  send_frame(fd, (struct orr_frame){.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO}, EMPTY_MAP,
             sizeof EMPTY_MAP);
  struct orr_frame frame = {.protocol = ORR_PROTOCOL, .kind = ORR_FRAME_HELLO, .size = sizeof EMPTY_MAP};
  char both[sizeof frame + sizeof EMPTY_MAP];
  memcpy(both, &frame, sizeof frame);
  memcpy(both + sizeof frame, EMPTY_MAP, sizeof EMPTY_MAP);
  size_t sent = 0;
  for (int i = 0; i < 500000; i++) {
    ssize_t count = send(fd, both, sizeof both, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count != sizeof both) break; /* it has stopped reading us */
    sent += (size_t)count;
  }
  assert_true(sent < 8 << 20);
  submit_many(rig, refs, 500, "/bin/true");
  for (int i = 0; i < 3000; i++) {
    if (count_state(rig_call(rig, rig->plugin->monitor, refs, NULL), "COMPLETED") == 501) break;
    usleep(10000);
  }
  assert_int_equal(count_state(rig_call(rig, rig->plugin->monitor, refs, NULL), "COMPLETED"), 501);
  close(fd);
  rig_close(rig);
}

static void runs_twenty_thousand_jobs(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct orrery_value *refs = orr_value_list(rig->arena);
  submit_many(rig, refs, 20000, "/bin/true");
  struct job last = rig_submit(rig, "{\"argv\":[\"/bin/true\"]}");
  for (int i = 0; i < 6000 && !rig_was_told(rig, &last); i++) usleep(50000);
  rig_expect(rig, &last, "COMPLETED", "");
  usleep(100000); /* its neighbour on the other slot */
  struct orrery_call *call = rig_call(rig, rig->plugin->monitor, refs, NULL);
  assert_int_equal(count_state(call, "COMPLETED"), 20000);
  for (size_t i = 0; i < 20000; i++)
    assert_int_equal(orrery_int(orrery_get(call->reports[i], "runs"), -1), 1);
  rig_close(rig);
}

static void queues_a_hundred_thousand_jobs(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job first = rig_sh(rig, "sleep 600", "");
  struct orrery_value *refs = orr_value_list(rig->arena);
  submit_many(rig, refs, 100000, "/bin/true");
  rig_kill_supervisor(rig); /* its successor reads them all */
  assert_int_equal(count_state(rig_call(rig, rig->plugin->monitor, refs, NULL), "QUEUED"), 100000);
  rig_call(rig, rig->plugin->cancel, refs, NULL);
  assert_int_equal(count_state(rig_call(rig, rig->plugin->monitor, refs, NULL), "CANCELED"), 100000);
  assert_null(rig_refusal(rig, rig->plugin->cancel, &first));
  rig_expect(rig, &first, "CANCELED", "");
  rig_close(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(malformed_frames_end_their_connection_only),
      cmocka_unit_test(another_protocol_is_replaced_in_place),
      cmocka_unit_test(ends_when_nobody_needs_it),
      cmocka_unit_test(takes_settings_from_the_newest_server),
      cmocka_unit_test(works_in_a_deep_directory),
      cmocka_unit_test(a_deaf_client_hurts_nobody),
      cmocka_unit_test(runs_twenty_thousand_jobs),
      cmocka_unit_test(queues_a_hundred_thousand_jobs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
