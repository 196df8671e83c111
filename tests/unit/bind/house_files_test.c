/* house.files: files of a resource, through its lane. */
#include <semaphore.h>
#include <stdatomic.h>

#include "house.h"

#define HERE "local root = ... .. '/files' local here = {base = root}\n"

/* A tree: a file of ten bytes, a folder with two files, links in and out. The house's own data is beside it. */
static int furnish(void **state) {
  static char data[FOLDER_ROOM + 8];
  rig_start(state);
  struct rig *rig = *state;
  const char *files = PATH_OF(rig->place.folder, "files");
  snprintf(data, sizeof data, "%s/data", rig->place.folder);
  rig->house.data = data;
  make_folder(rig->place.folder, "data");
  write_file(data, "secret", "hidden");
  write_file(files, "ten", "0123456789");
  make_folder(files, "sub");
  write_file(files, "sub/a", "a");
  write_file(files, "sub/b", "");
  make_folder(files, "sub/deep");
  write_file(files, "sub/deep/c", "c");
  assert_int_equal(symlink("../log", PATH_OF(files, "out")), 0);
  assert_int_equal(symlink("ten", PATH_OF(files, "in")), 0);
  assert_int_equal(mkfifo(PATH_OF(files, "pipe"), 0600), 0);
  return 0;
}

/* --- many files at once --- */

LUA_TEST(small_files_are_read_whole,
         HERE "local places = {here, {base = root .. '/absent'}, {base = root, own = 'sub'}}\n"
              "local texts = files.slurp('a', places, 'a', 1, 5000)\n"
              "same(#texts, 3) same(texts[1], false) same(texts[2], false) same(texts[3], 'a')\n"
              "same(files.slurp('a', {here}, 'ten', 10, 5000)[1], '0123456789')\n"
              "same(files.slurp('a', {here}, 'ten', 9, 5000)[1], false)\n" /* over the limit */
              "same(files.slurp('a', {here}, 'sub/b', 9, 5000)[1], '')\n"
              "same(files.slurp('a', {here}, 'sub', 9, 5000)[1], false)\n"
              "same(files.slurp('a', {here}, 'pipe', 9, 5000)[1], '')\n"
              "same(files.slurp('a', {here}, 'in', 10, 5000)[1], '0123456789')\n"
              "same(files.slurp('a', {here}, 'out', 9, 5000)[1], false)\n"
              "same(#files.slurp('a', {}, 'ten', 9, 5000), 0)\n"
              "raises('not absolute', files.slurp, 'a', {{base = 'files'}}, 'ten', 9, 5000)\n"
              "raises('table expected', files.slurp, 'a', 'ten', 'ten', 9, 5000)\n"
              "raises('not a place', files.slurp, 'a', {here, root}, 'ten', 9, 5000)\n"
              "raises('no text', files.slurp, 'a', {{base = root, own = {}}}, 'ten', 9, 5000)")

LUA_TEST(
    trees_are_removed, HERE
    "local gone = files.remove('a', {root .. '/sub/deep', root .. '/absent/x', root .. '/ten'}, 5000)\n"
    "same(#gone, 3) same(gone[1], true) same(gone[2], true) same(gone[3], true)\n"
    "refused('not_found', '', files.stat('a', here, 'sub/deep', 5000))\n"
    "same(files.stat('a', here, 'sub', 5000).type, 'directory')\n" /* there is still something in it */
    "files.remove('a', {root .. '/sub/a', root .. '/sub/b'}, 5000)\n"
    "refused('not_found', '', files.stat('a', here, 'sub', 5000))\n" /* the last takes the folder above with it */
    "same(files.remove('a', {'/proc/self/stat'}, 5000)[1], false)\n"
    "raises('not absolute', files.remove, 'a', {root .. '/sub', 'sub'}, 5000)")

/* --- one file --- */

LUA_TEST(a_piece_is_read, HERE
         "local bytes, size = files.read('a', here, 'ten', 3, 4, 5000) same(bytes, '3456') same(size, 10)\n"
         "same(files.read('a', here, 'ten', 8, 100, 5000), '89') same(files.read('a', here, 'ten', 10, 5, "
         "5000), '')\n"
         "same(files.read('a', here, 'ten', 1000, 5, 5000), '') same(files.read('a', here, 'ten', 0, 0, "
         "5000), '')\n"
         "same(files.read('a', here, 'in', 0, 3, 5000), '012') same(files.read('a', here, './sub/../ten', 0, "
         "1, 5000), '0')\n"
         "raises('out of range', files.read, 'a', here, 'ten', -1, 5, 5000)\n"
         "raises('out of range', files.read, 'a', here, 'ten', 0, -1, 5000)\n"
         "raises('out of range', files.read, 'a', here, 'ten', 0, 1 << 25, 5000)")

LUA_TEST(only_regular_files_beneath_are_read, HERE
         "refused('not_found', 'absent', files.read('a', here, 'absent', 0, 5, 5000))\n"
         "refused('invalid', 'leads out', files.read('a', here, 'out', 0, 5, 5000))\n"
         "refused('invalid', 'leads out', files.read('a', here, '../log', 0, 5, 5000))\n"
         "refused('invalid', 'leads out', files.read('a', here, '/etc/passwd', 0, 5, 5000))\n"
         "refused('invalid', 'not a regular file', files.read('a', here, 'sub', 0, 5, 5000))\n"
         "refused('invalid', 'not a regular file', files.read('a', here, 'pipe', 0, 5, 5000))\n"
         "refused('not_found', 'there is no', files.read('a', {base = root .. '/none'}, 'x', 0, 5, 5000))")

LUA_TEST(what_it_is_is_told, HERE
         "local ten = files.stat('a', here, 'ten', 5000)\n"
         "same(ten.type, 'file') same(ten.size, 10) assert(math.abs(ten.modified - clock.now()) < 600000)\n"
         "same(ten.path, nil) same(files.stat('a', here, '', 5000).type, 'directory')\n"
         "same(files.stat('a', here, 'in', 5000).type, 'file') same(files.stat('a', here, 'pipe', "
         "5000).type, 'other')\n"
         "refused('invalid', 'leads out', files.stat('a', here, 'out', 5000))\n"
         "refused('not_found', 'absent', files.stat('a', here, 'absent', 5000))")

LUA_TEST(the_data_directory_is_closed_but_for_what_is_made_in_it,
         "local top = ... local data, all, own = {base = top .. '/data'}, {base = top}, {base = top, own = "
         "'data'}\n"
         "refused('invalid', 'own data directory', files.read('a', data, 'secret', 0, 5, 5000))\n"
         "refused('invalid', 'secret lies in', files.stat('a', all, 'data/secret', 5000))\n"
         "refused('invalid', 'own data directory', files.stat('a', all, 'files/../data/./secret', 5000))\n"
         "refused('invalid', 'own data directory', files.list('a', data, '', false, 9, 5000))\n"
         "same(files.slurp('a', {data, own}, 'secret', 9, 5000)[1], false)\n"
         "same(files.slurp('a', {data, own}, 'secret', 9, 5000)[2], 'hidden')\n"
         "same(files.read('a', own, 'secret', 0, 9, 5000), 'hidden')\n"
         "local seen for _, entry in ipairs(files.list('a', all, '', true, 99, 5000)) do\n"
         "  seen = seen or entry.path == 'data' assert(entry.path ~= 'data/secret') end same(seen, true)")

/* --- folders --- */

LUA_TEST(
    a_folder_is_listed, HERE
    "local function names(...) local list, more = files.list('a', here, ...) local out = {}\n"
    "  for i, entry in ipairs(list) do out[i] = entry.path .. ':' .. entry.type end\n"
    "  return table.concat(out, ' '), more end\n"
    "local flat, more = names('', false, 100, 5000)\n"
    "same(flat, 'in:link out:link pipe:other sub:directory ten:file') same(more, false)\n"
    "same(names('sub', false, 100, 5000), 'sub/a:file sub/b:file sub/deep:directory')\n"
    "same(names('', true, 100, 5000), 'in:link out:link pipe:other sub:directory sub/a:file sub/b:file '\n"
    "  .. 'sub/deep:directory sub/deep/c:file ten:file')\n"
    "local list, cut = files.list('a', here, '', true, 3, 5000) same(#list, 3) same(cut, true)\n"
    "list, cut = files.list('a', here, '', true, 9, 5000) same(#list, 9) same(cut, false)\n"
    "same(files.list('a', here, 'sub', false, 9, 5000)[1].size, 1)\n"
    "refused('not_found', 'absent', files.list('a', here, 'absent', false, 9, 5000))\n"
    "refused('not_found', 'ten', files.list('a', here, 'ten', false, 9, 5000))\n"
    "refused('invalid', 'leads out', files.list('a', here, '..', false, 9, 5000))")

/* --- a file system that does not answer --- */

static sem_t gate;
static atomic_int stuck;

static void get_stuck(struct orr_work *work) {
  (void)work;
  atomic_fetch_add(&stuck, 1);
  sem_wait(&gate);
}
static void free_work(struct orr_message *message) { free(message); }

enum { THREADS = 2, MOST_QUEUED = 256 }; /* as lane.c has them */

static void block_lane(struct rig *rig, int works) {
  sem_init(&gate, 0, 0);
  atomic_store(&stuck, 0);
  for (int i = 0; i < works; i++) {
    struct orr_work *work = calloc(1, sizeof *work);
    *work = (struct orr_work){.message.deliver = free_work, .home = rig->loop, .run = get_stuck};
    assert_int_equal(orr_lanes_submit(rig->lanes, "dead", work, NULL), ORR_OK);
    while (i < THREADS && atomic_load(&stuck) <= i) usleep(1000);
  }
}

static void who_waits_too_long_goes_on(void **state) {
  block_lane(*state, THREADS);
  rig_lua(*state,
          HERE "local before = clock.monotonic()\n"
               "refused('timeout', 'did not answer in time', files.read('dead', here, 'ten', 0, 5, 50))\n"
               "refused('timeout', '', files.slurp('dead', {here}, 'ten', 9, 50))\n"
               "refused('timeout', '', files.list('dead', here, '', true, 9, 50))\n"
               "assert(clock.monotonic() - before >= 145)\n"
               "same(files.read('alive', here, 'ten', 0, 5, 60000), '01234')");
  for (int i = 0; i < THREADS; i++) sem_post(&gate); /* the answers come when nobody waits any more */
}

static void a_full_lane_is_told_at_once(void **state) {
  block_lane(*state, THREADS + MOST_QUEUED);
  rig_lua(*state, HERE "refused('busy', 'resource dead', files.read('dead', here, 'ten', 0, 5, 60000))\n"
                       "refused('busy', 'resource dead', files.remove('dead', {root .. '/ten'}, 60000))\n"
                       "same(files.read('alive', here, 'ten', 0, 5, 60000), '01234')");
  for (int i = 0; i < THREADS + MOST_QUEUED; i++) sem_post(&gate);
}

LUA_TEST(a_file_is_received,
         HERE "local own = {base = root, own = 'made/1'}\n"
              "local function receive(place, path, ...)\n"
              "  local arrival = assert(files.receive('a', place, path, 5000))\n"
              "  for _, bytes in ipairs {...} do same(arrival:write(bytes, 5000), true) end\n"
              "  return arrival\n"
              "end\n"
              "local arrival = receive(own, 'deep/er/file', 'one', '', '\\0two')\n"
              "refused('not_found', '', files.stat('a', own, 'deep/er/file', 5000))\n"
              "local info, new = arrival:keep(5000)\n"
              "same(info.size, 7) same(info.type, 'file') same(new, true)\n"
              "same(files.read('a', own, 'deep/er/file', 0, 100, 5000), 'one\\0two')\n"
              "same(arrival:drop(5000), true)\n"
              "info, new = receive(own, 'deep/er/file', 'next'):keep(5000)\n"
              "same(info.size, 4) same(new, false)\n"
              "arrival = receive(own, 'deep/er/file', 'given up')\n"
              "same(arrival:drop(5000), true) same(arrival:drop(5000), true)\n"
              "raises('was dropped', arrival.write, arrival, 'x', 5000)\n"
              "receive(own, 'deep/er/file', 'forgotten')\n"
              "collectgarbage()\n"
              "same(files.read('a', own, 'deep/er/file', 0, 100, 5000), 'next')\n"
              "same(#files.list('a', own, 'deep/er', false, 9, 5000), 1)\n" /* nothing of what was not kept */
              "refused('conflict', 'is a file', files.receive('a', here, 'ten/x', 5000))\n"
              "refused('conflict', 'is a folder', receive(here, 'sub'):keep(5000))\n"
              "refused('conflict', 'special file', receive(here, 'pipe'):keep(5000))\n"
              "refused('invalid', 'leads out', files.receive('a', here, '../x', 5000))\n"
              "refused('invalid', 'leads out', files.receive('a', here, 'out/x', 5000))\n"
              "same(select(2, receive(here, 'in', 'x'):keep(5000)), false)\n" /* a link is replaced, not followed */
              "same(files.read('a', here, 'ten', 0, 100, 5000), '0123456789')\n"
              "refused('invalid', 'data directory', files.receive('a', {base = ... .. '/data'}, 'x', 5000))")

LUA_TEST(a_file_is_unlinked,
         HERE "same(files.unlink('a', here, 'sub/a', 5000), true)\n"
              "refused('not_found', '', files.unlink('a', here, 'sub/a', 5000))\n"
              "refused('conflict', 'is a folder', files.unlink('a', here, 'sub', 5000))\n"
              "refused('invalid', 'leads out', files.unlink('a', here, '../data/secret', 5000))\n"
              "same(files.unlink('a', here, 'in', 5000), true)\n"
              "same(files.stat('a', here, 'ten', 5000).size, 10)\n"
              "refused('invalid', 'data directory', files.unlink('a', {base = ... .. '/data'}, 'secret', 5000))")

/* The state ends while work is under way. */
static void an_answer_may_come_too_late(void **state) {
  block_lane(*state, THREADS);
  rig_begin(*state, HERE "task.spawn(files.read, 'dead', here, 'ten', 0, 5, 3600000) files.list('dead', "
                         "here, '', true, 9, 3600000)");
  for (int i = 0; i < THREADS; i++) sem_post(&gate);
} /* rig_stop frees it all */

static void start_up_code_cannot_wait_for_files(void **state) {
  struct rig *rig = *state;
  struct orr_err err = {0};
  assert_int_equal(luaL_loadstring(orr_script_state(rig->script),
                                   "files.read('a', {base = '/'}, 'etc/hostname', 0, 5, 60000)"),
                   LUA_OK);
  assert_int_equal(orr_script_call(rig->script, 0, 0, &err), ORR_INVALID);
  assert_non_null(strstr(err.text, "only a task can do"));
}

int main(void) {
#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, furnish, rig_stop)
  const struct CMUnitTest tests[] = {
      TEST(small_files_are_read_whole),
      TEST(trees_are_removed),
      TEST(a_piece_is_read),
      TEST(only_regular_files_beneath_are_read),
      TEST(what_it_is_is_told),
      TEST(the_data_directory_is_closed_but_for_what_is_made_in_it),
      TEST(a_folder_is_listed),
      TEST(a_file_is_received),
      TEST(a_file_is_unlinked),
      TEST(who_waits_too_long_goes_on),
      TEST(a_full_lane_is_told_at_once),
      TEST(an_answer_may_come_too_late),
      TEST(start_up_code_cannot_wait_for_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
