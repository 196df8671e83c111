/* house.files: files of resources on this machine, through the resource's lane of threads, with a deadline.
     slurp(lane, places, path, limit, ms)       waits → list of texts (false: not there, or over the limit)
     make(lane, places, path, ms)               waits → list of "made" (an empty file), "other" (it is something else), false
     remove(lane, paths, ms)                    waits → list of truth values: the trees at the paths are gone
     list(lane, place, path, deep, most, ms)    waits → list of {path, type, size, modified}, and whether there
                                                is more
     stat(lane, place, path, ms)                waits → {type, size, modified}
     read(lane, place, path, offset, size, ms)  waits → bytes (short only at the end), the file's size now
     receive(lane, place, path, ms)             waits → an arrival (file_write.c): a file to be written
     unlink(lane, place, path, ms)              waits → true: the file, or link, is no more
   Failures come as nil, code, sentence. A `path` is resolved beneath its place and cannot leave it. A place is a
   table: `base`, an absolute folder, and `own`, a folder beneath it that Orrery made, in which no link may stand. A
   place without `own` is one that somebody named: the server's data directory is closed to it. */
#include "bind/file_work.h"
#include "bind/tables.h"

int orr_bind_files(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"slurp", l_files_slurp},     {"make", l_files_make},     {"remove", l_files_remove},
      {"list", l_files_list},       {"stat", l_files_stat},     {"read", l_files_read},
      {"receive", l_files_receive}, {"unlink", l_files_unlink}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
