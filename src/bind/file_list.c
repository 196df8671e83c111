/* What is in a folder, and what a file is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bind/file_work.h"

static const char *type_name(mode_t mode) {
  return S_ISDIR(mode) ? "directory" : S_ISREG(mode) ? "file" : S_ISLNK(mode) ? "link" : "other";
}

int64_t orr_file_modified(const struct stat *info) {
  return (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
}

static void add_entry(struct orr_file_work *work, char *path, const struct stat *info) {
  if ((work->entry_count & (work->entry_count - 1)) == 0) {
    size_t room = work->entry_count ? work->entry_count * 2 : 1;
    work->entries = orr_realloc(work->entries, room * sizeof *work->entries);
  }
  work->entries[work->entry_count++] =
      (struct orr_file_entry){path, type_name(info->st_mode), info->st_size, orr_file_modified(info)};
}

static char *join(const char *folder, const char *name) {
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s%s%s", folder, *folder ? "/" : "", name);
  orr_buf_text(&path);
  return path.data;
}

enum { MOST_DEPTH = 32 };

static void list_folder(struct orr_file_work *work, int fd, const char *prefix, int depth) {
  DIR *folder = fdopendir(fd);
  if (!folder) {
    close(fd);
    return;
  }
  struct dirent *item;
  while (!work->more && (item = readdir(folder))) {
    struct stat info;
    if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
    if (fstatat(dirfd(folder), item->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (work->entry_count == work->most) {
      work->more = true;
      break;
    }
    char *path = join(prefix, item->d_name);
    add_entry(work, path, &info);
    if (work->deep && S_ISDIR(info.st_mode) && depth < MOST_DEPTH) {
      int inner = openat(dirfd(folder), item->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner >= 0 && orr_file_is_closed(work, 0, inner)) close(inner), inner = -1;
      if (inner >= 0) list_folder(work, inner, path, depth + 1);
    }
  }
  closedir(folder);
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct orr_file_entry *)a)->path, ((const struct orr_file_entry *)b)->path);
}

static void run_list(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  int fd = orr_file_open(work, 0, O_RDONLY | O_DIRECTORY, &work->err);
  if (fd < 0) return;
  list_folder(work, fd, work->path, 0);
  if (work->entry_count) qsort(work->entries, work->entry_count, sizeof *work->entries, by_path);
}

void orr_file_push_info(lua_State *L, const struct orr_file_entry *entry) {
  lua_createtable(L, 0, 4);
  if (entry->path) lua_pushstring(L, entry->path), lua_setfield(L, -2, "path");
  lua_pushstring(L, entry->type), lua_setfield(L, -2, "type");
  lua_pushinteger(L, entry->size), lua_setfield(L, -2, "size");
  lua_pushinteger(L, entry->modified), lua_setfield(L, -2, "modified");
}

static int push_list(lua_State *L, struct orr_file_work *work) {
  lua_createtable(L, (int)work->entry_count, 0);
  for (size_t i = 0; i < work->entry_count; i++) {
    orr_file_push_info(L, &work->entries[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushboolean(L, work->more);
  return 2;
}

int l_files_list(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  bool deep = lua_toboolean(L, 4);
  lua_Integer most = luaL_checkinteger(L, 5), ms = luaL_checkinteger(L, 6);
  struct orr_file_work *work = orr_file_work_at(L, false, run_list, push_list);
  work->deep = deep;
  work->most = (size_t)most;
  return orr_file_work_send(L, work, lane, ms);
}

static void run_stat(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  struct stat info;
  int fd = orr_file_open(work, 0, O_PATH, &work->err);
  if (fd < 0) return;
  if (fstat(fd, &info) == 0)
    add_entry(work, NULL, &info);
  else
    orr_fail(&work->err, ORR_IO, "cannot look at %s: %s", work->path, strerror(errno));
  close(fd);
}

static int push_stat(lua_State *L, struct orr_file_work *work) {
  return orr_file_push_info(L, work->entries), 1;
}

int l_files_stat(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer ms = luaL_checkinteger(L, 4);
  struct orr_file_work *work = orr_file_work_at(L, false, run_stat, push_stat);
  return orr_file_work_send(L, work, lane, ms);
}
