/* What the tests of scheduler plug-ins in C share: a rig that loads one into a small host (plugin_host.h),
   submits jobs and waits for them. A rig has a folder of its own with the state directory in it; the plug-ins
   are those of the build. What is called rig_supervisor and the like is about the local scheduler's. */
#pragma once
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "plugin_host.h"

struct rig {
  struct orrery_host host;
  struct orr_arena *arena;
  char *root;
  const struct orrery_plugin *plugin;
  void *instance;
  int jobs; /* so many were submitted */
};

struct job {
  char tag[64], id[32];
  char *directory;
};

static inline struct orrery_value *rig_json(struct rig *rig, const char *text) {
  struct orr_err err;
  struct orrery_value *value = orr_json_read(rig->arena, text, strlen(text), NULL, &err);
  if (!value) fail_msg("%s in %s", err.text, text);
  return value;
}

/* Starts the plug-in; what it honours goes to `honours`. */
static inline void rig_connect(struct rig *rig, const char *config, struct orrery_value *honours) {
  rig->instance = rig->plugin->open(&rig->host, rig_json(rig, config), honours);
  if (!rig->instance) fail_msg("%s", rig->host.failure);
}

static inline struct rig *rig_open_plugin(const char *file, const char *config) {
  struct rig *rig = orr_zalloc(sizeof *rig);
  char root[] = "/tmp/orrery-local-XXXXXX";
  rig->arena = orr_arena_create();
  rig->root = orr_strdup(mkdtemp(root));
  rig->host.state = orr_arena_printf(rig->arena, "%s/state", rig->root);
  orr_buf_puts(&rig->host.changed, ",");
  pthread_mutex_init(&rig->host.mutex, NULL);
  assert_int_equal(mkdir(rig->host.state, 0700), 0);
  void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!module) fail_msg("%s", dlerror());
  rig->plugin = dlsym(module, "orrery_plugin");
  assert_non_null(rig->plugin);
  rig_connect(rig, config, orr_value_map(rig->arena));
  return rig;
}

static inline struct rig *rig_open(const char *config) {
  return rig_open_plugin(TEST_BINARY_DIR "/schedulers/local.so", config);
}

/* The call's reports stay valid as long as the rig. */
static inline struct orrery_call *rig_call(struct rig *rig, orrery_verb *verb,
                                           const struct orrery_value *items, const char *signal_name) {
  struct orrery_call *call = orr_arena_zalloc(rig->arena, sizeof *call);
  struct orrery_value *extra = orr_value_map(rig->arena);
  orrery_set_text(extra, "name", signal_name);
  call->arena = rig->arena;
  call->items = items;
  call->extra = extra;
  call->reports = orr_arena_zalloc(rig->arena, (orrery_count(items) + 1) * sizeof *call->reports);
  call->deadline = orr_clock_ms() + 60000;
  verb(rig->instance, call);
  for (size_t i = 0; i < orrery_count(items); i++) assert_non_null(call->reports[i]);
  assert_int_equal(call->taken, call->sent);
  return call;
}

/* Adds a submission with what every one has; `job` is filled but for the id. Returns its map. */
static inline struct orrery_value *rig_submission(struct rig *rig, struct orrery_value *items,
                                                  struct job *job) {
  struct orrery_value *item = orrery_add_map(items);
  int number = ++rig->jobs;
  snprintf(job->tag, sizeof job->tag, "orrery-tag-%d", number);
  job->directory = orr_arena_printf(rig->arena, "%s/base/%d/1", rig->root, number);
  orrery_set_text(item, "tag", job->tag);
  orrery_set_text(item, "job", orr_arena_printf(rig->arena, "job-%d", number));
  orrery_set_text(item, "name", "test");
  orrery_set_text(item, "attempt_directory", job->directory);
  orrery_set_text(item, "directory", job->directory);
  orrery_set_text(item, "stdout", orr_arena_printf(rig->arena, "%s/stdout", job->directory));
  orrery_set_text(item, "stderr", orr_arena_printf(rig->arena, "%s/stderr", job->directory));
  return item;
}

/* Lays the members of a JSON text over a submission. */
static inline void rig_overlay(struct rig *rig, struct orrery_value *item, const char *members) {
  const struct orrery_value *map = rig_json(rig, members);
  for (size_t i = 0; i < orrery_count(map); i++) {
    const char *key = orrery_key_at(map, i);
    struct orrery_value *have = orr_value_find(item, key, strlen(key));
    orr_value_copy(have ? have : orr_value_add(item, key, strlen(key)), rig->arena, orrery_at(map, i));
  }
}

/* Submits one job; NULL, or the class of the error. */
static inline const char *rig_try(struct rig *rig, const char *members, struct job *job) {
  struct orrery_value *items = orr_value_list(rig->arena);
  rig_overlay(rig, rig_submission(rig, items, job), members);
  const struct orrery_value *report = rig_call(rig, rig->plugin->submit, items, NULL)->reports[0];
  snprintf(job->id, sizeof job->id, "%s", orrery_text(orrery_get(report, "native_id"), NULL, ""));
  return orrery_text(orrery_get(report, "error.class"), NULL, NULL);
}

static inline struct job rig_submit(struct rig *rig, const char *members) {
  struct job job;
  assert_null(rig_try(rig, members, &job));
  assert_string_not_equal(job.id, "");
  return job;
}

/* A job that is a line of shell. */
static inline struct job rig_sh(struct rig *rig, const char *line, const char *members) {
  struct orr_buf text = {0};
  ORR_BUF_LIT(&text, "{\"argv\":[\"/bin/sh\",\"-c\",");
  orr_json_put_text(&text, line, strlen(line));
  orr_buf_printf(&text, "]%s%s}", *members ? "," : "", members);
  struct job job = rig_submit(rig, orr_buf_text(&text));
  orr_buf_free(&text);
  return job;
}

static inline void rig_ref(struct orrery_value *items, const struct job *job) {
  struct orrery_value *ref = orrery_add_map(items);
  orrery_set_text(ref, "native_id", job->id);
  orrery_set_text(ref, "tag", job->tag);
  orrery_set_text(ref, "directory", job->directory);
}

/* Calls a verb about one job and returns the report. */
static inline const struct orrery_value *rig_do(struct rig *rig, orrery_verb *verb, const struct job *job,
                                                const char *signal_name) {
  struct orrery_value *items = orr_value_list(rig->arena);
  rig_ref(items, job);
  return rig_call(rig, verb, items, signal_name)->reports[0];
}

/* NULL, or the message with which the verb was refused. */
static inline const char *rig_refusal(struct rig *rig, orrery_verb *verb, const struct job *job) {
  const struct orrery_value *report = rig_do(rig, verb, job, NULL);
  if (!orrery_get(report, "error.class")) return NULL;
  assert_string_equal(orrery_text(orrery_get(report, "error.class"), NULL, ""), "rejected");
  return orrery_text(orrery_get(report, "error.message"), NULL, "");
}

static inline const char *rig_text(const struct orrery_value *report, const char *member) {
  return orrery_text(orrery_get(report, member), NULL, "");
}

static inline const struct orrery_value *rig_status(struct rig *rig, const struct job *job) {
  return rig_do(rig, rig->plugin->monitor, job, NULL);
}

/* Waits until the job is in a state; "ENDED" is any of the three. */
static inline const struct orrery_value *rig_await(struct rig *rig, const struct job *job,
                                                   const char *state) {
  const struct orrery_value *report = NULL;
  for (int i = 0; i < 6000; i++) {
    report = rig_status(rig, job);
    if (strcmp(rig_text(report, "state"), state) == 0) return report;
    if (orrery_bool(orrery_get(report, "final"), false)) {
      if (strcmp(state, "ENDED") == 0) return report;
      break;
    }
    usleep(10000);
  }
  fail_msg("job %s is %s (%s %s), not %s", job->id, rig_text(report, "state"), rig_text(report, "reason"),
           rig_text(report, "message"), state);
  return NULL;
}

static inline void rig_expect(struct rig *rig, const struct job *job, const char *state, const char *reason) {
  const struct orrery_value *report = rig_await(rig, job, "ENDED");
  const char *message = rig_text(report, "message");
  if (strcmp(rig_text(report, "state"), state) != 0 || strcmp(rig_text(report, "reason"), reason) != 0)
    fail_msg("job %s is %s %s: %s", job->id, rig_text(report, "state"), rig_text(report, "reason"), message);
}

/* The bytes of a file of the job's directory (or of an absolute path), terminated. */
static inline const char *rig_read(struct rig *rig, const struct job *job, const char *name) {
  struct orr_buf bytes = {0};
  const char *path = *name == '/' ? name : orr_arena_printf(rig->arena, "%s/%s", job->directory, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_msg("%s is missing", path);
  for (ssize_t count; (count = read(fd, orr_buf_reserve(&bytes, 65536), 65536)) > 0;)
    bytes.size += (size_t)count;
  close(fd);
  const char *copy = orr_arena_dup(rig->arena, orr_buf_text(&bytes), bytes.size);
  orr_buf_free(&bytes);
  return copy;
}

/* Waits until the file has `size` bytes or more. */
static inline void rig_await_file(const char *path, off_t size) {
  struct stat file = {0};
  for (int i = 0; i < 6000; i++) {
    if (stat(path, &file) == 0 && file.st_size >= size) return;
    usleep(10000);
  }
  fail_msg("%s has not become %lld bytes long", path, (long long)size);
}

static inline bool rig_was_told(struct rig *rig, const struct job *job) {
  char needle[40];
  snprintf(needle, sizeof needle, ",%s,", job->id);
  pthread_mutex_lock(&rig->host.mutex);
  bool told = strstr(orr_buf_text(&rig->host.changed), needle) != NULL;
  pthread_mutex_unlock(&rig->host.mutex);
  return told;
}

/* --- processes ----------------------------------------------------------------------------------------- */

/* The state letter of a process; 0: there is none. Nobody may reap orphans here, so Z counts as gone. */
static inline char process_state(pid_t pid) {
  char path[64], line[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t count = read(fd, line, sizeof line - 1);
  close(fd);
  char *name_end = count > 0 ? strrchr(line, ')') : NULL;
  return name_end && name_end[2] != 'Z' && name_end[2] != 'X' ? name_end[2] : 0;
}

static inline void await_process_state(pid_t pid, char state) {
  for (int i = 0; i < 3000 && process_state(pid) != state; i++) usleep(10000);
  assert_int_equal(process_state(pid), state);
}

/* A new connection to the supervisor's socket; -1: nobody answers. */
static inline int rig_dial(struct rig *rig) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int directory = open(rig->host.state, O_PATH | O_CLOEXEC),
      fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket", directory);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) close(fd), fd = -1;
  close(directory);
  return fd;
}

static inline pid_t rig_supervisor(struct rig *rig) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  int fd = rig_dial(rig);
  assert_true(fd >= 0);
  assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  close(fd);
  return peer.pid;
}

/* Waits until the plug-in has, by itself, started another. */
static inline void rig_await_supervisor(struct rig *rig) {
  int fd = -1;
  for (int i = 0; i < 1000 && (fd = rig_dial(rig)) < 0; i++) usleep(10000);
  assert_true(fd >= 0);
  close(fd);
}

static inline void rig_kill_supervisor(struct rig *rig) {
  pid_t pid = rig_supervisor(rig);
  assert_int_equal(kill(pid, SIGKILL), 0);
  await_process_state(pid, 0);
}

static inline void rig_close(struct rig *rig) {
  int fd = rig_dial(rig);
  if (fd >= 0) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    close(fd);
    rig->plugin->close(rig->instance);
    kill(peer.pid, SIGTERM);
    await_process_state(peer.pid, 0);
  } else {
    rig->plugin->close(rig->instance);
  }
  char command[256], *log = orr_arena_printf(rig->arena, "%s/supervisor.log", rig->host.state);
  if (access(log, F_OK) == 0) assert_null(strstr(rig_read(rig, NULL, log), "Sanitizer"));
  snprintf(command, sizeof command, "rm -rf '%s'", rig->root);
  if (system(command)) fail_msg("%s failed", command);
  free(rig->root);
  free(rig->host.failure);
  orr_buf_free(&rig->host.changed);
  pthread_mutex_destroy(&rig->host.mutex);
  orr_arena_destroy(rig->arena);
  free(rig);
}
