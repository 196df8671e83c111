#include "bind/value.h"

#include <string.h>

#include "base/json.h"

static const char LIST[] = "orrery.list"; /* the name of the list metatable in the registry */

/* Shared by all lists of a state, so it is not for its code to change. */
void orr_mark_list(lua_State *L) {
  if (luaL_newmetatable(L, LIST)) {
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
}

bool orr_is_list(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_getmetatable(L, index)) {
    luaL_getmetatable(L, LIST);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (marked) return true;
  }
  bool first = lua_rawgeti(L, index, 1) != LUA_TNIL;
  lua_pop(L, 1);
  return first;
}

void orr_push_value(lua_State *L, const struct orrery_value *value) {
  luaL_checkstack(L, 6, "a value nested too deep");
  switch (orrery_kind(value)) {
  case ORRERY_NULL: lua_pushlightuserdata(L, NULL); return;
  case ORRERY_BOOL: lua_pushboolean(L, value->truth); return;
  case ORRERY_INT: lua_pushinteger(L, value->integer); return;
  case ORRERY_REAL: lua_pushnumber(L, value->real); return;
  case ORRERY_TEXT: lua_pushlstring(L, value->text, value->size); return;
  case ORRERY_LIST:
    lua_createtable(L, (int)value->size, 0);
    for (size_t i = 0; i < value->size; i++) {
      orr_push_value(L, &value->members[i].value);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    orr_mark_list(L);
    return;
  case ORRERY_MAP:
    lua_createtable(L, 0, (int)value->size);
    for (size_t i = 0; i < value->size; i++) {
      lua_pushstring(L, value->members[i].key);
      orr_push_value(L, &value->members[i].value);
      lua_rawset(L, -3);
    }
    return;
  }
}

enum { DEEPEST = ORR_JSON_DEPTH + ORR_JSON_WRAPPED };

struct conversion {
  struct orr_arena *arena;
  struct orrery_value *out;
  size_t *room;
};

static void table_to_value(lua_State *L, int index, const struct conversion *to, struct orrery_value *out,
                           int depth);

static void take_room(lua_State *L, const struct conversion *to, size_t size) {
  if (!to->room) return;
  if (size > *to->room) luaL_error(L, "a value is too large");
  *to->room -= size;
}

static void to_value(lua_State *L, int index, const struct conversion *to, struct orrery_value *out,
                     int depth) {
  size_t size;
  const char *text;
  switch (lua_type(L, index)) {
  case LUA_TNIL: out->kind = ORRERY_NULL; return;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index)) break;
    out->kind = ORRERY_NULL;
    return;
  case LUA_TBOOLEAN:
    *out = (struct orrery_value){.kind = ORRERY_BOOL, .truth = lua_toboolean(L, index)};
    return;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      *out = (struct orrery_value){.kind = ORRERY_INT, .integer = lua_tointeger(L, index)};
    else
      *out = (struct orrery_value){.kind = ORRERY_REAL, .real = lua_tonumber(L, index)};
    return;
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    take_room(L, to, size);
    orr_value_set_text(out, to->arena, text, size);
    return;
  case LUA_TTABLE: table_to_value(L, index, to, out, depth); return;
  default: break;
  }
  luaL_error(L, "a %s has no place in a value", luaL_typename(L, index));
}

static void table_to_value(lua_State *L, int index, const struct conversion *to, struct orrery_value *out,
                           int depth) {
  if (depth > DEEPEST) luaL_error(L, "a value is nested deeper than %d", DEEPEST);
  luaL_checkstack(L, 6, "a value nested too deep");
  if (orr_is_list(L, index)) {
    orr_value_set_kind(out, to->arena, ORRERY_LIST);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= count; i++) {
      take_room(L, to, sizeof(struct orr_member));
      lua_rawgeti(L, index, i);
      to_value(L, lua_gettop(L), to, orr_value_add(out, NULL, 0), depth + 1);
      lua_pop(L, 1);
    }
    return;
  }
  orr_value_set_kind(out, to->arena, ORRERY_MAP);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    size_t size;
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "a map's key is a %s, not a text", luaL_typename(L, -2));
    const char *key = lua_tolstring(L, -2, &size);
    if (strlen(key) != size) luaL_error(L, "a map's key has a NUL in it");
    take_room(L, to, sizeof(struct orr_member) + size);
    to_value(L, lua_gettop(L), to, orr_value_add(out, key, size), depth + 1);
  }
}

void orr_to_value(lua_State *L, int index, struct orr_arena *arena, struct orrery_value *out, size_t *room) {
  to_value(L, lua_absindex(L, index), &(struct conversion){arena, out, room}, out, 0);
}

static int l_convert(lua_State *L) {
  struct conversion *conversion = lua_touserdata(L, 2);
  to_value(L, 1, conversion, conversion->out, 0);
  return 0;
}

bool orr_try_value(lua_State *L, int index, struct orr_arena *arena, struct orrery_value *out, size_t *room) {
  struct conversion conversion = {arena, out, room};
  index = lua_absindex(L, index);
  lua_pushcfunction(L, l_convert);
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, &conversion);
  return lua_pcall(L, 2, 0, 0) == LUA_OK;
}
