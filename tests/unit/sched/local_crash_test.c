/* The local scheduler: exactly once, whatever dies. Each job of these tests adds a line to a file when it
   runs, and the file is counted in the end. */
#include <sys/resource.h>

#include "../../../schedulers/local/supervisor/record.h"
#include "base/hash.h"
#include "plugin_rig.h"

static char *runs_file(struct rig *rig) { return orr_arena_printf(rig->arena, "%s/runs", rig->root); }

/* A job that tells it runs, then does `then`. */
static struct job counted(struct rig *rig, const char *then) {
  return rig_sh(rig, orr_arena_printf(rig->arena, "echo $ORRERY_TAG >> %s; %s", runs_file(rig), then), "");
}

static int count_runs(struct rig *rig, const struct job *job) {
  int count = 0;
  const char *line = orr_arena_printf(rig->arena, "%s\n", job->tag);
  for (const char *at = rig_read(rig, job, runs_file(rig)); (at = strstr(at, line)); at++) count++;
  return count;
}

static const char *find(struct rig *rig, const char *tag, char id[32]) {
  struct orrery_value *items = orr_value_list(rig->arena);
  orrery_set_text(orrery_add_map(items), "tag", tag);
  const struct orrery_value *report = rig_call(rig, rig->plugin->find, items, NULL)->reports[0];
  snprintf(id, 32, "%s", rig_text(report, "native_id"));
  return rig_text(report, "answer");
}

static void a_tag_is_submitted_once(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = counted(rig, "true");
  rig_expect(rig, &job, "COMPLETED", "");
  for (int i = 0; i < 2; i++) { /* also after a restart */
    rig->jobs = 0;              /* the same tag again */
    struct job again = counted(rig, "true");
    assert_string_equal(again.tag, job.tag);
    assert_string_equal(again.id, job.id);
    rig_kill_supervisor(rig);
  }
  struct orrery_value *items = orr_value_list(rig->arena);
  struct job twins[2];
  rig_overlay(rig, rig_submission(rig, items, &twins[0]), "{\"argv\":[\"/bin/true\"]}");
  rig->jobs--;
  rig_overlay(rig, rig_submission(rig, items, &twins[1]), "{\"argv\":[\"/bin/true\"]}");
  struct orrery_call *call = rig_call(rig, rig->plugin->submit, items, NULL);
  assert_string_equal(rig_text(call->reports[0], "native_id"), rig_text(call->reports[1], "native_id"));
  assert_int_equal(count_runs(rig, &job), 1);
  rig_close(rig);
}

static void find_has_three_answers(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = counted(rig, "true");
  char id[32];
  assert_string_equal(find(rig, job.tag, id), "found");
  assert_string_equal(id, job.id);
  assert_string_equal(find(rig, "never-submitted", id), "absent");
  /* Nobody can answer: the supervisor is gone, and its successor cannot read the journal. */
  rig_await(rig, &job, "ENDED");
  rig_kill_supervisor(rig);
  char *journal = orr_arena_printf(rig->arena, "%s/journal", rig->host.state), byte;
  int fd = open(journal, O_RDWR | O_CLOEXEC);
  assert_int_equal(pread(fd, &byte, 1, 0), 1);
  assert_int_equal(pwrite(fd, "X", 1, 0), 1);
  assert_string_equal(find(rig, job.tag, id), "unknown");
  assert_string_equal(find(rig, "never-submitted", id), "unknown");
  struct job refused;
  assert_string_equal(rig_try(rig, "{\"argv\":[\"/bin/true\"]}", &refused), "unavailable");
  assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
  close(fd);
  assert_string_equal(find(rig, job.tag, id), "found");
  rig_close(rig);
}

/* Running and queued jobs, and the supervisor killed over and over: the running ones are adopted, the queue
   goes on without anybody asking, and nothing runs twice. */
static void a_killed_supervisor_is_survived(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":3}");
  struct job jobs[60], lasting = counted(rig, "while [ ! -e go ]; do sleep 0.05; done; echo done");
  for (int i = 0; i < 60; i++) jobs[i] = counted(rig, "sleep 0.02");
  for (int i = 1; i < 60; i += 10) { /* instants chosen by progress */
    rig_await_file(runs_file(rig), i * (off_t)strlen("orrery-tag-1\n"));
    rig_kill_supervisor(rig);
    rig_await_supervisor(rig);
  }
  assert_string_equal(rig_text(rig_status(rig, &lasting), "state"), "ACTIVE");
  close(open(orr_arena_printf(rig->arena, "%s/go", lasting.directory), O_CREAT | O_WRONLY, 0600));
  rig_expect(rig, &lasting, "FAILED", "LOST");
  assert_non_null(strstr(rig_text(rig_status(rig, &lasting), "message"), "exit status is unknown"));
  assert_string_equal(rig_read(rig, &lasting, "stdout"), "done\n"); /* it was not disturbed */
  for (int i = 0; i < 60; i++) {
    const struct orrery_value *report = rig_await(rig, &jobs[i], "ENDED");
    if (strcmp(rig_text(report, "state"), "COMPLETED") != 0)
      assert_string_equal(rig_text(report, "reason"), "LOST");
    assert_int_equal(count_runs(rig, &jobs[i]), 1);
    for (int wait = 0; wait < 1000 && !rig_was_told(rig, &jobs[i]); wait++) usleep(10000);
    assert_true(rig_was_told(rig, &jobs[i]));
  }
  assert_int_equal(count_runs(rig, &lasting), 1);
  rig_close(rig);
}

static void what_ends_unwatched_is_lost(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":4,\"kill_grace\":0.2}");
  struct job ends = counted(rig, "echo $$ > pid; sleep 0.5; (sleep 60 & echo $! > member)");
  struct job limited = rig_sh(rig, "sleep 60", "\"attributes\":{\"duration\":2}");
  struct job held = counted(rig, "true"), suspended = counted(rig, "echo $$ > pid; exec sleep 60");
  rig_expect(rig, &held, "COMPLETED", "");
  rig_await_file(orr_arena_printf(rig->arena, "%s/pid", ends.directory), 2);
  rig_await_file(orr_arena_printf(rig->arena, "%s/pid", suspended.directory), 2);
  assert_null(rig_refusal(rig, rig->plugin->suspend, &suspended));
  rig->plugin->close(rig->instance); /* no server: nobody starts another supervisor */
  rig_kill_supervisor(rig);
  rig_await_file(orr_arena_printf(rig->arena, "%s/member", ends.directory), 2);
  await_process_state((pid_t)strtol(rig_read(rig, &ends, "pid"), NULL, 10), 0);
  rig_connect(rig, "{\"cores\":4,\"kill_grace\":0.2}", orr_value_map(rig->arena));
  rig_expect(rig, &ends, "FAILED", "LOST");
  await_process_state((pid_t)strtol(rig_read(rig, &ends, "member"), NULL, 10),
                      0);                         /* what it left is killed */
  rig_expect(rig, &limited, "FAILED", "TIMEOUT"); /* the limit went on */
  /* A suspended job survives its supervisor's death suspended, and can be resumed and cancelled after. */
  assert_string_equal(rig_text(rig_status(rig, &suspended), "state"), "SUSPENDED");
  pid_t pid = (pid_t)strtol(rig_read(rig, &suspended, "pid"), NULL, 10);
  assert_int_equal(process_state(pid), 'T');
  assert_null(rig_refusal(rig, rig->plugin->resume, &suspended));
  await_process_state(pid, 'S');
  assert_null(rig_refusal(rig, rig->plugin->cancel, &suspended));
  rig_expect(rig, &suspended, "CANCELED", "");
  rig_expect(rig, &held, "COMPLETED", ""); /* an outcome on record stays what it was */
  rig_close(rig);
}

static void sigterm_leaves_jobs_running(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = counted(rig, "echo $$ > pid; sleep 60");
  rig_await_file(orr_arena_printf(rig->arena, "%s/pid", job.directory), 2);
  pid_t pid = (pid_t)strtol(rig_read(rig, &job, "pid"), NULL, 10), supervisor = rig_supervisor(rig);
  kill(supervisor, SIGTERM);
  await_process_state(supervisor, 0);
  assert_int_equal(process_state(pid), 'S');
  assert_string_equal(rig_text(rig_status(rig, &job), "state"), "ACTIVE");
  assert_null(rig_refusal(rig, rig->plugin->cancel, &job));
  rig_expect(rig, &job, "CANCELED", "");
  assert_int_equal(count_runs(rig, &job), 1);
  rig_close(rig);
}

/* Makes the journal that of another run of the machine, one that stopped before its first record of the kind
   `cut_at` was durable (0: none was lost). */
static void restart_machine(struct rig *rig, uint32_t cut_at) {
  int fd = open(orr_arena_printf(rig->arena, "%s/journal", rig->host.state), O_RDWR | O_CLOEXEC);
  struct stat file;
  assert_int_equal(fstat(fd, &file), 0);
  size_t size = (size_t)file.st_size, at = strlen(ORR_JOURNAL_TITLE);
  char *bytes = orr_arena_alloc(rig->arena, size);
  assert_int_equal(pread(fd, bytes, size, 0), size);
  for (struct orr_record head; at < size; at += head.size) {
    memcpy(&head, bytes + at, sizeof head);
    if (cut_at && head.kind == cut_at) break;
    if (head.kind != ORR_RECORD_BOOT) continue;
    bytes[at + sizeof head] = bytes[at + sizeof head] == 'x' ? 'y' : 'x';
    head.check = (uint32_t)orr_hash(bytes + at + 8, head.size - 8);
    memcpy(bytes + at, &head, sizeof head);
  }
  assert_int_equal(pwrite(fd, bytes, at, 0), at);
  assert_int_equal(ftruncate(fd, (off_t)at), 0);
  close(fd);
}

static void a_restart_of_the_machine_is_told(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job running = counted(rig, "echo $$ > pid; sleep 60"), waiting = counted(rig, "true");
  rig_await_file(orr_arena_printf(rig->arena, "%s/pid", running.directory), 2);
  rig->plugin->close(rig->instance);
  rig_kill_supervisor(rig);
  kill((pid_t)-strtol(rig_read(rig, &running, "pid"), NULL, 10), SIGKILL);
  restart_machine(rig, 0);
  rig_connect(rig, "{\"cores\":1}", orr_value_map(rig->arena));
  rig_expect(rig, &running, "FAILED", "LOST");
  assert_string_equal(rig_text(rig_status(rig, &running), "message"), "the machine restarted while it ran");
  rig_expect(rig, &waiting, "COMPLETED", "");
  assert_int_equal(count_runs(rig, &waiting), 1);
  rig_close(rig);
}

/* The record of a start was not yet durable when the machine stopped, but that of the intention was. */
static void what_may_have_run_before_a_restart_is_not_run_again(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job job = counted(rig, "true");
  rig_expect(rig, &job, "COMPLETED", "");
  rig->plugin->close(rig->instance);
  rig_kill_supervisor(rig);
  restart_machine(rig, ORR_RECORD_STARTED);
  rig_connect(rig, "{\"cores\":1}", orr_value_map(rig->arena));
  rig_expect(rig, &job, "FAILED", "LOST");
  assert_int_equal(count_runs(rig, &job), 1);
  rig_close(rig);
}

static struct stat journal_of(struct rig *rig) {
  struct stat file;
  assert_int_equal(stat(orr_arena_printf(rig->arena, "%s/journal", rig->host.state), &file), 0);
  return file;
}

/* A full disk, played by a limit on the size of files: it lets ten bytes more in, so that writes end short. */
static void a_full_disk_is_survived(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":1}");
  struct job running = counted(rig, "while [ ! -e go ]; do sleep 0.05; done"), waiting = counted(rig, "true");
  struct job refused;
  rig_await_file(runs_file(rig), 5);
  usleep(1500000); /* the journal is settled: no job may start without writing to it */
  pid_t supervisor = rig_supervisor(rig);
  struct rlimit before, full;
  assert_int_equal(prlimit(supervisor, RLIMIT_FSIZE, NULL, &before), 0);
  full = (struct rlimit){(rlim_t)journal_of(rig).st_size + 10, before.rlim_max};
  assert_int_equal(prlimit(supervisor, RLIMIT_FSIZE, &full, NULL), 0);
  assert_string_equal(rig_try(rig, "{\"argv\":[\"/bin/true\"]}", &refused), "unavailable");
  char id[32];
  assert_string_equal(find(rig, refused.tag, id), "absent");
  close(open(orr_arena_printf(rig->arena, "%s/go", running.directory), O_CREAT | O_WRONLY, 0600));
  rig_expect(rig, &running, "COMPLETED", "");
  assert_string_equal(rig_text(rig_status(rig, &waiting), "state"), "QUEUED");
  assert_int_equal(journal_of(rig).st_size, full.rlim_cur - 10);
  assert_int_equal(prlimit(supervisor, RLIMIT_FSIZE, &before, NULL), 0);
  rig_expect(rig, &waiting, "COMPLETED", "");
  rig_kill_supervisor(rig);
  rig_expect(rig, &running, "COMPLETED", "");
  rig_expect(rig, &waiting, "COMPLETED", "");
  assert_int_equal(count_runs(rig, &waiting), 1);
  rig_close(rig);
}

static void a_torn_journal_is_cut(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job job = counted(rig, "exit 5");
  rig_expect(rig, &job, "FAILED", "EXIT_CODE");
  rig_kill_supervisor(rig);
  char *journal = orr_arena_printf(rig->arena, "%s/journal", rig->host.state);
  int fd = open(journal, O_WRONLY | O_APPEND | O_CLOEXEC);
  assert_int_equal(write(fd, "\x40\0\0\0torn", 8), 8);
  close(fd);
  rig_expect(rig, &job, "FAILED", "EXIT_CODE");
  struct job after = counted(rig, "true");
  rig_expect(rig, &after, "COMPLETED", "");
  rig_kill_supervisor(rig);
  rig_expect(rig, &after, "COMPLETED", "");
  rig_close(rig);
}

/* Seventy jobs of a megabyte each make the journal worth compacting: first with all of them live, whose
   submissions must move along, then with nearly all of them over. */
static void a_long_journal_is_compacted(void **unused) {
  (void)unused;
  struct rig *rig = rig_open("{\"cores\":2}");
  struct job suspended = counted(rig, "echo $$ > pid; sleep 60"), failed = counted(rig, "exit 9");
  rig_expect(rig, &failed, "FAILED", "EXIT_CODE");
  rig_await_file(orr_arena_printf(rig->arena, "%s/pid", suspended.directory), 2);
  assert_null(rig_refusal(rig, rig->plugin->suspend, &suspended));
  struct job blocker = counted(rig, "while [ ! -e go ]; do sleep 0.05; done"), held = counted(rig, "true");
  assert_null(rig_refusal(rig, rig->plugin->hold, &held));
  ino_t first = journal_of(rig).st_ino;
  struct job jobs[70];
  struct orrery_value *items = orr_value_list(rig->arena);
  char *padding = orr_arena_alloc(rig->arena, (1 << 20) + 1);
  memset(padding, 'x', 1 << 20), padding[1 << 20] = 0;
  for (int i = 0; i < 70; i++) {
    struct orrery_value *item = rig_submission(rig, items, &jobs[i]);
    orrery_set_text(
        item, "script",
        orr_arena_printf(rig->arena, "echo $ORRERY_TAG | tee -a %s\nexit\n%s", runs_file(rig), padding));
  }
  struct orrery_call *call = rig_call(rig, rig->plugin->submit, items, NULL);
  for (int i = 0; i < 70; i++)
    snprintf(jobs[i].id, sizeof jobs[i].id, "%s", rig_text(call->reports[i], "native_id"));
  assert_int_not_equal(journal_of(rig).st_ino, first); /* written anew */
  assert_true(journal_of(rig).st_size > 70 << 20);
  close(open(orr_arena_printf(rig->arena, "%s/go", blocker.directory), O_CREAT | O_WRONLY, 0600));
  for (int i = 0; i < 70; i++) {
    rig_expect(rig, &jobs[i], "COMPLETED", "");
    assert_string_equal(rig_read(rig, &jobs[i], "stdout"), orr_arena_printf(rig->arena, "%s\n", jobs[i].tag));
  }
  rig_kill_supervisor(rig);
  rig_expect(rig, &failed, "FAILED", "EXIT_CODE");
  assert_true(journal_of(rig).st_size < 1 << 20);
  rig_kill_supervisor(rig); /* its successor reads the compacted one */
  for (int i = 0; i < 70; i++) rig_expect(rig, &jobs[i], "COMPLETED", "");
  rig_expect(rig, &failed, "FAILED", "EXIT_CODE");
  assert_string_equal(rig_text(rig_status(rig, &failed), "message"), "exited with code 9");
  assert_string_equal(rig_text(rig_status(rig, &held), "state"), "HELD");
  assert_string_equal(rig_text(rig_status(rig, &suspended), "state"), "SUSPENDED");
  assert_null(rig_refusal(rig, rig->plugin->release, &held));
  assert_null(rig_refusal(rig, rig->plugin->cancel, &suspended));
  rig_expect(rig, &held, "COMPLETED", "");
  rig_expect(rig, &suspended, "CANCELED", "");
  struct job next = counted(rig, "true");
  assert_int_equal(atoi(next.id), 75); /* ids go on */
  assert_int_equal(count_runs(rig, &jobs[69]), 1);
  rig_close(rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tag_is_submitted_once),
      cmocka_unit_test(find_has_three_answers),
      cmocka_unit_test(a_killed_supervisor_is_survived),
      cmocka_unit_test(what_ends_unwatched_is_lost),
      cmocka_unit_test(sigterm_leaves_jobs_running),
      cmocka_unit_test(a_restart_of_the_machine_is_told),
      cmocka_unit_test(what_may_have_run_before_a_restart_is_not_run_again),
      cmocka_unit_test(a_full_disk_is_survived),
      cmocka_unit_test(a_torn_journal_is_cut),
      cmocka_unit_test(a_long_journal_is_compacted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
