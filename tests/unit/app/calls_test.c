/* Calls that come over the bus, as tasks: what becomes of them when they are broken off. */
#include "app/calls.h"

#include "../bind/house.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "bind/stats.h"

/* A worker around a rig's loop and state, and an embedded bus, over which the test itself calls. */
struct desk {
  struct rig rig;
  struct orr_server server;
  struct orr_stats stats;
  struct orr_worker worker;
  struct orr_calls calls;
  struct orr_timer *timer;
  enum orr_code came_home; /* with what; -1: not yet */
  int idle;
};

static int start(void **state) {
  struct desk *desk = *state = calloc(1, sizeof *desk);
  struct orr_bus_options options = {.log = &desk->rig.place.log};
  rig_make(&desk->rig);
  desk->server = (struct orr_server){
      .log = desk->rig.place.log, .stats = &desk->stats, .bus = orr_bus_create(&options, NULL)};
  desk->worker =
      (struct orr_worker){.server = &desk->server, .loop = desk->rig.loop, .script = desk->rig.script};
  desk->came_home = (enum orr_code) - 1;
  return 0;
}

static int stop(void **state) {
  struct desk *desk = *state;
  orr_calls_end(&desk->calls);
  rig_remove(&desk->rig);
  orr_bus_destroy(desk->server.bus);
  free(desk);
  return 0;
}

static void came_home(struct orr_bus_call *call) {
  struct desk *desk = call->user;
  desk->came_home = call->err.code;
  orr_bus_call_free(call);
}

static void is_idle(void *data) { ((struct desk *)data)->idle++; }

/* Serves by a piece of Lua, and calls it once. */
static void serve(struct desk *desk, const char *code) {
  struct orr_bus_call *call = orr_bus_call_create(desk->rig.loop, came_home, desk);
  assert_int_equal(luaL_loadstring(orr_script_state(desk->rig.script), code), LUA_OK);
  orr_calls_begin(&desk->calls, &desk->worker);
  call->service = orr_strdup("orrery");
  call->method = orr_strdup("orrery.ping");
  call->deadline_ms = orr_clock_ms() + 60000;
  orr_bus_call(desk->server.bus, call);
}

static void drain(void *data) {
  struct desk *desk = data;
  orr_calls_drain(&desk->calls, is_idle, desk);
  assert_int_equal(desk->idle, 0);
  orr_timer_stop(desk->timer);
}

static void whoever_drains_waits_for_what_is_under_way(void **state) {
  struct desk *desk = *state;
  serve(desk, "task.sleep(40) return 'application/json', 'null', 200");
  desk->timer = orr_timer_start(desk->rig.loop, 20, 0, drain, desk);
  rig_lua(&desk->rig, "task.sleep(80)");
  assert_int_equal(desk->came_home, ORR_OK);
  assert_int_equal(desk->idle, 1);
}

static void break_off(void *data) {
  struct desk *desk = data;
  drain(desk);
  orr_calls_break(&desk->calls);
  assert_int_equal(desk->idle, 1);
}

static void what_is_broken_off_goes_on_for_nothing(void **state) {
  struct desk *desk = *state;
  serve(desk, "task.sleep(40) went_on = true return 'application/json', 'null', 200");
  desk->timer = orr_timer_start(desk->rig.loop, 20, 0, break_off, desk);
  rig_lua(&desk->rig, "task.sleep(80) same(went_on, true)");
  assert_int_equal(desk->came_home, ORR_UNAVAILABLE);
  assert_int_equal(desk->idle, 1);
  assert_null(desk->calls.first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(whoever_drains_waits_for_what_is_under_way, start, stop),
      cmocka_unit_test_setup_teardown(what_is_broken_off_goes_on_for_nothing, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
