/* Shapes: how rows are written as JSON, declared once in Lua and then applied in C, without a table between.
   A field has a name, a kind, and takes the column of its name. */
#pragma once
#include "base/buf.h"
#include "bind/house.h"

struct orr_shape;

struct orr_shape *orr_check_shape(lua_State *L, int index);
/* Writes the cursor's current row as an object. */
int orr_shape_put(struct orr_shape *shape, const struct orr_ids *ids, int statement,
                  const struct orr_cursor *cursor, struct orr_buf *out, struct orr_err *err);
