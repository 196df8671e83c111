/* house.reach: the machines of resources, as their transports lead to them.
     set(resource, settings)        how it is reached from now on, by run_as, ssh.{…} and environment of its settings
                                    (lua/orrery/core/config/resource.lua) → true | nil, code, sentence; nil: it is no more
     way(resource, account)         → "here": as ourselves, by house.files | "there" | nil: nobody has set it, or there is
                                    no way as this account
     run(resource, account, script, ms, most)
                                    waits → exit code, output, errors | nil, code, sentence. sh carries out the script
                                    there, as the account (nil: the service's own); of each output at most so many bytes
     open(resource, account, script, fed)
                                    → a stream (reach_stream.c) of what the script says; fed: and of what it is told
   What the API asks for has a share of an ssh connection of its own: however much is downloaded, commands need not wait,
   nor what the control worker has to know of its jobs. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "bind/reach_stream.h"
#include "bind/tables.h"
#include "bind/value.h"
#include "script/task.h"

enum { CHANNELS = 8, FILE_CHANNELS = 2, CONNECT_MS = 20000, IDLE_MS = 600000 };

/* --- settings --- */

static enum orr_run_as run_as_of(const struct orrery_value *settings) {
  const char *word = orrery_text(orrery_get(settings, "run_as"), NULL, "service");
  return strcmp(word, "sudo") == 0 ? ORR_AS_SUDO : strcmp(word, "login") == 0 ? ORR_AS_LOGIN : ORR_AS_SERVICE;
}

static char **environment_of(const struct orrery_value *settings, struct orr_arena *arena) {
  const struct orrery_value *map = orrery_get(settings, "environment");
  size_t count = 0;
  char **list = orr_arena_zalloc(arena, (orrery_count(map) + 1) * sizeof *list);
  for (size_t i = 0; i < orrery_count(map); i++) {
    const char *value = orrery_text(orrery_at(map, i), NULL, NULL);
    if (value) list[count++] = orr_arena_printf(arena, "%s=%s", orrery_key_at(map, i), value);
  }
  return list;
}

static const char *text(const struct orrery_value *settings, const char *path) {
  return orrery_text(orrery_get(settings, path), NULL, NULL);
}

static int number(const struct orrery_value *settings, const char *path, int otherwise) {
  return (int)orrery_int(orrery_get(settings, path), otherwise);
}

static struct orr_transport *transport_of(struct orr_transports *all, const struct orrery_value *settings,
                                          struct orr_arena *arena, struct orr_err *err) {
  struct orr_transport_settings it = {.run_as = run_as_of(settings),
                                      .ssh_host = text(settings, "ssh.host"),
                                      .ssh_user = text(settings, "ssh.user"),
                                      .ssh_config = text(settings, "ssh.config"),
                                      .ssh_port = number(settings, "ssh.port", 0),
                                      .channels = number(settings, "ssh.channels", CHANNELS),
                                      .file_channels = number(settings, "ssh.file_channels", FILE_CHANNELS),
                                      .connect_ms = number(settings, "ssh.connect_ms", CONNECT_MS),
                                      .idle_ms = number(settings, "ssh.idle_ms", IDLE_MS),
                                      .login = orrery_bool(orrery_get(settings, "ssh.login"), false),
                                      .environment = environment_of(settings, arena)};
  return orr_transport_create(all, &it, err);
}

static int l_set(lua_State *L) {
  struct orr_transports *all = orr_house_of(L)->transports;
  const char *resource = luaL_checkstring(L, 1);
  struct orr_err err = {0};
  if (lua_isnoneornil(L, 2)) {
    orr_transports_publish(all, resource, NULL);
    return lua_pushboolean(L, true), 1;
  }
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value settings = {0};
  if (!orr_try_value(L, 2, arena, &settings, NULL)) {
    orr_arena_destroy(arena);
    return lua_error(L);
  }
  struct orr_transport *transport = transport_of(all, &settings, arena, &err);
  orr_arena_destroy(arena);
  if (!transport) return orr_push_failure(L, &err);
  orr_transports_publish(all, resource, transport);
  orr_transport_release(transport);
  return lua_pushboolean(L, true), 1;
}

/* --- errands --- */

/* What was an account's when the resource mapped accounts is not the service's now that it does not. */
static bool leads_to(const struct orr_transport *transport, const char *account) {
  return !account || orr_transport_has_accounts(transport);
}

static int l_way(lua_State *L) {
  const char *resource = luaL_checkstring(L, 1), *account = luaL_optstring(L, 2, NULL);
  struct orr_transport *transport = orr_transports_find(orr_house_of(L)->transports, resource);
  bool has_way = transport && leads_to(transport, account);
  if (has_way) lua_pushstring(L, orr_transport_is_here(transport, account) ? "here" : "there");
  orr_transport_release(transport);
  return has_way;
}

static void ran(void *data, struct orr_errand_result *result) {
  struct orr_ticket ticket = *(struct orr_ticket *)data;
  free(data);
  lua_State *L = orr_ticket_state(ticket);
  if (!L) return;
  int results = 3;
  if (result->err.code == ORR_OK && result->exit_code == -1)
    orr_fail(&result->err, result->timed_out ? ORR_TIMEOUT : ORR_UNAVAILABLE, "%s",
             result->timed_out ? "the far end did not answer in time" : "the connection broke");
  if (result->err.code) {
    results = orr_push_failure(L, &result->err);
  } else {
    lua_pushinteger(L, result->exit_code);
    lua_pushlstring(L, result->out.size ? result->out.data : "", result->out.size);
    lua_pushlstring(L, result->errors.size ? result->errors.data : "", result->errors.size);
  }
  orr_ticket_resume(ticket, results);
}

/* What an errand is given by the arguments; its transport is held. False: there is none; three results are pushed. */
static bool take_arguments(lua_State *L, struct orr_errand_options *options) {
  const char *resource = luaL_checkstring(L, 1);
  options->account = luaL_optstring(L, 2, NULL);
  options->script = luaL_checklstring(L, 3, &options->script_size);
  options->file = orr_house_of(L)->resources == NULL; /* who has these drives them */
  if (options->account && !orr_is_account(options->account)) luaL_argerror(L, 2, "no name of an account");
  options->transport = orr_transports_find(orr_house_of(L)->transports, resource);
  if (options->transport && leads_to(options->transport, options->account)) return true;
  struct orr_err err;
  if (options->transport)
    orr_fail(&err, ORR_UNAVAILABLE,
             "resource %s does everything as one account now (run_as = \"service\"), and nothing as the "
             "account %s",
             resource, options->account);
  else
    orr_fail(&err, ORR_UNAVAILABLE, "nothing leads to the resource %s", resource);
  orr_transport_release(options->transport);
  orr_push_failure(L, &err);
  return false;
}

static int l_run(lua_State *L) {
  struct orr_errand_options options = {.timeout_ms = luaL_checkinteger(L, 4),
                                       .most_output = (size_t)luaL_checkinteger(L, 5)};
  struct orr_ticket ticket = orr_task_wait(L);
  if (!take_arguments(L, &options)) return 3;
  struct orr_ticket *kept = orr_alloc(sizeof *kept);
  *kept = ticket;
  orr_errand_start(orr_house_of(L)->loop, &options, ran, kept);
  orr_transport_release(options.transport);
  return lua_yield(L, 0);
}

static int l_open(lua_State *L) {
  struct orr_errand_options options = {.most_output = 1 << 16, .fed = lua_toboolean(L, 4)};
  if (!take_arguments(L, &options)) return 3;
  int results = orr_reach_stream(L, orr_house_of(L)->loop, &options);
  orr_transport_release(options.transport);
  return results;
}

int orr_bind_reach(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"set", l_set}, {"way", l_way}, {"run", l_run}, {"open", l_open}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
