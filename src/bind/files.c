/* house.files: files of resources on this machine, read through the resource's lane of threads, with a
   deadline. slurp(lane, paths, limit, ms)          waits → list of texts (false: not there, or larger than
   the limit) list(lane, root, path, deep, most, ms) waits → list of {path, type, size, modified}, and whether
   there is more stat(lane, root, path, ms)             waits → {type, size, modified} read(lane, root, path,
   offset, size, ms) waits → bytes (short only at the end), and the file's size now Failures come as nil,
   code, sentence. `path` is resolved beneath `root` and cannot leave it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/beneath.h"
#include "base/file.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "loop/lane.h"
#include "script/task.h"

struct entry {
  char *path;
  const char *type;
  int64_t size, modified;
};

/* One piece of work; the fields a kind of work does not need stay empty. */
struct job {
  struct orr_work work;
  struct orr_ticket ticket;
  struct orr_timer *timer;
  bool late;
  int (*push)(lua_State *L, struct job *job); /* the results, on the loop */
  struct orr_err err;
  char *root, *path;
  char **paths; /* slurp */
  struct orr_buf *texts;
  bool *got;
  size_t count, limit;
  int64_t offset, size; /* read */
  struct orr_buf bytes;
  struct entry *entries; /* list, stat */
  size_t entry_count, most;
  bool deep, more;
};

static void job_destroy(struct job *job) {
  for (size_t i = 0; i < job->count; i++) {
    free(job->paths[i]);
    orr_buf_free(&job->texts[i]);
  }
  for (size_t i = 0; i < job->entry_count; i++) free(job->entries[i].path);
  free(job->paths);
  free(job->texts);
  free(job->got);
  free(job->entries);
  free(job->root);
  free(job->path);
  orr_buf_free(&job->bytes);
  free(job);
}

/* --- the way there and back
 * ------------------------------------------------------------------------------------ */

static void came_home(struct orr_message *message) {
  struct job *job = (struct job *)message;
  orr_timer_stop(job->timer);
  lua_State *L = job->late ? NULL : orr_ticket_state(job->ticket);
  if (L) {
    struct orr_ticket ticket = job->ticket;
    int results = job->err.code ? orr_push_failure(L, &job->err) : job->push(L, job);
    job_destroy(job);
    orr_ticket_resume(ticket, results);
    return;
  }
  job_destroy(job);
}

static void too_late(void *data) {
  struct job *job = data;
  lua_State *L = orr_ticket_state(job->ticket);
  orr_timer_stop(job->timer);
  job->timer = NULL;
  job->late = true; /* the job stays with its thread and is freed when it comes home, if it ever does */
  if (!L) return;
  struct orr_err err;
  orr_fail(&err, ORR_TIMEOUT, "the file system did not answer in time");
  orr_ticket_resume(job->ticket, orr_push_failure(L, &err));
}

static struct job *job_create(void (*run)(struct orr_work *work),
                              int (*push)(lua_State *L, struct job *job)) {
  struct job *job = orr_zalloc(sizeof *job);
  job->work.run = run;
  job->work.message.deliver = came_home;
  job->push = push;
  return job;
}

static int send_off(lua_State *L, struct job *job, const char *lane, lua_Integer ms) {
  struct orr_house *house = orr_house_of(L);
  struct orr_err err;
  job->work.home = house->loop;
  job->timer = orr_timer_start(house->loop, ms, 0, too_late, job);
  if (orr_lanes_submit(house->lanes, lane, &job->work, &err)) {
    orr_timer_stop(job->timer);
    job_destroy(job);
    return orr_push_failure(L, &err);
  }
  job->ticket = orr_task_wait(L); /* its answer is a message, so it cannot be here yet */
  return lua_yield(L, 0);
}

/* --- slurp
 * ----------------------------------------------------------------------------------------------------- */

static void run_slurp(struct orr_work *work) {
  struct job *job = (struct job *)work;
  for (size_t i = 0; i < job->count; i++)
    job->got[i] = orr_file_read(job->paths[i], job->limit, &job->texts[i], NULL) == ORR_OK;
}

static int push_slurp(lua_State *L, struct job *job) {
  lua_createtable(L, (int)job->count, 0);
  for (size_t i = 0; i < job->count; i++) {
    if (job->got[i])
      lua_pushlstring(L, job->texts[i].data, job->texts[i].size);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int l_slurp(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer limit = luaL_checkinteger(L, 3), ms = luaL_checkinteger(L, 4);
  size_t count = lua_rawlen(L, 2);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  struct job *job = job_create(run_slurp, push_slurp);
  job->paths = orr_zalloc((count + 1) * sizeof *job->paths);
  job->texts = orr_zalloc((count + 1) * sizeof *job->texts);
  job->got = orr_zalloc((count + 1) * sizeof *job->got);
  job->limit = (size_t)limit;
  for (; job->count < count; job->count++) {
    lua_rawgeti(L, 2, (lua_Integer)job->count + 1);
    job->paths[job->count] = orr_strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return send_off(L, job, lane, ms);
}

/* --- list and stat
 * --------------------------------------------------------------------------------------------- */

static const char *type_name(mode_t mode) {
  return S_ISDIR(mode) ? "directory" : S_ISREG(mode) ? "file" : S_ISLNK(mode) ? "link" : "other";
}

static void add_entry(struct job *job, char *path, const struct stat *info) {
  if ((job->entry_count & (job->entry_count - 1)) == 0) {
    size_t room = job->entry_count ? job->entry_count * 2 : 1;
    job->entries = orr_realloc(job->entries, room * sizeof *job->entries);
  }
  job->entries[job->entry_count++] =
      (struct entry){path, type_name(info->st_mode), info->st_size,
                     (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000};
}

static char *join(const char *folder, const char *name) {
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s%s%s", folder, *folder ? "/" : "", name);
  orr_buf_text(&path);
  return path.data;
}

enum { MOST_DEPTH = 32 };

static void list_folder(struct job *job, int fd, const char *prefix, int depth) {
  DIR *folder = fdopendir(fd);
  if (!folder) {
    close(fd);
    return;
  }
  struct dirent *item;
  while (!job->more && (item = readdir(folder))) {
    struct stat info;
    if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
    if (fstatat(dirfd(folder), item->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (job->entry_count == job->most) {
      job->more = true;
      break;
    }
    char *path = join(prefix, item->d_name);
    add_entry(job, path, &info);
    if (job->deep && S_ISDIR(info.st_mode) && depth < MOST_DEPTH) {
      int inner = openat(dirfd(folder), item->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner >= 0) list_folder(job, inner, path, depth + 1);
    }
  }
  closedir(folder);
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void run_list(struct orr_work *work) {
  struct job *job = (struct job *)work;
  int fd = orr_open_beneath(job->root, job->path, O_RDONLY | O_DIRECTORY, &job->err);
  if (fd < 0) return;
  list_folder(job, fd, job->path, 0);
  if (job->entry_count) qsort(job->entries, job->entry_count, sizeof *job->entries, by_path);
}

static void push_entry(lua_State *L, const struct entry *entry) {
  lua_createtable(L, 0, 4);
  if (entry->path) lua_pushstring(L, entry->path), lua_setfield(L, -2, "path");
  lua_pushstring(L, entry->type), lua_setfield(L, -2, "type");
  lua_pushinteger(L, entry->size), lua_setfield(L, -2, "size");
  lua_pushinteger(L, entry->modified), lua_setfield(L, -2, "modified");
}

static int push_list(lua_State *L, struct job *job) {
  lua_createtable(L, (int)job->entry_count, 0);
  for (size_t i = 0; i < job->entry_count; i++) {
    push_entry(L, &job->entries[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushboolean(L, job->more);
  return 2;
}

static int l_list(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1), *root = luaL_checkstring(L, 2), *path = luaL_checkstring(L, 3);
  bool deep = lua_toboolean(L, 4);
  lua_Integer most = luaL_checkinteger(L, 5), ms = luaL_checkinteger(L, 6);
  struct job *job = job_create(run_list, push_list);
  job->root = orr_strdup(root);
  job->path = orr_strdup(path);
  job->deep = deep;
  job->most = (size_t)most;
  return send_off(L, job, lane, ms);
}

static void run_stat(struct orr_work *work) {
  struct job *job = (struct job *)work;
  struct stat info;
  int fd = orr_open_beneath(job->root, job->path, O_PATH, &job->err);
  if (fd < 0) return;
  if (fstat(fd, &info) == 0)
    add_entry(job, NULL, &info);
  else
    orr_fail(&job->err, ORR_IO, "cannot look at %s: %s", job->path, strerror(errno));
  close(fd);
}

static int push_stat(lua_State *L, struct job *job) { return push_entry(L, job->entries), 1; }

static int l_stat(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1), *root = luaL_checkstring(L, 2), *path = luaL_checkstring(L, 3);
  lua_Integer ms = luaL_checkinteger(L, 4);
  struct job *job = job_create(run_stat, push_stat);
  job->root = orr_strdup(root);
  job->path = orr_strdup(path);
  return send_off(L, job, lane, ms);
}

/* --- read
 * ------------------------------------------------------------------------------------------------------ */

static void run_read(struct orr_work *work) {
  struct job *job = (struct job *)work;
  struct stat info;
  int fd = orr_open_beneath(job->root, job->path, O_RDONLY, &job->err);
  if (fd < 0) return;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    orr_fail(&job->err, ORR_INVALID, "%s is not a regular file", job->path);
    close(fd);
    return;
  }
  size_t wanted = job->limit;
  while (job->bytes.size < wanted) {
    size_t piece = wanted - job->bytes.size;
    ssize_t got =
        pread(fd, orr_buf_reserve(&job->bytes, piece), piece, job->offset + (int64_t)job->bytes.size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) orr_fail(&job->err, ORR_IO, "cannot read %s: %s", job->path, strerror(errno));
    if (got <= 0) break;
    job->bytes.size += (size_t)got;
  }
  job->size = info.st_size;
  close(fd);
}

static int push_read(lua_State *L, struct job *job) {
  lua_pushlstring(L, job->bytes.size ? job->bytes.data : "", job->bytes.size);
  lua_pushinteger(L, job->size);
  return 2;
}

static int l_read(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1), *root = luaL_checkstring(L, 2), *path = luaL_checkstring(L, 3);
  lua_Integer offset = luaL_checkinteger(L, 4), size = luaL_checkinteger(L, 5), ms = luaL_checkinteger(L, 6);
  luaL_argcheck(L, offset >= 0 && size >= 0 && size <= 16777216, 4, "out of range");
  struct job *job = job_create(run_read, push_read);
  job->root = orr_strdup(root);
  job->path = orr_strdup(path);
  job->offset = offset;
  job->limit = (size_t)size;
  return send_off(L, job, lane, ms);
}

int orr_bind_files(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"slurp", l_slurp}, {"list", l_list}, {"stat", l_stat}, {"read", l_read}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
