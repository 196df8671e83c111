/* Lua values as database cells. */
#pragma once
#include "script/lua.h"
#include "store/store.h"

enum { ORR_MOST_CELLS = 64 };

/* nil and null → NULL, booleans → 0 or 1. The cell borrows the string: it must stay on the stack. */
void orr_to_cell(lua_State *L, int index, struct orr_cell *cell);
/* The arguments from `first` to the top; at most ORR_MOST_CELLS. */
size_t orr_to_cells(lua_State *L, int first, struct orr_cell *cells);
void orr_push_cell(lua_State *L, const struct orr_cell *cell); /* NULL → nil */
