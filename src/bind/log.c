/* house.log: debug|info|warn|error(message, {field = text or integer, …}) */
#include "bind/house.h"
#include "bind/tables.h"

enum { MOST_FIELDS = 16 };

static int write_log(lua_State *L, enum orr_log_level level) {
  const char *message = luaL_checkstring(L, 1);
  struct orr_field fields[MOST_FIELDS + 1] = {{0}};
  int count = 0;
  if (lua_istable(L, 2)) {
    for (lua_pushnil(L); lua_next(L, 2) && count < MOST_FIELDS; count++) {
      fields[count].key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
      if (lua_isinteger(L, -1))
        fields[count].number = lua_tointeger(L, -1), lua_pop(L, 1);
      else {
        fields[count].text = luaL_tolstring(L, -1, NULL); /* stays below, so that it stays alive */
        lua_insert(L, 3);
        lua_pop(L, 1);
      }
    }
  }
  orr_log_fields(orr_house_of(L)->log, level, message, fields);
  return 0;
}
static int l_debug(lua_State *L) { return write_log(L, ORR_LOG_DEBUG); }
static int l_info(lua_State *L) { return write_log(L, ORR_LOG_INFO); }
static int l_warn(lua_State *L) { return write_log(L, ORR_LOG_WARN); }
static int l_error(lua_State *L) { return write_log(L, ORR_LOG_ERROR); }

int orr_bind_log(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"debug", l_debug}, {"info", l_info}, {"warn", l_warn}, {"error", l_error}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
