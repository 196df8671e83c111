/* The bindings themselves: each pushes its table. Only bind.c needs them by name. */
#pragma once
#include "script/lua.h"

int orr_bind_bus(lua_State *L);
int orr_bind_changes(lua_State *L);
int orr_bind_client(lua_State *L);
int orr_bind_clock(lua_State *L);
int orr_bind_config(lua_State *L);
int orr_bind_db(lua_State *L);
int orr_bind_digest(lua_State *L);
int orr_bind_fetch(lua_State *L);
int orr_bind_feed(lua_State *L);
int orr_bind_files(lua_State *L);
int orr_bind_ids(lua_State *L);
int orr_bind_json(lua_State *L);
int orr_bind_log(lua_State *L);
int orr_bind_plugins(lua_State *L);
int orr_bind_program(lua_State *L);
int orr_bind_reach(lua_State *L);
int orr_bind_resources(lua_State *L);
int orr_bind_server(lua_State *L);
int orr_bind_shape(lua_State *L);
int orr_bind_task(lua_State *L);
int orr_bind_template(lua_State *L);
int orr_bind_terminal(lua_State *L);
