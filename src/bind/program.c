/* house.program: what the command line needs of the machine and of the store.
     version, called, cores       constants; called: the word that the program was started by, cores: those this
                                  process may run on
     absolute(path)               → the path from the root
     random()                     → 32 hexadecimal digits that nobody else has
     plugin(folders, name)        → the file of a scheduler plug-in | nil, code, sentence
     migrate(data, migrations)    → migrations applied | nil, code, sentence
     backup(data, target)         → bytes | nil, code, sentence
   `absolute` resolves the folder, if it exists, but leaves a last component that is a symbolic link: programs
   may look at the name they are called by. `migrate` makes the data directory and brings its database up to
   date; a server must not run on it. `backup` copies the database, whether a server runs on it or not. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/lock.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "sched/plugin.h"

static int cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int l_absolute(lua_State *L) {
  char folder[PATH_MAX];
  const char *path = luaL_checkstring(L, 1), *slash = strrchr(path, '/');
  const char *last = slash ? slash + 1 : path;
  bool is_folder = *last == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
  if (is_folder && realpath(*path ? path : ".", folder)) return lua_pushstring(L, folder), 1;
  lua_pushlstring(L, path, (size_t)(last - path));
  if (!is_folder && realpath(slash ? lua_tostring(L, -1) : ".", folder))
    lua_pushfstring(L, "%s%s%s", folder, folder[1] ? "/" : "", last);
  else if (*path != '/' && getcwd(folder, sizeof folder))
    lua_pushfstring(L, "%s/%s", folder, path);
  else
    lua_pushstring(L, path);
  return 1;
}

static int l_random(lua_State *L) {
  unsigned char bytes[16];
  char hex[2 * sizeof bytes + 1];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return luaL_error(L, "the kernel gives no random bytes");
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  return lua_pushlstring(L, hex, 2 * sizeof bytes), 1;
}

static int l_plugin(lua_State *L) {
  char path[PATH_MAX];
  struct orr_err err;
  if (orr_plugin_find(luaL_checkstring(L, 1), luaL_checkstring(L, 2), path, sizeof path, &err))
    return orr_push_failure(L, &err);
  return lua_pushstring(L, path), 1;
}

static int migrate(const char *data, const char *database, const char *migrations, const struct orr_log *log,
                   int *applied, struct orr_err *err) {
  int code = orr_file_folders(data, 0700, err);
  if (code != ORR_OK) return code;
  int lock = orr_lock_take(data, err);
  if (lock < 0) return lock;
  code = orr_store_migrate(database, migrations, log, applied, err);
  close(lock);
  return code;
}

static int l_migrate(lua_State *L) {
  const char *data = luaL_checkstring(L, 1), *migrations = luaL_checkstring(L, 2);
  const char *database = lua_pushfstring(L, "%s/orrery.db", data);
  struct orr_err err;
  int applied = 0;
  if (migrate(data, database, migrations, orr_house_of(L)->log, &applied, &err))
    return orr_push_failure(L, &err);
  return lua_pushinteger(L, applied), 1;
}

static int l_backup(lua_State *L) {
  const char *database = lua_pushfstring(L, "%s/orrery.db", luaL_checkstring(L, 1));
  const char *target = luaL_checkstring(L, 2);
  struct stat made = {0};
  struct orr_err err;
  if (orr_store_backup(database, target, &err)) return orr_push_failure(L, &err);
  stat(target, &made);
  return lua_pushinteger(L, made.st_size), 1;
}

int orr_bind_program(lua_State *L) {
  static const luaL_Reg functions[] = {{"absolute", l_absolute}, {"random", l_random}, {"plugin", l_plugin},
                                       {"migrate", l_migrate},   {"backup", l_backup}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushliteral(L, ORRERY_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, program_invocation_name);
  lua_setfield(L, -2, "called");
  lua_pushinteger(L, cores());
  lua_setfield(L, -2, "cores");
  return 1;
}
