/* Removing folders that others filled. */
#include "base/tree.h"

#include <pwd.h>
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

static void everything_goes(void **state) {
  (void)state;
  char name[64];
  make_folder(folder, "tree");
  make_folder(folder, "tree/empty");
  make_folder(folder, "tree/full");
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "tree/full/file-%d", i);
    write_file(folder, name, "x");
  }
  write_file(folder, "tree/full/.hidden", "x");
  assert_int_equal(mkfifo(PATH_OF(folder, "tree/pipe"), 0600), 0);
  int before = count_descriptors();
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "tree"), NULL), ORR_OK);
  assert_false(is_there(folder, "tree"));
  assert_int_equal(count_descriptors(), before);
}

static void what_is_no_folder_goes_too(void **state) {
  (void)state;
  write_file(folder, "file", "x");
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "file"), NULL), ORR_OK);
  assert_false(is_there(folder, "file"));
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "file"), NULL), ORR_OK); /* gone is gone */
}

static void links_are_removed_not_followed(void **state) {
  (void)state;
  make_folder(folder, "tree");
  make_folder(folder, "kept");
  write_file(folder, "kept/file", "x");
  assert_int_equal(symlink("../kept", PATH_OF(folder, "tree/link")), 0);
  assert_int_equal(symlink("../nowhere", PATH_OF(folder, "tree/broken")), 0);
  assert_int_equal(symlink("kept", PATH_OF(folder, "link")), 0);
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "tree"), NULL), ORR_OK);
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "link"), NULL), ORR_OK);
  assert_false(is_there(folder, "tree"));
  assert_false(is_there(folder, "link"));
  assert_true(is_there(folder, "kept/file"));
}

static void failure_is_told(void **state) {
  (void)state;
  struct orr_err err = {0};
  assert_int_equal(orr_tree_remove("/proc/self/task", &err), ORR_IO);
  assert_non_null(strstr(err.text, "/proc/self/task"));
  write_file(folder, "file", "x");
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "file/below"), &err), ORR_IO);
  assert_true(is_there(folder, "file"));
}

/* Somebody nests folders so deep that a descriptor for each would use them all up, and no path could name the last; some
   bear the names that deep ones are given on the way, and lead elsewhere. */
static void depth_has_no_bound(void **state) {
  (void)state;
  enum { DEPTH = 3000, LEVELS_WITH_MORE = 70 };
  int here = open(".", O_PATH | O_CLOEXEC);
  make_folder(folder, "kept");
  write_file(folder, "kept/file", "x");
  make_folder(folder, "deep");
  make_folder(folder, "deep/moved-up-0");
  write_file(folder, "deep/moved-up-0/file", "x");
  write_file(folder, "deep/moved-up-1", "x");
  assert_int_equal(symlink("../kept", PATH_OF(folder, "deep/moved-up-2")), 0);
  assert_int_equal(chdir(PATH_OF(folder, "deep")), 0);
  for (int i = 0; i < DEPTH; i++) {
    if (i % LEVELS_WITH_MORE == 0) assert_int_equal(mkdir("sister", 0), 0);
    if (i % LEVELS_WITH_MORE == 0) assert_int_equal(symlink(folder, "link"), 0);
    assert_int_equal(mkdir("deep", 0700), 0);
    assert_int_equal(chdir("deep"), 0);
  }
  assert_int_equal(fchdir(here), 0);
  close(here);
  int before = count_descriptors();
  assert_int_equal(orr_tree_remove(PATH_OF(folder, "deep"), NULL), ORR_OK);
  assert_int_equal(count_descriptors(), before);
  assert_false(is_there(folder, "deep"));
  assert_true(is_there(folder, "kept/file"));
}

/* As a user for whom permissions count: folders that may not be written, listed or entered. */
static void permissions_are_no_obstacle(void **state) {
  (void)state;
  struct passwd *nobody = getpwnam("nobody");
  if (geteuid() == 0 && !nobody) skip();
  assert_int_equal(chmod(folder, 0777), 0);
  pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(nobody->pw_gid) || setuid(nobody->pw_uid))) _exit(2);
    const char *tree = PATH_OF(folder, "tree");
    mkdir(tree, 0700);
    for (int mode = 0; mode <= 0700; mode += 0100) {
      char name[32];
      snprintf(name, sizeof name, "tree/%o", mode);
      mkdir(PATH_OF(folder, name), 0700);
      strcat(name, "/file");
      close(open(PATH_OF(folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
      *strrchr(name, '/') = 0;
      chmod(PATH_OF(folder, name), (mode_t)mode);
    }
    _exit(orr_tree_remove(tree, NULL) == ORR_OK && access(tree, F_OK) != 0 ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(everything_goes), TEST(what_is_no_folder_goes_too), TEST(links_are_removed_not_followed),
      TEST(failure_is_told), TEST(depth_has_no_bound),         TEST(permissions_are_no_obstacle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
