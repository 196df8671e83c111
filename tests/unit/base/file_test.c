/* Small files, whole or not at all. */
#include "base/file.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

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

static int mode_of(const char *path) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  return info.st_mode & 07777;
}

static void what_is_written_is_read(void **state) {
  (void)state;
  struct orr_buf bytes = {0}, got = {0};
  struct orr_err err = {0};
  const char *path = PATH_OF(folder, "file");
  for (int i = 0; i < 100000; i++) orr_buf_putc(&bytes, (char)(i * 7));
  assert_int_equal(orr_file_write(path, bytes.data, bytes.size, 0640, &err), ORR_OK);
  orr_buf_puts(&got, "before,");
  assert_int_equal(orr_file_read(path, bytes.size, &got, &err), ORR_OK); /* exactly the limit */
  assert_int_equal(got.size, 7 + bytes.size);
  assert_memory_equal(got.data, "before,", 7);
  assert_memory_equal(got.data + 7, bytes.data, bytes.size);
  assert_int_equal(mode_of(path), 0640);
  orr_buf_free(&bytes);
  orr_buf_free(&got);
}

static void a_file_is_replaced(void **state) {
  (void)state;
  struct orr_buf got = {0};
  const char *path = PATH_OF(folder, "file"), *other = PATH_OF(folder, "other");
  mode_t mask = umask(077); /* the mode is the one asked for, whatever the mask */
  assert_int_equal(orr_file_write(path, "a long first version", 20, 0600, NULL), ORR_OK);
  assert_int_equal(link(path, other), 0); /* whoever has the old file open keeps it */
  assert_int_equal(orr_file_write(path, "", 0, 0644, NULL), ORR_OK);
  umask(mask);
  assert_int_equal(orr_file_read(path, 100, &got, NULL), ORR_OK);
  assert_int_equal(got.size, 0);
  assert_int_equal(orr_file_read(other, 100, &got, NULL), ORR_OK);
  assert_string_equal(orr_buf_text(&got), "a long first version");
  assert_int_equal(mode_of(path), 0644);
  assert_int_equal(count_entries(folder), 2); /* nothing temporary stays */
  orr_buf_free(&got);
}

static void a_failed_write_leaves_the_old_file(void **state) {
  (void)state;
  struct orr_buf got = {0};
  struct orr_err err = {0};
  const char *path = PATH_OF(folder, "file");
  struct rlimit limit, small = {100000, RLIM_INFINITY};
  static char large[200000];
  assert_int_equal(orr_file_write(path, "old", 3, 0600, NULL), ORR_OK);
  getrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small); /* the write fails half-way */
  int code = orr_file_write(path, large, sizeof large, 0600, &err);
  setrlimit(RLIMIT_FSIZE, &limit);
  assert_int_equal(code, ORR_IO);
  assert_non_null(strstr(err.text, path));
  assert_int_equal(orr_file_read(path, 100, &got, NULL), ORR_OK);
  assert_string_equal(orr_buf_text(&got), "old");
  assert_int_equal(count_entries(folder), 1);
  make_folder(folder, "taken");
  assert_int_equal(orr_file_write(PATH_OF(folder, "taken"), "x", 1, 0600, &err), ORR_IO);
  assert_int_equal(count_entries(folder), 2);
  assert_int_equal(orr_file_write(PATH_OF(folder, "no/file"), "x", 1, 0600, &err), ORR_NOT_FOUND);
  orr_buf_free(&got);
}

static void reading_has_its_limits(void **state) {
  (void)state;
  struct orr_buf got = {0};
  struct orr_err err = {0};
  write_file(folder, "file", "0123456789");
  assert_int_equal(orr_file_read(PATH_OF(folder, "file"), 9, &got, &err), ORR_TOO_LARGE);
  assert_non_null(strstr(err.text, "9 bytes"));
  assert_int_equal(orr_file_read(PATH_OF(folder, "absent"), 9, &got, &err), ORR_NOT_FOUND);
  assert_int_equal(orr_file_read(folder, 9, &got, &err), ORR_IO);
  assert_int_equal(orr_file_read("/dev/zero", 9, &got, &err), ORR_TOO_LARGE);
  assert_int_equal(orr_file_read(PATH_OF(folder, "file"), 9, &got, NULL), ORR_TOO_LARGE);
  orr_buf_free(&got);
}

/* A job may leave a named pipe where a file is expected. */
static void a_named_pipe_does_not_block(void **state) {
  (void)state;
  struct orr_buf got = {0};
  assert_int_equal(mkfifo(PATH_OF(folder, "pipe"), 0600), 0);
  alarm(60);
  assert_int_equal(orr_file_read(PATH_OF(folder, "pipe"), 100, &got, NULL), ORR_OK);
  alarm(0);
  assert_int_equal(got.size, 0);
  orr_buf_free(&got);
}

static void no_descriptor_is_left_open(void **state) {
  (void)state;
  struct orr_buf got = {0};
  int before = count_descriptors();
  write_file(folder, "file", "0123456789");
  orr_file_read(PATH_OF(folder, "file"), 9, &got, NULL);
  orr_file_read(PATH_OF(folder, "file"), 10, &got, NULL);
  orr_file_read(folder, 10, &got, NULL);
  orr_file_write(PATH_OF(folder, "file"), "x", 1, 0600, NULL);
  orr_file_write(folder, "x", 1, 0600, NULL);
  assert_int_equal(count_descriptors(), before);
  orr_buf_free(&got);
}

static void folders_are_made_with_their_parents(void **state) {
  (void)state;
  struct orr_err err = {0};
  const char *path = PATH_OF(folder, "a/b//c/");
  assert_int_equal(orr_file_folders(path, 0750, &err), ORR_OK);
  assert_int_equal(mode_of(PATH_OF(folder, "a/b/c")), 0750);
  assert_int_equal(orr_file_folders(path, 0700, &err), ORR_OK); /* once more is fine */
  assert_int_equal(mode_of(path), 0750);
  assert_int_equal(orr_file_folders("/", 0700, &err), ORR_OK);
  write_file(folder, "file", "");
  assert_int_equal(orr_file_folders(PATH_OF(folder, "file"), 0700, &err), ORR_IO);
  assert_non_null(strstr(err.text, "is no folder"));
  assert_int_equal(orr_file_folders(PATH_OF(folder, "file/below"), 0700, &err), ORR_IO);
  assert_int_not_equal(orr_file_folders("", 0700, &err), ORR_OK);
  assert_int_equal(symlink("a", PATH_OF(folder, "link")), 0);
  assert_int_equal(orr_file_folders(PATH_OF(folder, "link/d"), 0700, &err), ORR_OK);
  assert_true(is_there(folder, "a/d"));
}

/* --- readers beside a writer: a file is one version or the other, never a mixture --- */

enum { VERSION_SIZE = 50000 };

static void *write_versions(void *unused) {
  static char version[VERSION_SIZE];
  for (int i = 0; i < 50; i++) {
    memset(version, 'a' + i % 26, sizeof version);
    if (orr_file_write(PATH_OF(folder, "file"), version, sizeof version, 0600, NULL)) return "write";
  }
  return unused;
}

static void readers_see_whole_versions(void **state) {
  (void)state;
  pthread_t writer;
  void *wrong;
  struct orr_buf got = {0};
  const char *path = PATH_OF(folder, "file");
  write_versions(NULL);
  pthread_create(&writer, NULL, write_versions, NULL);
  for (int i = 0; i < 500; i++) {
    got.size = 0;
    assert_int_equal(orr_file_read(path, VERSION_SIZE, &got, NULL), ORR_OK);
    assert_int_equal(got.size, VERSION_SIZE);
    assert_int_equal(got.data[0], got.data[VERSION_SIZE - 1]);
  }
  pthread_join(writer, &wrong);
  assert_null(wrong);
  orr_buf_free(&got);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(what_is_written_is_read),
      TEST(a_file_is_replaced),
      TEST(a_failed_write_leaves_the_old_file),
      TEST(reading_has_its_limits),
      TEST(a_named_pipe_does_not_block),
      TEST(no_descriptor_is_left_open),
      TEST(folders_are_made_with_their_parents),
      TEST(readers_see_whole_versions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
