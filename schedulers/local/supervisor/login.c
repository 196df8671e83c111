#include "supervisor/login.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/launch.h"
#include "supervisor/supervisor.h"

enum { GOOD_MS = 600000, BAD_MS = 10000, SHELL_MS = 20000, SIZE_MAX_BYTES = 4 << 20 };

/* Start-up files may greet; what counts comes after this line. */
#define MARK "orrery-login-environment"

static void refuse(struct orr_login *login, const char *why) {
  orr_fail(&login->problem, ORR_UNAVAILABLE, "the account's login environment cannot be read: %s", why);
  login->good_until = orr_boot_ms() + BAD_MS;
}

/* Every shell takes a dash before its name for a login. */
static void run_shell(struct orr_supervisor *s) {
  struct orr_login *login = &s->login;
  struct orr_arena *arena = orr_arena_create();
  const char *shell = s->account.shell, *slash = strrchr(shell, '/');
  login->output = memfd_create("login environment", MFD_CLOEXEC);
  char *argv[] = {orr_arena_printf(arena, "-%s", slash ? slash + 1 : shell), (char *)"-c",
                  (char *)"echo " MARK "; env -0", NULL};
  struct orr_launch launch = {
      .program = shell,
      .argv = argv,
      .environment = orr_environment(arena, &s->account, NULL, NULL),
      .directory = "/",
      .input = "/dev/null",
      .output = orr_arena_printf(arena, "/proc/self/fd/%d", login->output),
      .error = "/dev/null",
  };
  struct orr_err err;
  if (orr_launch(&launch, &err) == ORR_OK) {
    login->pid = launch.pid;
    login->deadline = orr_boot_ms() + SHELL_MS;
  } else {
    close(login->output);
    refuse(login, err.text);
  }
  orr_arena_destroy(arena);
}

bool orr_login_ready(struct orr_supervisor *s, const char **problem) {
  struct orr_login *login = &s->login;
  if (login->pid) return false;
  if (orr_boot_ms() >= login->good_until) {
    if (login->arena) orr_arena_destroy(login->arena);
    login->arena = NULL, login->entries = NULL;
    run_shell(s);
    if (login->pid) return false;
  }
  *problem = login->entries ? NULL : login->problem.text;
  return true;
}

/* All but what is the shell's own and would mislead a job. */
static bool passes(const char *entry) {
  static const char *const dropped[] = {"_=", "SHLVL=", "PWD=", "OLDPWD="};
  for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
    if (strncmp(entry, dropped[i], strlen(dropped[i])) == 0) return false;
  return strchr(entry, '=') != NULL;
}

static bool take_entries(struct orr_login *login) {
  struct stat file;
  if (fstat(login->output, &file) || file.st_size > SIZE_MAX_BYTES) return false;
  login->arena = orr_arena_create();
  size_t size = (size_t)file.st_size;
  char *text = orr_arena_zalloc(login->arena, size + 1);
  if (pread(login->output, text, size, 0) != file.st_size) return false;
  char *at = memmem(text, size, MARK "\n", sizeof MARK), *end = text + size;
  if (!at) return false;
  size_t count = 0;
  for (const char *c = at; c < end; c++) count += *c == 0;
  char **entries = orr_arena_alloc(login->arena, (count + 1) * sizeof *entries);
  count = 0;
  for (at += sizeof MARK; at < end; at += strlen(at) + 1)
    if (passes(at)) entries[count++] = at;
  entries[count] = NULL;
  login->entries = entries;
  return count > 0;
}

void orr_login_ended(struct orr_supervisor *s, int status) {
  struct orr_login *login = &s->login;
  bool in_time = login->deadline != INT64_MAX;
  login->pid = 0;
  login->deadline = INT64_MAX;
  if (!in_time)
    refuse(login, "its login shell takes too long");
  else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    refuse(login, "its login shell failed");
  else if (!take_entries(login))
    refuse(login, "its login shell did not tell it");
  else
    login->good_until = orr_boot_ms() + GOOD_MS;
  close(login->output);
}

void orr_login_overdue(struct orr_supervisor *s) {
  s->login.deadline = INT64_MAX;
  kill((pid_t)-s->login.pid, SIGKILL);
}
