/* Lua values and the house's values, both ways. Lists are tables with the list metatable (house.json.list),
   maps any other table with text keys; null is house.json.null. */
#pragma once
#include "base/value.h"
#include "script/lua.h"

void orr_push_value(lua_State *L, const struct orrery_value *value);
/* Copies the Lua value at `index` into `out`, in the arena. A table counts as a list when it has the list
   metatable or a member 1. What has no counterpart (a function, a cycle past the depth limit) raises a Lua
   error, and so does what would take more than `room` bytes, from which it is taken (NULL: any amount): a table
   that has one of its own in two places is small in Lua, but not here. */
void orr_to_value(lua_State *L, int index, struct orr_arena *arena, struct orrery_value *out, size_t *room);
/* The same for who owns things that an error would leak: false leaves the error on the stack, for lua_error. */
bool orr_try_value(lua_State *L, int index, struct orr_arena *arena, struct orrery_value *out, size_t *room);
/* Makes the table on the top of the stack a list. */
void orr_mark_list(lua_State *L);
bool orr_is_list(lua_State *L, int index);
