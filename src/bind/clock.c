/* house.clock: now() → wall milliseconds; monotonic() → milliseconds; text(ms) → RFC 3339 */
#include "base/clock.h"
#include "bind/house.h"
#include "bind/tables.h"

static int l_now(lua_State *L) { return lua_pushinteger(L, orr_wall_ms()), 1; }
static int l_monotonic(lua_State *L) { return lua_pushinteger(L, orr_clock_ms()), 1; }
static int l_time_text(lua_State *L) {
  char text[ORR_TIME_TEXT];
  orr_time_text(luaL_checkinteger(L, 1), text);
  return lua_pushstring(L, text), 1;
}

int orr_bind_clock(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"now", l_now}, {"monotonic", l_monotonic}, {"text", l_time_text}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
