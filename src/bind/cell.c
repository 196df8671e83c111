#include "bind/cell.h"

void orr_to_cell(lua_State *L, int index, struct orr_cell *cell) {
  switch (lua_type(L, index)) {
  case LUA_TNIL: cell->kind = ORR_CELL_NULL; return;
  case LUA_TLIGHTUSERDATA: cell->kind = ORR_CELL_NULL; return;
  case LUA_TBOOLEAN:
    cell->kind = ORR_CELL_INT;
    cell->integer = lua_toboolean(L, index);
    return;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index)) {
      cell->kind = ORR_CELL_INT;
      cell->integer = lua_tointeger(L, index);
    } else {
      cell->kind = ORR_CELL_REAL;
      cell->real = lua_tonumber(L, index);
    }
    return;
  case LUA_TSTRING:
    cell->kind = ORR_CELL_TEXT;
    cell->text = lua_tolstring(L, index, &cell->size);
    return;
  default: luaL_error(L, "a %s cannot be stored", luaL_typename(L, index));
  }
}

size_t orr_to_cells(lua_State *L, int first, struct orr_cell *cells) {
  int count = lua_gettop(L) - first + 1;
  if (count <= 0) return 0;
  if (count > ORR_MOST_CELLS) luaL_error(L, "more than %d parameters", ORR_MOST_CELLS);
  for (int i = 0; i < count; i++) orr_to_cell(L, first + i, &cells[i]);
  return (size_t)count;
}

void orr_push_cell(lua_State *L, const struct orr_cell *cell) {
  switch (cell->kind) {
  case ORR_CELL_NULL: lua_pushnil(L); return;
  case ORR_CELL_INT: lua_pushinteger(L, cell->integer); return;
  case ORR_CELL_REAL: lua_pushnumber(L, cell->real); return;
  case ORR_CELL_TEXT:
  case ORR_CELL_BLOB: lua_pushlstring(L, cell->text, cell->size); return;
  }
}
