/* A piece of work on files: made by a Lua function, carried out on a thread of a resource's lane, and
   answered as a message. The files file_*.c of this room each have some verbs of house.files. */
#pragma once
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "bind/house.h"
#include "loop/lane.h"
#include "script/task.h"

struct orr_file_entry {
  char *path; /* NULL: it is the thing that was asked about */
  const char *type;
  int64_t size, modified;
};

struct orr_file_arrival; /* file_write.c */

/* Fields that a kind of work does not need stay empty; all of them are freed with it. */
struct orr_file_work {
  struct orr_work work;
  struct orr_ticket ticket;
  struct orr_timer *timer;
  bool late;
  int (*push)(lua_State *L, struct orr_file_work *work); /* the results, on the loop */
  struct orr_err err;                                    /* set by `run`: the work failed as a whole */
  struct orr_place *places;                              /* `count` of each, or NULL */
  char **paths;
  struct orr_buf *texts;
  bool *got;
  size_t count, limit;
  char *path;         /* beneath the places */
  const char *closed; /* a folder of which nothing is served; the house's */
  int64_t offset, size;
  struct orr_buf bytes;
  struct orr_file_entry *entries;
  size_t entry_count, most;
  bool deep, more;
  struct orr_file_arrival *arrival; /* a hold of it */
};

struct orr_file_work *orr_file_work_create(void (*run)(struct orr_work *work),
                                           int (*push)(lua_State *L, struct orr_file_work *work));
/* Sends the work off and yields; the task goes on with what `push` pushed, or with nil, code, sentence. */
int orr_file_work_send(lua_State *L, struct orr_file_work *work, const char *lane, lua_Integer ms);

/* --- places (file_place.c) --- */

/* A place in Lua is {base = an absolute folder, own = a folder beneath it | nil}. Work on the one at index 2, or on a list
   of them, and on the path beneath at index 3; raises before it makes anything. */
struct orr_file_work *orr_file_work_at(lua_State *L, bool many, void (*run)(struct orr_work *base),
                                       int (*push)(lua_State *L, struct orr_file_work *work));
/* Opens the work's path in its place number `i` (from 0). A descriptor or a code. */
int orr_file_open(const struct orr_file_work *work, size_t i, int flags, struct orr_err *err);
/* The server's data directory is closed, but for the places of Orrery's own making. */
bool orr_file_is_closed(const struct orr_file_work *work, size_t i, int fd);

void orr_file_arrival_release(struct orr_file_arrival *arrival); /* any thread; NULL is legal */
void orr_file_push_info(lua_State *L, const struct orr_file_entry *entry);
int64_t orr_file_modified(const struct stat *info); /* wall time, ms */

int l_files_slurp(lua_State *L);
int l_files_make(lua_State *L);
int l_files_remove(lua_State *L);
int l_files_list(lua_State *L);
int l_files_stat(lua_State *L);
int l_files_read(lua_State *L);
int l_files_receive(lua_State *L);
int l_files_unlink(lua_State *L);
