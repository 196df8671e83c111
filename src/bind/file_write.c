/* Files that are written and unlinked. An arrival (base/arrival.h) in Lua, for the task that received it:
     arrival:write(bytes, ms)   waits → true
     arrival:keep(ms)           waits → {type, size, modified}, whether there was no such file before
     arrival:drop(ms)           waits → true; what was not kept is no more, which without it the collector sees to
   Failures come as nil, code, sentence; after one nothing but `drop` makes sense. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arrival.h"
#include "bind/file_work.h"

static const char NAME[] = "orrery.arrival";

/* Held by its box and by the work on it: should a thread hang in a dead file system, it is that thread's to end. */
struct orr_file_arrival {
  atomic_int holders;
  struct orr_arrival *file;
  char *lane;
};

void orr_file_arrival_release(struct orr_file_arrival *arrival) {
  if (!arrival || atomic_fetch_sub(&arrival->holders, 1) > 1) return;
  orr_arrival_destroy(arrival->file);
  free(arrival->lane);
  free(arrival);
}

/* On the thread that used it. */
static void let_go(struct orr_file_work *work) {
  orr_file_arrival_release(work->arrival);
  work->arrival = NULL;
}

/* --- received --- */

static void run_receive(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  const char *name;
  int folder = orr_folder_beneath(&work->places[0], work->path, true, &name, &work->err);
  if (folder < 0) return;
  if (orr_file_is_closed(work, 0, folder)) {
    orr_fail(&work->err, ORR_INVALID, "%s lies in the server's own data directory, where nothing is written",
             work->path);
    close(folder);
    return;
  }
  work->arrival->file = orr_arrival_create(folder, name, &work->err);
}

static int push_true(lua_State *L, struct orr_file_work *work) {
  (void)work;
  lua_pushboolean(L, true);
  return 1;
}

static int l_write(lua_State *L);
static int l_keep(lua_State *L);
static int l_drop(lua_State *L);

static int l_collect(lua_State *L) {
  struct orr_file_arrival **box = luaL_checkudata(L, 1, NAME);
  orr_file_arrival_release(*box);
  *box = NULL;
  return 0;
}

static int push_arrival(lua_State *L, struct orr_file_work *work) {
  static const luaL_Reg methods[] = {
      {"write", l_write}, {"keep", l_keep}, {"drop", l_drop}, {"__gc", l_collect}, {NULL, NULL}};
  struct orr_file_arrival **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, NAME)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  *box = work->arrival;
  work->arrival = NULL;
  return 1;
}

int l_files_receive(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 4);
  struct orr_file_work *work = orr_file_work_at(L, false, run_receive, push_arrival);
  work->arrival = orr_zalloc(sizeof *work->arrival);
  work->arrival->lane = orr_strdup(lane);
  atomic_init(&work->arrival->holders, 1);
  return orr_file_work_send(L, work, lane, ms);
}

/* --- written, kept, dropped --- */

static struct orr_file_arrival *check(lua_State *L) {
  struct orr_file_arrival *arrival = *(struct orr_file_arrival **)luaL_checkudata(L, 1, NAME);
  luaL_argcheck(L, arrival, 1, "it was dropped");
  luaL_argcheck(L, atomic_load(&arrival->holders) == 1, 1, "it is still being written");
  return arrival;
}

static struct orr_file_work *work_on(struct orr_file_arrival *arrival, void (*run)(struct orr_work *base),
                                     int (*push)(lua_State *L, struct orr_file_work *work)) {
  struct orr_file_work *work = orr_file_work_create(run, push);
  work->arrival = arrival;
  atomic_fetch_add(&arrival->holders, 1);
  return work;
}

static void run_write(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  orr_arrival_write(work->arrival->file, work->bytes.data, work->bytes.size, &work->err);
  let_go(work);
}

static int l_write(lua_State *L) {
  struct orr_file_arrival *arrival = check(L);
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  lua_Integer ms = luaL_checkinteger(L, 3);
  struct orr_file_work *work = work_on(arrival, run_write, push_true);
  orr_buf_put(&work->bytes, bytes, size);
  return orr_file_work_send(L, work, arrival->lane, ms);
}

static void run_keep(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  struct stat info;
  int made = orr_arrival_keep(work->arrival->file, &info, &work->err);
  let_go(work);
  if (made < 0) return;
  work->more = made;
  work->entries = orr_zalloc(sizeof *work->entries);
  work->entries[work->entry_count++] =
      (struct orr_file_entry){NULL, "file", info.st_size, orr_file_modified(&info)};
}

static int push_kept(lua_State *L, struct orr_file_work *work) {
  orr_file_push_info(L, work->entries);
  lua_pushboolean(L, work->more);
  return 2;
}

static int l_keep(lua_State *L) {
  struct orr_file_arrival *arrival = check(L);
  lua_Integer ms = luaL_checkinteger(L, 2);
  return orr_file_work_send(L, work_on(arrival, run_keep, push_kept), arrival->lane, ms);
}

static void run_drop(struct orr_work *base) { let_go((struct orr_file_work *)base); }

/* Its last holder is the work, or, where a thread has it still, that. */
static int l_drop(lua_State *L) {
  struct orr_file_arrival **box = luaL_checkudata(L, 1, NAME), *arrival = *box;
  lua_Integer ms = luaL_checkinteger(L, 2);
  if (!arrival) return lua_pushboolean(L, true), 1;
  struct orr_file_work *work = orr_file_work_create(run_drop, push_true);
  work->arrival = arrival;
  *box = NULL;
  return orr_file_work_send(L, work, arrival->lane, ms);
}

/* --- unlinked --- */

static void run_unlink(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  const char *name;
  int folder = orr_folder_beneath(&work->places[0], work->path, false, &name, &work->err);
  if (folder < 0) return;
  if (orr_file_is_closed(work, 0, folder))
    orr_fail(&work->err, ORR_INVALID,
             "%s lies in the server's own data directory, of which nothing is deleted", work->path);
  else if (unlinkat(folder, name, 0) != 0)
    orr_fail(&work->err,
             errno == ENOENT   ? ORR_NOT_FOUND
             : errno == EISDIR ? ORR_CONFLICT
                               : ORR_IO,
             errno == ENOENT   ? "there is no %s"
             : errno == EISDIR ? "%s is a folder"
                               : "%s cannot be deleted",
             work->path);
  close(folder);
}

int l_files_unlink(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 4);
  return orr_file_work_send(L, orr_file_work_at(L, false, run_unlink, push_true), lane, ms);
}
