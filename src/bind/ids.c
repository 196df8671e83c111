/* house.ids: init(tail, newest) once, by the control worker, before anybody else; new([count]) → the first of
   `count` consecutive keys; text(key); key(text) → key | nil; time(key) */
#include "bind/house.h"
#include "bind/tables.h"

static int l_id_init(lua_State *L) {
  orr_ids_init(orr_house_of(L)->ids, (uint64_t)luaL_checkinteger(L, 1), luaL_checkinteger(L, 2));
  return 0;
}
static int l_id_new(lua_State *L) {
  return lua_pushinteger(L, orr_id_range(orr_house_of(L)->ids, luaL_optinteger(L, 1, 1))), 1;
}
static int l_id_text(lua_State *L) {
  char text[ORR_ID_TEXT];
  orr_id_text(orr_house_of(L)->ids, luaL_checkinteger(L, 1), text);
  return lua_pushlstring(L, text, ORR_ID_TEXT - 1), 1;
}
static int l_id_key(lua_State *L) {
  size_t size;
  int64_t key;
  const char *text = luaL_checklstring(L, 1, &size);
  if (!orr_id_parse(orr_house_of(L)->ids, text, size, &key)) return lua_pushnil(L), 1;
  return lua_pushinteger(L, key), 1;
}
static int l_id_time(lua_State *L) { return lua_pushinteger(L, orr_id_time(luaL_checkinteger(L, 1))), 1; }

int orr_bind_ids(lua_State *L) {
  static const luaL_Reg functions[] = {{"init", l_id_init}, {"new", l_id_new},   {"text", l_id_text},
                                       {"key", l_id_key},   {"time", l_id_time}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
