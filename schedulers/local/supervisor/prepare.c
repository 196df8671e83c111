#include "supervisor/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/value.h"

/* The submission as it was given, read back from the journal; NULL with `err`. */
static const struct orrery_value *read_submission(struct orr_supervisor *s, const struct orr_job *job,
                                                  struct orr_arena *arena, int *code, struct orr_err *err) {
  struct orr_buf bytes = {0};
  struct orrery_value *submission = orr_value_map(arena);
  *code = orr_journal_read(&s->journal, job->submission, job->submission_size, &bytes, err);
  struct orr_wire wire = {bytes.data, bytes.data + bytes.size};
  if (*code == ORR_OK && !orr_wire_read_map(&wire, submission))
    *code = orr_fail(err, ORR_INTERNAL, "the submission in the journal cannot be read");
  orr_buf_free(&bytes);
  return *code == ORR_OK ? submission : NULL;
}

/* A disk that is full is no fault of the job. */
static enum orr_code code_of(int problem) {
  return problem == ENOSPC || problem == EDQUOT ? ORR_NO_SPACE : ORR_IO;
}

/* Private, unlike those above it. That it is there already is usual: input may have been staged. */
static int make_directory(const char *path, struct orr_arena *arena, struct orr_err *err) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST) return ORR_OK;
  const char *slash = strrchr(path, '/');
  if (errno == ENOENT && slash > path) {
    int code = orr_file_folders(orr_arena_dup(arena, path, (size_t)(slash - path)), 0755, err);
    if (code) return code;
    if (mkdir(path, 0700) == 0) return ORR_OK;
  }
  return orr_fail(err, code_of(errno), "cannot make the directory %s: %s", path, strerror(errno));
}

static int write_script(const char *path, const char *body, size_t size, struct orr_err *err) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0700);
  ssize_t written = fd < 0 ? -1 : write(fd, body, size);
  int problem = written >= 0 && (size_t)written < size ? ENOSPC : errno;
  if (fd >= 0) close(fd);
  if (written >= 0 && (size_t)written == size) return ORR_OK;
  return orr_fail(err, code_of(problem), "cannot write the script %s: %s", path, strerror(problem));
}

static char **arguments(const struct orrery_value *submission, const char *script, const char *script_path,
                        struct orr_arena *arena) {
  const struct orrery_value *given = orrery_get(submission, script ? "arguments" : "argv");
  size_t count = orrery_count(given), n = 0;
  char **argv = orr_arena_alloc(arena, (count + 3) * sizeof *argv);
  if (script) {
    if (strncmp(script, "#!", 2) != 0) argv[n++] = (char *)"/bin/sh";
    argv[n++] = (char *)script_path;
  }
  for (size_t i = 0; i < count; i++) argv[n++] = (char *)orrery_text(orrery_at(given, i), NULL, "");
  argv[n] = NULL;
  return argv;
}

/* The program waits until a copy of the inputs is in its directory: a shell makes that, and becomes the program. */
static char **after_inputs(const char *inputs, const char *attempt, char **argv, struct orr_arena *arena) {
  static const char *const copy[] = {
      "/bin/sh", "-c",
      "/bin/cp -R -p -- \"$1/.\" \"$2/\" || { echo \"the job's inputs in $1 cannot be copied\" >&2; exit 73; }\n"
      "shift 2\nexec \"$@\"",
      "sh"};
  enum { WORDS = sizeof copy / sizeof *copy };
  size_t count = 0;
  while (argv[count]) count++;
  char **all = orr_arena_alloc(arena, (WORDS + count + 3) * sizeof *all);
  memcpy(all, copy, sizeof copy);
  all[WORDS] = (char *)inputs;
  all[WORDS + 1] = (char *)attempt;
  memcpy(all + WORDS + 2, argv, (count + 1) * sizeof *argv);
  return all;
}

int orr_prepare(struct orr_supervisor *s, const struct orr_job *job, struct orr_arena *arena,
                struct orr_launch *launch, struct orr_err *err) {
  int code;
  const struct orrery_value *submission = read_submission(s, job, arena, &code, err);
  if (!submission) return code;
  const char *attempt = orrery_text(orrery_get(submission, "attempt_directory"), NULL, "");
  code = make_directory(attempt, arena, err);
  size_t script_size;
  const char *script = orrery_text(orrery_get(submission, "script"), &script_size, NULL);
  const char *script_path = script ? orr_arena_printf(arena, "%s/.script", attempt) : NULL;
  if (code == ORR_OK && script) code = write_script(script_path, script, script_size, err);
  if (code) return code;
  char **argv = arguments(submission, script, script_path, arena);
  const char *inputs = orrery_text(orrery_get(submission, "inputs"), NULL, NULL);
  launch->argv = inputs ? after_inputs(inputs, attempt, argv, arena) : argv;
  launch->environment = orr_environment(arena, &s->account, job->login ? s->login.entries : NULL, submission);
  launch->path = orr_environment_get(launch->environment, "PATH");
  launch->directory = orrery_text(orrery_get(submission, "directory"), NULL, attempt);
  launch->input = orrery_text(orrery_get(submission, "stdin"), NULL, "/dev/null");
  launch->output = orrery_text(orrery_get(submission, "stdout"), NULL, "/dev/null");
  launch->error = orrery_text(orrery_get(submission, "stderr"), NULL, "/dev/null");
  return ORR_OK;
}
