/* house.db: the store for Lua.
     statement(sql)                  → its number; register at load time, once
     value(statement, …)             → the first column of the first row | nil
     row(statement, …)               → {column = value} | nil
     rows(statement, …)              → list of such tables
     json(shape, statement, …)       → the first row, written as JSON | nil
     json_rows(shape, statement, …)  → the rows written as JSON with commas between, their number, the first
                                       column of the last one (which a statement makes its page's key), and
                                       whether it stopped there because there were enough bytes
     change()                        → a commit to be built (commit.c)
   Reads run in place and end before the function returns. A read that fails raises: nothing sensible can
   follow. */
#include "bind/cell.h"
#include "bind/commit.h"
#include "bind/house.h"
#include "bind/shape.h"
#include "bind/tables.h"

static int l_statement(lua_State *L) {
  size_t size;
  const char *sql = luaL_checklstring(L, 1, &size);
  return lua_pushinteger(L, orr_store_statement(orr_house_of(L)->store, sql, size)), 1;
}

struct reading {
  struct orr_cursor cursor;
  struct orr_err err;
};

static void begin(lua_State *L, int first, struct reading *reading) {
  struct orr_cell cells[ORR_MOST_CELLS];
  int statement = (int)luaL_checkinteger(L, first);
  size_t count = orr_to_cells(L, first + 1, cells);
  if (orr_read_begin(orr_house_of(L)->reader, statement, cells, count, &reading->cursor, &reading->err))
    luaL_error(L, "%s", reading->err.text);
}

static int step(struct reading *reading) { return orr_read_step(&reading->cursor, &reading->err); }

static void push_row(lua_State *L, const struct orr_cursor *cursor) {
  lua_createtable(L, 0, cursor->columns);
  for (int column = 0; column < cursor->columns; column++) {
    struct orr_cell cell;
    orr_read_cell(cursor, column, &cell);
    if (cell.kind == ORR_CELL_NULL) continue;
    orr_push_cell(L, &cell);
    lua_setfield(L, -2, orr_read_name(cursor, column));
  }
}

/* The three takers run protected: building tables may run out of memory, and the cursor must be ended all the
   same. */
static int l_take_value(lua_State *L) {
  struct reading *reading = lua_touserdata(L, 1);
  struct orr_cell cell;
  int got = step(reading);
  if (got < 0) return luaL_error(L, "%s", reading->err.text);
  if (got == 0) return 0;
  orr_read_cell(&reading->cursor, 0, &cell);
  orr_push_cell(L, &cell);
  return 1;
}

static int l_take_row(lua_State *L) {
  struct reading *reading = lua_touserdata(L, 1);
  int got = step(reading);
  if (got < 0) return luaL_error(L, "%s", reading->err.text);
  if (got == 0) return 0;
  push_row(L, &reading->cursor);
  return 1;
}

static int l_take_rows(lua_State *L) {
  struct reading *reading = lua_touserdata(L, 1);
  lua_newtable(L);
  for (int i = 1, got; (got = step(reading)) != 0; i++) {
    if (got < 0) return luaL_error(L, "%s", reading->err.text);
    push_row(L, &reading->cursor);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

static int take(lua_State *L, lua_CFunction taker) {
  struct reading reading;
  begin(L, 1, &reading);
  lua_pushcfunction(L, taker);
  lua_pushlightuserdata(L, &reading);
  int status = lua_pcall(L, 1, 1, 0);
  orr_read_end(&reading.cursor);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int l_value(lua_State *L) { return take(L, l_take_value); }
static int l_row(lua_State *L) { return take(L, l_take_row); }
static int l_rows(lua_State *L) { return take(L, l_take_rows); }

enum {
  USUAL_BYTES = 1024,     /* of the one row that is asked for most, a job */
  ENOUGH_BYTES = 8 << 20, /* rows are as large as users make them */
};

/* Writes at most `limit` rows, or until there is enough; returns how many, negative on error. */
static int put_rows(lua_State *L, struct orr_shape *shape, struct reading *reading, int limit,
                    struct orr_buf *out, struct orr_cell *last) {
  struct orr_house *house = orr_house_of(L);
  int statement = (int)lua_tointeger(L, 2), count = 0, got = 0;
  while (count < limit && out->size < ENOUGH_BYTES && (got = step(reading)) > 0) {
    if (count++)
      orr_buf_putc(out, ',');
    else
      orr_buf_reserve(out, USUAL_BYTES);
    if (orr_shape_put(shape, house->ids, statement, &reading->cursor, out, &reading->err)) return -1;
    orr_read_cell(&reading->cursor, 0, last);
  }
  return got < 0 ? -1 : count;
}

static int push_json(lua_State *L, int limit, bool many) {
  struct reading reading;
  struct orr_buf out = {0};
  struct orr_cell last = {.kind = ORR_CELL_NULL};
  struct orr_shape *shape = orr_check_shape(L, 1);
  begin(L, 2, &reading);
  int count = put_rows(L, shape, &reading, limit, &out, &last);
  int64_t key = last.kind == ORR_CELL_INT ? last.integer : 0;
  bool enough = out.size >= ENOUGH_BYTES;
  orr_read_end(&reading.cursor);
  if (count < 0) {
    orr_buf_free(&out);
    return luaL_error(L, "%s", reading.err.text);
  }
  if (!many && count == 0) return 0;
  orr_push_buf(L, &out);
  if (!many) return 1;
  lua_pushinteger(L, count);
  lua_pushinteger(L, key);
  lua_pushboolean(L, enough);
  return 4;
}

static int l_json(lua_State *L) { return push_json(L, 1, false); }
static int l_json_rows(lua_State *L) { return push_json(L, 1000000, true); }

int orr_bind_db(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"statement", l_statement}, {"value", l_value},         {"row", l_row},       {"rows", l_rows},
      {"json", l_json},           {"json_rows", l_json_rows}, {"change", l_change}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
