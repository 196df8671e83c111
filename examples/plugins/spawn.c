/* A whole plug-in in C that is as small as one can be; what shell.lua beside it does, and with the same files: jobs are
   background processes of this machine, and each has a folder in the state directory, named by its tag:

     script      what it runs: the text that the house makes of a submission (`batch`)
     alive       locked by all processes of the job; the system unlocks it when the last one ends, or the machine does
     pid         of the first of them, which leads a group: the native id. Once it is there, the job has been submitted
     cancelled   cancel was called
     status      how the script ended, as shells tell it: above 128, by a signal

   Beside the folders lies `starting`, locked by a job that is being started until its pid can be read.
   Build: cc -shared -fPIC -I include -o spawn.so spawn.c */
#include <orrery/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, STARTING = 3 }; /* the lock's descriptor in a job that is being started */

struct spawn {
  const char *state; /* the directory */
};

/* The job holds the lock until its pid can be read, and not a moment longer: who has the lock sees all there is. */
static char START[] = "cd \"$1\" && exec setsid sh -c '"
                      "exec 9>alive && flock 9 || exit 1; "
                      "echo $$ >new && mv new pid || exit 1; "
                      "exec 3>&-; "
                      "SPAWN_JOB=$$ sh script; "
                      "echo $? >new && mv new status' </dev/null >/dev/null 2>&1 &";

/* --- files -------------------------------------------------------------------------------------------- */

/* The path of a file in a job's folder; without a name, of the folder. */
static const char *file_of(const struct spawn *self, const char *tag, const char *name,
                           char path[PATH_SIZE]) {
  snprintf(path, PATH_SIZE, "%s/%s%s%s", self->state, tag, name ? "/" : "", name ? name : "");
  return path;
}

/* The number that stands in a file of a job's folder, or -1. */
static long number_in(const struct spawn *self, const char *tag, const char *name) {
  char path[PATH_SIZE];
  long number = -1;
  FILE *file = fopen(file_of(self, tag, name, path), "re");
  if (!file) return -1;
  if (fscanf(file, "%ld", &number) != 1) number = -1;
  fclose(file);
  return number;
}

static bool write_file(const struct spawn *self, const char *tag, const char *name, const char *text,
                       size_t size) {
  char path[PATH_SIZE];
  FILE *file = fopen(file_of(self, tag, name, path), "we");
  if (!file) return false;
  bool written = fwrite(text, 1, size, file) == size;
  return fclose(file) == 0 && written;
}

/* Opens a file and locks it, waiting if need be. Returns a descriptor, or -1. */
static int lock(const char *path, bool wait) {
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0 && flock(file, LOCK_EX | (wait ? 0 : LOCK_NB)) == 0) return file;
  if (file >= 0) close(file);
  return -1;
}

/* --- open and close ----------------------------------------------------------------------------------- */

static void *spawn_open(struct orrery_host *host, const struct orrery_value *config,
                        struct orrery_value *honours) {
  static const char *const fields[] = {"executable",  "arguments",           "script",
                                       "environment", "inherit_environment", "directory",
                                       "stdin_path",  "stdout_path",         "stderr_path"};
  for (size_t i = 0; i < orrery_count(config); i++)
    if (strcmp(orrery_key_at(config, i), "timeout_ms") != 0) {
      orrery_host_fail(host, "spawn has no option %s", orrery_key_at(config, i));
      return NULL;
    }
  struct spawn *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  self->state = orrery_host_directory(host, "state");
  struct orrery_value *list = orrery_set_list(honours, "fields");
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) orrery_add_text(list, fields[i]);
  orrery_set_text(honours, "batch", "SPAWN_JOB");
  orrery_set_int(honours, "array_size", 0);
  return self;
}

static void spawn_close(void *self) { free(self); }

/* --- submit and find ---------------------------------------------------------------------------------- */

/* Runs START, which soon ends, while the job goes on. Nothing of the server's environment is the job's to see. */
static bool start(const char *folder, int starting) {
  char *argv[] = {"sh", "-c", START, "sh", (char *)folder, NULL};
  char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int status = -1;
  if (posix_spawn_file_actions_init(&actions)) return false;
  bool spawned = !posix_spawn_file_actions_adddup2(&actions, starting, STARTING) &&
                 !posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  while (spawned && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return spawned && status == 0;
}

static void submit_one(const struct spawn *self, struct orrery_call *call, size_t i, const char *path) {
  const struct orrery_value *item = orrery_at(orrery_call_items(call), i);
  const char *tag = orrery_text(orrery_get(item, "tag"), NULL, "");
  char folder[PATH_SIZE];
  size_t size;
  const char *script = orrery_text(orrery_get(item, "batch"), &size, "");
  if (mkdir(file_of(self, tag, NULL, folder), 0700) && errno != EEXIST)
    return orrery_report_error(call, i, ORRERY_UNAVAILABLE, "%s: %s", folder, strerror(errno));
  if (!write_file(self, tag, "script", script, size))
    return orrery_report_error(call, i, ORRERY_UNAVAILABLE, "the script cannot be written in %s", folder);
  int starting = lock(path, true);
  bool started = starting >= 0 && start(folder, starting);
  if (starting >= 0) close(starting);
  starting = lock(path, true); /* until it has written its pid */
  long pid = number_in(self, tag, "pid");
  if (starting >= 0) close(starting);
  if (!started || pid < 0)
    return orrery_report_error(call, i, ORRERY_UNAVAILABLE, "no process can be started; see %s", folder);
  char native_id[24];
  snprintf(native_id, sizeof native_id, "%ld", pid);
  struct orrery_value *report = orrery_report(call, i);
  orrery_set_text(report, "native_id", native_id);
  orrery_report_send(call, i, report);
}

static void spawn_submit(void *instance, struct orrery_call *call) {
  const struct spawn *self = instance;
  char path[PATH_SIZE];
  file_of(self, "starting", NULL, path);
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) submit_one(self, call, i, path);
}

/* A server that was killed may have left a job behind that is being started: then nobody can tell yet. */
static void spawn_find(void *instance, struct orrery_call *call) {
  const struct spawn *self = instance;
  const struct orrery_value *items = orrery_call_items(call);
  char path[PATH_SIZE], native_id[24];
  int starting = lock(file_of(self, "starting", NULL, path), false);
  for (size_t i = 0; i < orrery_count(items); i++) {
    long pid = number_in(self, orrery_text(orrery_get(orrery_at(items, i), "tag"), NULL, ""), "pid");
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "answer", pid >= 0 ? "found" : starting >= 0 ? "absent" : "unknown");
    snprintf(native_id, sizeof native_id, "%ld", pid);
    if (pid >= 0) orrery_set_text(report, "native_id", native_id);
    orrery_report_send(call, i, report);
  }
  if (starting >= 0) close(starting);
}

/* --- monitor and cancel ------------------------------------------------------------------------------- */

static bool lives(const struct spawn *self, const char *tag) {
  char path[PATH_SIZE];
  int alive = lock(file_of(self, tag, "alive", path), false);
  if (alive >= 0) close(alive);
  return alive < 0;
}

/* A pid is given to others later on: it is this job's only in the folder of its tag. */
static bool is_ours(const struct spawn *self, const struct orrery_value *ref, const char *tag) {
  const char *native_id = orrery_text(orrery_get(ref, "native_id"), NULL, "");
  long pid = number_in(self, tag, "pid");
  return pid >= 0 && pid == strtol(native_id, NULL, 10);
}

static void set_end(struct orrery_value *report, int code) {
  bool killed = code > 128;
  orrery_set_bool(report, "final", true);
  orrery_set_text(report, "state", code == 0 ? "COMPLETED" : "FAILED");
  orrery_set_int(report, killed ? "signal" : "exit_code", killed ? code - 128 : code);
  if (code != 0) orrery_set_text(report, "reason", killed ? "SIGNAL" : "EXIT_CODE");
}

/* It may end while we look: so the status is read last. */
static void spawn_monitor(void *instance, struct orrery_call *call) {
  const struct spawn *self = instance;
  const struct orrery_value *items = orrery_call_items(call);
  for (size_t i = 0; i < orrery_count(items); i++) {
    const struct orrery_value *ref = orrery_at(items, i);
    const char *tag = orrery_text(orrery_get(ref, "tag"), NULL, "");
    struct orrery_value *report = orrery_report(call, i);
    char path[PATH_SIZE];
    bool ours = is_ours(self, ref, tag), runs = ours && lives(self, tag);
    long code = ours ? number_in(self, tag, "status") : -1;
    if (code >= 0) {
      set_end(report, (int)code);
    } else if (runs) {
      orrery_set_text(report, "state", "ACTIVE");
    } else if (ours && access(file_of(self, tag, "cancelled", path), F_OK) == 0) {
      orrery_set_text(report, "state", "CANCELED");
      orrery_set_bool(report, "final", true);
    } else {
      orrery_set_bool(report, "absent", true); /* the house looks for what it left */
    }
    orrery_report_send(call, i, report);
  }
}

static void spawn_cancel(void *instance, struct orrery_call *call) {
  const struct spawn *self = instance;
  const struct orrery_value *items = orrery_call_items(call);
  for (size_t i = 0; i < orrery_count(items); i++) {
    const struct orrery_value *ref = orrery_at(items, i);
    const char *tag = orrery_text(orrery_get(ref, "tag"), NULL, "");
    if (is_ours(self, ref, tag) && number_in(self, tag, "status") < 0 && lives(self, tag)) {
      write_file(self, tag, "cancelled", "", 0);
      kill((pid_t)-number_in(self, tag, "pid"), SIGKILL);
    }
    orrery_report_ok(call, i);
  }
}

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "spawn",
    .version = "1",
    .open = spawn_open,
    .close = spawn_close,
    .submit = spawn_submit,
    .monitor = spawn_monitor,
    .cancel = spawn_cancel,
    .find = spawn_find,
};
