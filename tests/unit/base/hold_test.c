/* A file held by processes, and by what they leave behind. */
#include "base/hold.h"

#include <signal.h>
#include <sys/wait.h>

#include "folder.h"

static char folder[FOLDER_ROOM];

static int start(void **state) {
  (void)state;
  folder_make(folder);
  return 0;
}

static int stop(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
}

static void eventually_free(const char *path) {
  for (int i = 0; i < 10000 && !orr_hold_free(path); i++) usleep(1000);
  assert_true(orr_hold_free(path));
}

static void it_is_held_while_it_is_open(void **state) {
  (void)state;
  const char *path = PATH_OF(folder, "held");
  struct orr_err err = {0};
  assert_true(orr_hold_free(path)); /* nobody ever did */
  int one = orr_hold_take(path, &err), other = orr_hold_take(path, &err);
  assert_true(one >= 0 && other >= 0);
  assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
  assert_false(orr_hold_free(path)); /* and we are still alive */
  close(one);
  assert_false(orr_hold_free(path));
  close(other);
  assert_true(orr_hold_free(path));
  assert_true(orr_hold_take(PATH_OF(folder, "absent/held"), &err) < 0);
  assert_non_null(strstr(err.text, "absent/held"));
}

/* A shell that is given the file as its descriptor 3 and starts a program that leaves its session; it itself ends. */
static void its_heirs_are_killed(void **state) {
  (void)state;
  const char *path = PATH_OF(folder, "held"), *pid_path = PATH_OF(folder, "pid");
  char script[600], text[32] = "";
  snprintf(script, sizeof script, "setsid sh -c 'echo $$ >%s.new; mv %s.new %s; exec sleep 1000' &", pid_path,
           pid_path, pid_path);
  int fd = orr_hold_take(path, NULL), status;
  pid_t stranger = fork(), child;
  if (stranger == 0) execl("/bin/sleep", "sleep", "1000", (char *)NULL); /* it inherits nothing that counts */
  if ((child = fork()) == 0) {
    dup2(fd, 3);
    fcntl(3, F_SETFD, 0);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
  }
  close(fd);
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  while (!is_there(folder, "pid")) usleep(1000);
  FILE *file = fopen(pid_path, "r");
  assert_non_null(fgets(text, sizeof text, file));
  fclose(file);
  pid_t heir = atoi(text);
  assert_int_equal(kill(heir, 0), 0);
  assert_false(orr_hold_free(path));
  eventually_free(path);
  while (kill(heir, 0) == 0) usleep(1000); /* reaped by whoever reaps orphans here */
  assert_int_equal(waitpid(stranger, &status, WNOHANG), 0);
  kill(stranger, SIGKILL);
  waitpid(stranger, &status, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {TEST(it_is_held_while_it_is_open), TEST(its_heirs_are_killed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
