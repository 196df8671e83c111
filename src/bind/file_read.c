/* A piece of a file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind/file_work.h"

static void run_read(struct orr_work *base) {
  struct orr_file_work *work = (struct orr_file_work *)base;
  struct stat info;
  int fd = orr_file_open(work, 0, O_RDONLY, &work->err);
  if (fd < 0) return;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    orr_fail(&work->err, ORR_INVALID, "%s is not a regular file", work->path);
    close(fd);
    return;
  }
  size_t wanted = work->limit;
  while (work->bytes.size < wanted) {
    size_t piece = wanted - work->bytes.size;
    ssize_t got =
        pread(fd, orr_buf_reserve(&work->bytes, piece), piece, work->offset + (int64_t)work->bytes.size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) orr_fail(&work->err, ORR_IO, "cannot read %s: %s", work->path, strerror(errno));
    if (got <= 0) break;
    work->bytes.size += (size_t)got;
  }
  work->size = info.st_size;
  close(fd);
}

static int push_read(lua_State *L, struct orr_file_work *work) {
  lua_pushlstring(L, work->bytes.size ? work->bytes.data : "", work->bytes.size);
  lua_pushinteger(L, work->size);
  return 2;
}

int l_files_read(lua_State *L) {
  const char *lane = luaL_checkstring(L, 1);
  lua_Integer offset = luaL_checkinteger(L, 4), size = luaL_checkinteger(L, 5), ms = luaL_checkinteger(L, 6);
  luaL_argcheck(L, offset >= 0 && size >= 0 && size <= 16777216, 4, "out of range");
  struct orr_file_work *work = orr_file_work_at(L, false, run_read, push_read);
  work->offset = offset;
  work->limit = (size_t)size;
  return orr_file_work_send(L, work, lane, ms);
}
