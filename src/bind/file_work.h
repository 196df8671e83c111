/* A piece of work on files: made by a Lua function, carried out on a thread of a resource's lane, and
   answered as a message. The files file_*.c of this room each have some verbs of house.files. */
#pragma once
#include "base/buf.h"
#include "bind/house.h"
#include "loop/lane.h"
#include "script/task.h"

struct orr_file_entry {
  char *path; /* NULL: it is the thing that was asked about */
  const char *type;
  int64_t size, modified;
};

/* Fields that a kind of work does not need stay empty; all of them are freed with it. */
struct orr_file_work {
  struct orr_work work;
  struct orr_ticket ticket;
  struct orr_timer *timer;
  bool late;
  int (*push)(lua_State *L, struct orr_file_work *work); /* the results, on the loop */
  struct orr_err err;                                    /* set by `run`: the work failed as a whole */
  char *root, *path;
  char **paths; /* `count` of each */
  struct orr_buf *texts;
  bool *got;
  size_t count, limit;
  int64_t offset, size;
  struct orr_buf bytes;
  struct orr_file_entry *entries;
  size_t entry_count, most;
  bool deep, more;
};

struct orr_file_work *orr_file_work_create(void (*run)(struct orr_work *work),
                                           int (*push)(lua_State *L, struct orr_file_work *work));
/* Sends the work off and yields; the task goes on with what `push` pushed, or with nil, code, sentence. */
int orr_file_work_send(lua_State *L, struct orr_file_work *work, const char *lane, lua_Integer ms);

/* A list of absolute paths at `index`: checked first (raises), then copied into the work. */
size_t orr_file_paths_check(lua_State *L, int index);
void orr_file_paths_take(lua_State *L, int index, struct orr_file_work *work, size_t count);

int l_files_slurp(lua_State *L);
int l_files_remove(lua_State *L);
int l_files_list(lua_State *L);
int l_files_stat(lua_State *L);
int l_files_read(lua_State *L);
