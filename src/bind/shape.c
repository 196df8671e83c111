/* house.shape: new{ {name, kind, column}, … } → a shape, for db.json and db.json_rows; shape:text(table)
   writes a table in the same way. The column may be left out when it has the field's name. Kinds:
     id    a key, written as UUID        born  the time in a key, written as RFC 3339
     time  wall ms, written as RFC 3339  text, int, real, bool
     json  stored JSON, as it is         map   the same, but NULL is written {}
     spec  a job's specification: the column itself, or the column `template` filled with `parameters`
   A NULL column is written null; a field whose column the statement lacks is left out. */
#include "bind/shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/template.h"
#include "bind/cell.h"
#include "bind/tables.h"

static const char NAME[] = "orrery.shape";

enum kind { ID, TEXT, INT, REAL, BOOL, TIME, JSON, MAP, BORN, SPEC };
static const char *const kind_names[] = {"id",   "text", "int",  "real", "bool", "time",
                                         "json", "map",  "born", "spec", NULL};

struct field {
  char *column;
  char *empty; /* the whole field where its column is NULL: `,"name":null` */
  size_t empty_size;
  size_t lead_size; /* of it, up to the value */
  enum kind kind;
};

struct orr_shape {
  struct field *fields;
  int count;
  /* Which column each field takes, for the statement met last: a worker uses a shape with one statement
     mostly. */
  int statement;
  int *columns;
  int template, parameters;
};

struct orr_shape *orr_check_shape(lua_State *L, int index) {
  return luaL_checkudata(L, index, NAME);
}

static int l_gc(lua_State *L) {
  struct orr_shape *shape = orr_check_shape(L, 1);
  for (int i = 0; i < shape->count; i++) {
    free(shape->fields[i].column);
    free(shape->fields[i].empty);
  }
  free(shape->fields);
  free(shape->columns);
  *shape = (struct orr_shape){.statement = -1};
  return 0;
}

static void check_fields(lua_State *L, int count) {
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    luaL_argcheck(L, lua_istable(L, -1), 1, "a field is {name, kind}");
    lua_rawgeti(L, -1, 1);
    luaL_checkstring(L, -1);
    lua_rawgeti(L, -2, 2);
    luaL_checkoption(L, -1, NULL, kind_names);
    lua_rawgeti(L, -3, 3);
    luaL_optstring(L, -1, NULL);
    lua_pop(L, 4);
  }
}

static void read_field(lua_State *L, struct field *field) {
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  lua_rawgeti(L, -3, 3);
  const char *name = lua_tostring(L, -3);
  enum kind kind = (enum kind)luaL_checkoption(L, -2, NULL, kind_names);
  struct orr_buf text = {0};
  orr_buf_putc(&text, ',');
  orr_json_put_text(&text, name, strlen(name));
  orr_buf_putc(&text, ':');
  size_t lead_size = text.size;
  orr_buf_puts(&text, kind == MAP ? "{}" : "null");
  *field = (struct field){.column = orr_strdup(lua_isnil(L, -1) ? name : lua_tostring(L, -1)),
                          .empty = text.data,
                          .empty_size = text.size,
                          .lead_size = lead_size,
                          .kind = kind};
  lua_pop(L, 3);
}

static int l_text(lua_State *L);

static int l_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_rawlen(L, 1);
  check_fields(L, count);
  struct orr_shape *shape = lua_newuserdatauv(L, sizeof *shape, 0);
  *shape = (struct orr_shape){.statement = -1};
  if (luaL_newmetatable(L, NAME)) {
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    lua_pushcfunction(L, l_text);
    lua_setfield(L, -2, "text");
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  shape->fields = orr_zalloc((size_t)count * sizeof *shape->fields + 1);
  shape->columns = orr_zalloc((size_t)count * sizeof *shape->columns + 1);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 1, i + 1);
    read_field(L, &shape->fields[i]);
    shape->count = i + 1;
    lua_pop(L, 1);
  }
  return 1;
}

static int column_of(const struct orr_cursor *cursor, const char *name) {
  for (int column = 0; column < cursor->columns; column++)
    if (strcmp(orr_read_name(cursor, column), name) == 0) return column;
  return -1;
}

static void learn(struct orr_shape *shape, int statement, const struct orr_cursor *cursor) {
  for (int i = 0; i < shape->count; i++) shape->columns[i] = column_of(cursor, shape->fields[i].column);
  shape->template = column_of(cursor, "template");
  shape->parameters = column_of(cursor, "parameters");
  shape->statement = statement;
}

static int put_template(const struct orr_shape *shape, const struct orr_cursor *cursor, struct orr_buf *out,
                        struct orr_err *err) {
  struct orr_cell template, parameters;
  orr_read_cell(cursor, shape->template, &template);
  orr_read_cell(cursor, shape->parameters, &parameters);
  if (template.kind != ORR_CELL_TEXT || parameters.kind != ORR_CELL_TEXT)
    return orr_fail(err, ORR_INTERNAL, "a row has neither a specification nor a template with parameters");
  return orr_template_fill(out, template.text, template.size, parameters.text, parameters.size, err);
}

/* SQLite lets a column hold anything. */
static bool fits(enum kind kind, enum orr_cell_kind cell) {
  switch (kind) {
  case TEXT:
  case JSON:
  case MAP:
  case SPEC: return cell == ORR_CELL_TEXT;
  case REAL: return cell == ORR_CELL_REAL || cell == ORR_CELL_INT;
  default: return cell == ORR_CELL_INT;
  }
}

static int put_field(const struct field *field, const struct orr_ids *ids, const struct orr_cell *cell,
                     struct orr_buf *out, struct orr_err *err) {
  char text[40]; /* room for an id or a time */
  enum kind kind = field->kind;
  if (cell->kind == ORR_CELL_NULL) {
    orr_buf_put(out, field->empty, field->empty_size);
    return ORR_OK;
  }
  orr_buf_put(out, field->empty, field->lead_size);
  if (!fits(kind, cell->kind))
    return orr_fail(err, ORR_INTERNAL, "%s is not of kind %s", field->column, kind_names[kind]);
  switch (kind) {
  case ID:
    orr_id_text(ids, cell->integer, text);
    orr_buf_putc(out, '"');
    orr_buf_put(out, text, ORR_ID_TEXT - 1);
    orr_buf_putc(out, '"');
    break;
  case TIME:
  case BORN:
    orr_time_text(kind == BORN ? orr_id_time(cell->integer) : cell->integer, text);
    orr_buf_putc(out, '"');
    orr_buf_put(out, text, ORR_TIME_TEXT - 1);
    orr_buf_putc(out, '"');
    break;
  case TEXT: orr_json_put_text(out, cell->text, cell->size); break;
  case JSON:
  case MAP:
  case SPEC: orr_buf_put(out, cell->text, cell->size); break;
  case BOOL: orr_buf_puts(out, cell->integer ? "true" : "false"); break;
  case INT: orr_json_put_int(out, cell->integer); break;
  case REAL:
    if (cell->kind == ORR_CELL_INT)
      orr_json_put_int(out, cell->integer);
    else
      orr_json_put_real(out, cell->real);
    break;
  }
  return ORR_OK;
}

/* The fields stand there from `begin` on, each behind a comma; the first one's becomes the brace. */
static void close_object(struct orr_buf *out, size_t begin) {
  if (out->size == begin) orr_buf_putc(out, ',');
  out->data[begin] = '{';
  orr_buf_putc(out, '}');
}

int orr_shape_put(struct orr_shape *shape, const struct orr_ids *ids, int statement,
                  const struct orr_cursor *cursor, struct orr_buf *out, struct orr_err *err) {
  size_t begin = out->size;
  if (shape->statement != statement) learn(shape, statement, cursor);
  for (int i = 0; i < shape->count; i++) {
    const struct field *field = &shape->fields[i];
    struct orr_cell cell;
    if (shape->columns[i] < 0) continue;
    orr_read_cell(cursor, shape->columns[i], &cell);
    bool is_template = field->kind == SPEC && cell.kind == ORR_CELL_NULL;
    if (is_template) orr_buf_put(out, field->empty, field->lead_size);
    int code = is_template ? put_template(shape, cursor, out, err) : put_field(field, ids, &cell, out, err);
    if (code != ORR_OK) return code;
  }
  close_object(out, begin);
  return ORR_OK;
}

static int put_cells(const struct orr_shape *shape, const struct orr_ids *ids, const struct orr_cell *cells,
                     struct orr_buf *out, struct orr_err *err) {
  size_t begin = out->size;
  int code = ORR_OK;
  for (int i = 0; i < shape->count && code == ORR_OK; i++)
    code = put_field(&shape->fields[i], ids, &cells[i], out, err);
  close_object(out, begin);
  return code;
}

static int l_text(lua_State *L) {
  struct orr_shape *shape = orr_check_shape(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, shape->count + 2, "too many fields");
  struct orr_cell *cells = lua_newuserdatauv(L, (size_t)(shape->count + 1) * sizeof *cells, 0);
  for (int i = 0; i < shape->count; i++) {
    lua_getfield(L, 2, shape->fields[i].column); /* stays, so that a text does */
    orr_to_cell(L, -1, &cells[i]);
  }
  struct orr_buf out = {0};
  struct orr_err err;
  if (put_cells(shape, orr_house_of(L)->ids, cells, &out, &err) == ORR_OK) return orr_push_buf(L, &out);
  orr_buf_free(&out);
  return luaL_error(L, "%s", err.text);
}

int orr_bind_shape(lua_State *L) {
  static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
