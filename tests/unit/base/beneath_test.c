/* No path leaves its root. */
#include "base/beneath.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "folder.h"

static char top[FOLDER_ROOM], root[FOLDER_ROOM + 8];

static int start(void **state) {
  (void)state;
  folder_make(top);
  snprintf(root, sizeof root, "%s/root", top);
  write_file(top, "secret", "outside");
  make_folder(top, "root");
  make_folder(top, "root/sub");
  write_file(top, "root/file", "inside");
  write_file(top, "root/sub/file", "inside");
  return 0;
}

static int stop(void **state) {
  (void)state;
  folder_remove(top);
  return 0;
}

static int open_at(const char *base, const char *path, int flags, struct orr_err *err) {
  return orr_open_beneath(&(struct orr_place){base, NULL}, path, flags, err);
}

static int code_of(const char *path) {
  struct orr_err err = {0};
  int fd = open_at(root, path, O_RDONLY, &err);
  if (fd < 0) {
    assert_int_equal(err.code, fd);
    return fd;
  }
  assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  close(fd);
  return ORR_OK;
}

static void what_is_inside_opens(void **state) {
  (void)state;
  char text[8] = "";
  assert_int_equal(code_of("file"), ORR_OK);
  assert_int_equal(code_of("sub/file"), ORR_OK);
  assert_int_equal(code_of("./sub//../file"), ORR_OK);
  assert_int_equal(code_of("sub"), ORR_OK);
  assert_int_equal(code_of(""), ORR_OK);
  int fd = open_at(root, "sub/../file", O_RDONLY, NULL);
  assert_int_equal(read(fd, text, sizeof text), 6);
  assert_string_equal(text, "inside");
  close(fd);
  fd = open_at(root, "", O_RDONLY | O_DIRECTORY, NULL);
  assert_true(fd >= 0);
  assert_int_equal(faccessat(fd, "sub", F_OK, 0), 0);
  close(fd);
}

static void what_is_outside_does_not(void **state) {
  (void)state;
  char name[256];
  snprintf(name, sizeof name, "%s/secret", top);
  assert_int_equal(code_of(name), ORR_INVALID);
  assert_int_equal(code_of("/"), ORR_INVALID);
  assert_int_equal(code_of(".."), ORR_INVALID);
  assert_int_equal(code_of("../secret"), ORR_INVALID);
  assert_int_equal(code_of("../root/file"), ORR_INVALID); /* out and in again is out */
  assert_int_equal(code_of("sub/../../secret"), ORR_INVALID);
}

static void links_lead_only_inside(void **state) {
  (void)state;
  assert_int_equal(symlink("sub/file", PATH_OF(root, "fine")), 0);
  assert_int_equal(symlink("../file", PATH_OF(root, "sub/up")), 0);
  assert_int_equal(symlink("../secret", PATH_OF(root, "out")), 0);
  assert_int_equal(symlink("..", PATH_OF(root, "parent")), 0);
  assert_int_equal(symlink(PATH_OF(root, "file"), PATH_OF(root, "absolute")), 0);
  assert_int_equal(symlink("/proc/self/cwd", PATH_OF(root, "magic")), 0);
  assert_int_equal(symlink("loop", PATH_OF(root, "loop")), 0);
  assert_int_equal(symlink("gone", PATH_OF(root, "broken")), 0);
  assert_int_equal(code_of("fine"), ORR_OK);
  assert_int_equal(code_of("sub/up"), ORR_OK);
  assert_int_equal(code_of("out"), ORR_INVALID);
  assert_int_equal(code_of("parent/secret"), ORR_INVALID);
  assert_int_equal(code_of("absolute"), ORR_INVALID);
  assert_int_equal(code_of("magic"), ORR_INVALID);
  assert_int_equal(code_of("loop"), ORR_INVALID);
  assert_int_equal(code_of("broken"), ORR_NOT_FOUND);
}

static int code_at(const char *base, const char *own, const char *path) {
  int fd = orr_open_beneath(&(struct orr_place){base, own}, path, O_RDONLY, NULL);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : ORR_OK;
}

/* Whoever may write in a folder of ours may put a link in its place, or in that of a folder above it. */
static void no_link_stands_for_an_own_folder(void **state) {
  (void)state;
  make_folder(root, "sub/own");
  write_file(root, "sub/own/file", "inside");
  assert_int_equal(symlink("sub", PATH_OF(root, "also")), 0);
  assert_int_equal(symlink("own", PATH_OF(root, "sub/twin")), 0);
  assert_int_equal(symlink("../file", PATH_OF(root, "sub/own/up")), 0);
  assert_int_equal(symlink(root, PATH_OF(top, "base")), 0);
  assert_int_equal(code_at(root, "sub/own", "file"), ORR_OK);
  assert_int_equal(code_at(root, "sub/own", ""), ORR_OK);
  assert_int_equal(code_at(PATH_OF(top, "base"), "sub/own", "file"), ORR_OK); /* the base may be a link */
  assert_int_equal(code_at(root, "sub/twin", "file"), ORR_INVALID);
  assert_int_equal(code_at(root, "also/own", "file"), ORR_INVALID);
  assert_int_equal(code_at(root, "sub/own", "up"), ORR_INVALID);
  assert_int_equal(code_at(root, "sub/own", "../file"), ORR_INVALID);
  assert_int_equal(code_at(root, "../root", "file"), ORR_INVALID);
  assert_int_equal(code_at(root, "sub/none", "file"), ORR_NOT_FOUND);
}

static void where_it_lies_is_known(void **state) {
  (void)state;
  char real[300], inner[320];
  assert_non_null(realpath(root, real));
  snprintf(inner, sizeof inner, "%s/su", real);
  assert_int_equal(symlink(root, PATH_OF(top, "link")), 0);
  int file = open(PATH_OF(top, "link/sub/file"), O_RDONLY), folder = open(root, O_PATH);
  assert_true(orr_lies_in(file, real));
  assert_true(orr_lies_in(folder, real));
  assert_false(orr_lies_in(file, inner)); /* only the names begin alike */
  snprintf(inner, sizeof inner, "%s/sub", real);
  assert_true(orr_lies_in(file, inner));
  assert_false(orr_lies_in(folder, inner));
  close(file);
  close(folder);
}

static void what_is_not_there_is_told(void **state) {
  (void)state;
  struct orr_err err = {0};
  char name[300];
  assert_int_equal(code_of("absent"), ORR_NOT_FOUND);
  assert_int_equal(code_of("file/below"), ORR_NOT_FOUND);
  assert_int_equal(open_at(PATH_OF(top, "none"), "file", O_RDONLY, &err), ORR_NOT_FOUND);
  assert_non_null(strstr(err.text, "none"));
  assert_int_equal(open_at(PATH_OF(root, "file"), "", O_RDONLY, &err), ORR_NOT_FOUND);
  assert_int_equal(open_at(root, "sub", O_WRONLY, &err), ORR_IO);
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  assert_int_equal(code_of(name), ORR_INVALID);
}

static void a_named_pipe_does_not_block(void **state) {
  (void)state;
  assert_int_equal(mkfifo(PATH_OF(root, "pipe"), 0600), 0);
  alarm(60);
  assert_int_equal(code_of("pipe"), ORR_OK);
  alarm(0);
}

/* A name that is now a folder, now a link that leads out: whatever is opened lies inside. */
static atomic_bool over;

static void *swap(void *unused) {
  char out[300], in[300];
  snprintf(out, sizeof out, "%s/out", root);
  snprintf(in, sizeof in, "%s/sub", root);
  while (!atomic_load(&over)) syscall(SYS_renameat2, AT_FDCWD, out, AT_FDCWD, in, 2 /* exchange */);
  return unused;
}

static void a_rename_in_between_does_not_help(void **state) {
  (void)state;
  pthread_t swapper;
  int opened = 0;
  write_file(top, "file", "outside");
  assert_int_equal(symlink("..", PATH_OF(root, "out")), 0);
  atomic_store(&over, false);
  pthread_create(&swapper, NULL, swap, NULL);
  for (int i = 0; i < 20000; i++) {
    char text[8] = "";
    int fd = open_at(root, i % 2 ? "sub/file" : "out/file", O_RDONLY, NULL);
    if (fd < 0) continue;
    opened++;
    if (read(fd, text, 7) != 6 || strcmp(text, "inside") != 0) fail_msg("read \"%s\"", text);
    close(fd);
  }
  atomic_store(&over, true);
  pthread_join(swapper, NULL);
  assert_true(opened > 0);
}

static void no_descriptor_is_left_open(void **state) {
  (void)state;
  int before = count_descriptors();
  for (int i = 0; i < 10; i++) {
    code_of("file");
    code_of("../secret");
    code_of("absent");
  }
  assert_int_equal(count_descriptors(), before);
}

/* In a place of ours: with its folders, once or again, but never through a link. */
static void files_are_made(void **state) {
  (void)state;
  struct orr_place place = {root, "own/1"};
  struct stat found;
  assert_int_equal(orr_make_beneath(&place, ".orrery/claim", NULL), ORR_OK);
  assert_int_equal(stat(PATH_OF(top, "root/own/1/.orrery/claim"), &found), 0);
  assert_true(S_ISREG(found.st_mode) && found.st_size == 0);
  assert_int_equal(orr_make_beneath(&place, ".orrery/claim", NULL), ORR_OK);
  assert_int_equal(symlink("7", PATH_OF(top, "root/own/1/.orrery/other")), 0);
  assert_int_equal(orr_make_beneath(&place, ".orrery/other", NULL), ORR_CONFLICT);
  assert_int_equal(orr_make_beneath(&place, ".orrery", NULL), ORR_CONFLICT);
  assert_int_equal(symlink(top, PATH_OF(top, "root/out")), 0);
  place.own = "out/1";
  assert_int_equal(orr_make_beneath(&place, "claim", NULL), ORR_INVALID);
  assert_int_not_equal(access(PATH_OF(top, "1"), F_OK), 0);
  place.own = "file/1";
  assert_true(orr_make_beneath(&place, "claim", NULL) < 0);
  char fresh[FOLDER_ROOM + 32];
  snprintf(fresh, sizeof fresh, "%s/fresh/base", top);
  place = (struct orr_place){fresh, "own"};
  assert_int_equal(orr_make_beneath(&place, "claim", NULL), ORR_OK);
  snprintf(fresh, sizeof fresh, "%s/secret/base", top);
  assert_int_equal(orr_make_beneath(&place, "claim", NULL), ORR_IO);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(what_is_inside_opens),
      TEST(files_are_made),
      TEST(what_is_outside_does_not),
      TEST(links_lead_only_inside),
      TEST(no_link_stands_for_an_own_folder),
      TEST(where_it_lies_is_known),
      TEST(what_is_not_there_is_told),
      TEST(a_named_pipe_does_not_block),
      TEST(a_rename_in_between_does_not_help),
      TEST(no_descriptor_is_left_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
