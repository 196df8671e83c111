/* The program. The command line is Lua (lua/orrery/cli/main.lua), in a state of its own that is given only
   what a client may use. It answers with an exit code, or, for `orrery serve` and `orrery plugin check`, with a
   configuration; then the state is closed, and the server or the check takes over this process. */
#include <stdio.h>
#include <unistd.h>

#include "app/server.h"
#include "bind/value.h"
#include "script/script.h"

static const char *const tables[] = {"client", "clock", "json", "program", "terminal", NULL};

static void push_arguments(lua_State *L, char **argv, const struct orr_paths *paths) {
  lua_newtable(L);
  for (int i = 1; argv[i]; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  lua_newtable(L);
  lua_pushstring(L, paths->migrations);
  lua_setfield(L, -2, "migrations");
  lua_pushstring(L, paths->schedulers);
  lua_setfield(L, -2, "schedulers");
}

/* Runs the command line. Leaves the configuration in `config` when it asks to serve, and else returns the
   exit code. */
static int command_line(struct orr_script *script, char **argv, const struct orr_paths *paths,
                        struct orr_arena *arena, struct orrery_value *config, struct orr_err *err) {
  lua_State *L = orr_script_state(script);
  orr_bind_provide(script, tables);
  if (orr_script_require(script, "orrery.cli.main", err)) return -1;
  push_arguments(L, argv, paths);
  if (orr_script_call(script, 2, 2, err)) return -1;
  if (lua_istable(L, -1)) orr_to_value(L, -1, arena, config, NULL);
  return (int)lua_tointeger(L, -2);
}

static int run(char **argv, struct orr_arena *arena, struct orrery_value *config, struct orr_err *err) {
  struct orr_log log = {.fd = STDERR_FILENO, .level = ORR_LOG_WARN};
  struct orr_house house = {.name = "command", .log = &log};
  struct orr_paths paths;
  if (orr_paths_find(&paths, err)) return -1;
  struct orr_script_options options = {
      .name = house.name, .lua_path = paths.lua, .log = &log, .user = &house};
  struct orr_script *script = orr_script_create(&options, err);
  int code = script ? command_line(script, argv, &paths, arena, config, err) : -1;
  orr_script_destroy(script);
  orr_paths_free(&paths);
  return code;
}

int main(int argc, char **argv) {
  (void)argc;
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value config = {.kind = ORRERY_NULL};
  struct orr_err err = {0};
  int code = run(argv, arena, &config, &err);
  if (code < 0) {
    fprintf(stderr, "orrery: %s\n", err.text);
    code = ORR_EXIT_FAILED;
  } else if (config.kind == ORRERY_MAP) {
    code = orrery_get(&config, "check") ? orr_check(&config) : orr_serve(&config);
  }
  orr_arena_destroy(arena);
  return code;
}
