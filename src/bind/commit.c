/* A change: a commit that Lua builds and hands to the writer.
     local change = db.change()
     change:add(statement, expect, …)                  one run; `expect` rows must change (nil: any number)
     change:add_rows(statement, expect, width, cells)  a run for each `width` cells of the flat list
     change:size()                                     → statements so far
     change:commit()                                   waits → true
                                                       | nil, code, sentence, failed statement (from 1)
   A change is used up by its commit. */
#include "bind/commit.h"

#include "base/alloc.h"
#include "bind/cell.h"
#include "bind/house.h"
#include "script/task.h"

#include <stdlib.h>

static const char NAME[] = "orrery.change";

struct box {
  struct orr_commit *commit; /* NULL once it is used up */
};

struct waiting {
  struct orr_ticket ticket;
};

static struct box *check(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, NAME);
  if (!box->commit) luaL_error(L, "this change has been committed already");
  return box;
}

static int l_add(lua_State *L) {
  struct box *box = check(L);
  struct orr_cell cells[ORR_MOST_CELLS];
  int statement = (int)luaL_checkinteger(L, 2);
  int expect = (int)luaL_optinteger(L, 3, ORR_ANY);
  size_t count = orr_to_cells(L, 4, cells);
  orr_commit_add(box->commit, statement, expect, cells, count, 1);
  return 0;
}

static int l_add_rows(lua_State *L) {
  struct box *box = check(L);
  int statement = (int)luaL_checkinteger(L, 2);
  int expect = (int)luaL_optinteger(L, 3, ORR_ANY);
  lua_Integer width = luaL_checkinteger(L, 4);
  luaL_checktype(L, 5, LUA_TTABLE);
  size_t total = lua_rawlen(L, 5);
  luaL_argcheck(L, width > 0 && total % (size_t)width == 0, 5, "not a whole number of rows");
  luaL_checkstack(L, (int)width + 1, "too many columns");
  struct orr_cell *cells = lua_newuserdatauv(L, (total + 1) * sizeof *cells, 0);
  for (size_t i = 0; i < total; i++) {
    lua_rawgeti(L, 5, (lua_Integer)i + 1);
    orr_to_cell(L, -1, &cells[i]);
    lua_pop(L, 1); /* the table keeps the string alive */
  }
  orr_commit_add(box->commit, statement, expect, cells, (size_t)width, total / (size_t)width);
  return 0;
}

static int l_size(lua_State *L) { return lua_pushinteger(L, check(L)->commit->statements), 1; }

static void answered(struct orr_message *message) {
  struct orr_commit *commit = (struct orr_commit *)message;
  struct waiting *waiting = commit->user;
  lua_State *L = orr_ticket_state(waiting->ticket);
  if (L && commit->code == ORR_OK) {
    lua_pushboolean(L, true);
    orr_ticket_resume(waiting->ticket, 1);
  } else if (L) {
    orr_push_failure(L, &commit->err);
    lua_pushinteger(L, commit->failed + 1);
    orr_ticket_resume(waiting->ticket, 4);
  }
  free(waiting);
  orr_commit_destroy(commit);
}

static int l_commit(lua_State *L) {
  struct box *box = check(L);
  struct orr_ticket ticket = orr_task_wait(L);
  struct waiting *waiting = orr_alloc(sizeof *waiting);
  waiting->ticket = ticket;
  box->commit->user = waiting;
  orr_store_commit(orr_house_of(L)->store, box->commit);
  box->commit = NULL;
  return lua_yield(L, 0);
}

static int l_gc(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, NAME);
  orr_commit_destroy(box->commit);
  box->commit = NULL;
  return 0;
}

int l_change(lua_State *L) {
  static const luaL_Reg methods[] = {{"add", l_add},       {"add_rows", l_add_rows}, {"size", l_size},
                                     {"commit", l_commit}, {"__gc", l_gc},           {NULL, NULL}};
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->commit = NULL;
  if (luaL_newmetatable(L, NAME)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  box->commit = orr_commit_create(orr_house_of(L)->loop, answered, NULL);
  return 1;
}
