/* house.json: strict JSON for Lua.
     decode(text)          → value | nil, sentence, byte offset (from 0)
     encode(value)         → text; keys of maps are sorted, so equal values give equal texts
     is_map(text)          whether it is one map, from its first byte to its last
     list(table)           → the same table, marked as a list (so that an empty one is written [])
     is_list(value), null */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "bind/house.h"
#include "bind/tables.h"
#include "bind/value.h"

static int l_decode_protected(lua_State *L) {
  orr_push_value(L, lua_touserdata(L, 1));
  return 1;
}

static int l_decode(lua_State *L) {
  size_t size, where;
  const char *text = luaL_checklstring(L, 1, &size);
  struct orr_err err;
  struct orr_arena *arena = orr_arena_create();
  struct orrery_value *value = orr_json_read(arena, text, size, &where, &err);
  if (!value) {
    orr_arena_destroy(arena);
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    lua_pushinteger(L, (lua_Integer)where);
    return 3;
  }
  /* pushing may run out of the state's memory; the arena must not leak then */
  lua_pushcfunction(L, l_decode_protected);
  lua_pushlightuserdata(L, value);
  int status = lua_pcall(L, 1, 1, 0);
  orr_arena_destroy(arena);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_is_map(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  return lua_pushboolean(L, orr_json_is_map(text, size)), 1;
}

static int by_key(const void *a, const void *b) {
  return strcmp(((const struct orr_member *)a)->key, ((const struct orr_member *)b)->key);
}

static void sort_keys(struct orrery_value *value) {
  if (value->kind != ORRERY_LIST && value->kind != ORRERY_MAP) return;
  if (value->kind == ORRERY_MAP && value->size > 1)
    qsort(value->members, value->size, sizeof *value->members, by_key);
  for (size_t i = 0; i < value->size; i++) sort_keys(&value->members[i].value);
}

struct encoding {
  struct orr_arena *arena;
  struct orr_buf out;
};

static int l_encode_protected(lua_State *L) {
  struct encoding *encoding = lua_touserdata(L, 2);
  struct orrery_value value = {.kind = ORRERY_NULL};
  orr_to_value(L, 1, encoding->arena, &value, NULL);
  sort_keys(&value);
  orr_json_put(&encoding->out, &value);
  lua_pushlstring(L, encoding->out.data, encoding->out.size);
  return 1;
}

static int l_encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  struct encoding encoding = {.arena = orr_arena_create()};
  lua_pushcfunction(L, l_encode_protected);
  lua_insert(L, 1);
  lua_pushlightuserdata(L, &encoding);
  int status = lua_pcall(L, 2, 1, 0);
  orr_buf_free(&encoding.out);
  orr_arena_destroy(encoding.arena);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_list(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    lua_newtable(L);
  else
    luaL_checktype(L, 1, LUA_TTABLE), lua_settop(L, 1);
  orr_mark_list(L);
  return 1;
}

static int l_is_list(lua_State *L) {
  lua_pushboolean(L, lua_istable(L, 1) && orr_is_list(L, 1));
  return 1;
}

int orr_bind_json(lua_State *L) {
  static const luaL_Reg functions[] = {{"decode", l_decode}, {"encode", l_encode},   {"is_map", l_is_map},
                                       {"list", l_list},     {"is_list", l_is_list}, {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
