/* house.server: the process around the Lua code.
     version, pid, data         constants
     ready(why)                 control worker: the house is in order, serving may begin; or it may not, and why
     beat()                     control worker: the loop has gone round
     beat_age()                 → milliseconds since the last beat
     trouble()                  → why nothing can be stored at present | nil
     count(name)                one more of what metrics() tells by that name (`counted` below)
     random(bytes)              → hexadecimal text from the kernel's generator
     write_private(name, text)  → writes a file of mode 0600 into the data directory | nil, code, sentence
     metrics()                  → {name = number}: the process's counters */
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "bind/house.h"
#include "bind/stats.h"
#include "bind/tables.h"

static const int64_t bucket_ns[ORR_TIME_BUCKETS - 1] = {100000,   300000,    1000000,   3000000,   10000000,
                                                        30000000, 100000000, 300000000, 1000000000};

void orr_stats_answer(struct orr_stats *stats, int status, int64_t ns, int64_t bytes) {
  int class = status / 100 >= 0 && status / 100 < 6 ? status / 100 : 0, bucket = 0;
  while (bucket < ORR_TIME_BUCKETS - 1 && ns > bucket_ns[bucket]) bucket++;
  atomic_fetch_add_explicit(&stats->answers[class], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&stats->answer_bytes, bytes, memory_order_relaxed);
  if (ns < 0) return;
  atomic_fetch_add_explicit(&stats->within[bucket], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&stats->answer_ns, ns, memory_order_relaxed);
}

static int l_ready(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  house->ready(house, luaL_optstring(L, 1, NULL));
  return 0;
}

static int l_beat(lua_State *L) {
  atomic_store(&orr_house_of(L)->stats->control_beat_ms, orr_clock_ms());
  return 0;
}

static const char *const counted[ORR_COUNTED + 1] = {
    [ORR_HOOK_FAILURES] = "hook_failures",       [ORR_RPC_CALLS] = "rpc_calls",
    [ORR_RPC_REFUSALS] = "rpc_refusals",         [ORR_SERVICE_CALLS] = "service_calls",
    [ORR_SERVICE_FAILURES] = "service_failures", [ORR_WEBHOOK_TRIES] = "webhook_tries",
    [ORR_WEBHOOK_FAILURES] = "webhook_failures"};

static int l_count(lua_State *L) {
  struct orr_stats *stats = orr_house_of(L)->stats;
  atomic_fetch_add_explicit(&stats->counted[luaL_checkoption(L, 1, NULL, counted)], 1, memory_order_relaxed);
  return 0;
}

static int l_trouble(lua_State *L) {
  struct orr_store_stats stats;
  orr_store_stats(orr_house_of(L)->store, &stats);
  if (!stats.trouble.code) return 0;
  return lua_pushstring(L, stats.trouble.text), 1;
}

static int l_beat_age(lua_State *L) {
  return lua_pushinteger(L, orr_clock_ms() - atomic_load(&orr_house_of(L)->stats->control_beat_ms)), 1;
}

static int l_random(lua_State *L) {
  unsigned char bytes[64];
  char hex[2 * sizeof bytes];
  lua_Integer count = luaL_checkinteger(L, 1);
  luaL_argcheck(L, count > 0 && count <= (lua_Integer)sizeof bytes, 1, "1 to 64 bytes");
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return luaL_error(L, "the kernel gives no random bytes");
  for (lua_Integer i = 0; i < count; i++) {
    hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
  }
  return lua_pushlstring(L, hex, (size_t)count * 2), 1;
}

static int l_write_private(lua_State *L) {
  size_t size;
  const char *name = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
  const char *path = lua_pushfstring(L, "%s/%s", orr_house_of(L)->data, name);
  struct orr_err err;
  if (orr_file_write(path, text, size, 0600, &err)) return orr_push_failure(L, &err);
  return lua_pushboolean(L, 1), 1;
}

static void set(lua_State *L, const char *name, int64_t value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static int l_metrics(lua_State *L) {
  struct orr_house *house = orr_house_of(L);
  struct orr_stats *stats = house->stats;
  struct orr_store_stats store;
  struct rusage usage;
  orr_store_stats(house->store, &store);
  getrusage(RUSAGE_SELF, &usage);
  lua_newtable(L);
  lua_newtable(L);
  for (int class = 0; class < 6; class ++) {
    lua_pushinteger(L, atomic_load(&stats->answers[class]));
    lua_rawseti(L, -2, class);
  }
  lua_setfield(L, -2, "answers");
  lua_newtable(L);
  for (int bucket = 0; bucket < ORR_TIME_BUCKETS; bucket++) {
    lua_createtable(L, 2, 0);
    if (bucket < ORR_TIME_BUCKETS - 1)
      lua_pushnumber(L, (double)bucket_ns[bucket] / 1e9);
    else
      lua_pushliteral(L, "+Inf");
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, atomic_load(&stats->within[bucket]));
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, bucket + 1);
  }
  lua_setfield(L, -2, "within");
  set(L, "answer_ns", atomic_load(&stats->answer_ns));
  set(L, "answer_bytes", atomic_load(&stats->answer_bytes));
  set(L, "handler_failures", atomic_load(&stats->handler_failures));
  set(L, "streams", atomic_load(&stats->streams));
  for (int i = 0; i < ORR_COUNTED; i++) set(L, counted[i], atomic_load(&stats->counted[i]));
  set(L, "store_commits", store.commits);
  set(L, "store_groups", store.groups);
  set(L, "store_conflicts", store.conflicts);
  set(L, "store_errors", store.errors);
  set(L, "store_rows", store.rows);
  set(L, "store_queued", store.queued);
  set(L, "store_group_ns_max", store.group_ns_max);
  set(L, "store_wal_bytes", store.wal_bytes);
  set(L, "memory_peak_bytes", usage.ru_maxrss * 1024);
  set(L, "cpu_user_us", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec);
  set(L, "cpu_system_us", usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec);
  set(L, "started_ms", house->started_ms);
  return 1;
}

int orr_bind_server(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"ready", l_ready},     {"beat", l_beat},     {"beat_age", l_beat_age},
      {"trouble", l_trouble}, {"random", l_random}, {"write_private", l_write_private},
      {"metrics", l_metrics}, {"count", l_count},   {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushliteral(L, ORRERY_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushinteger(L, getpid());
  lua_setfield(L, -2, "pid");
  lua_pushstring(L, orr_house_of(L)->data);
  lua_setfield(L, -2, "data");
  return 1;
}
