/* Commits built by Lua; see commit.c for what Lua sees. */
#pragma once
#include "script/lua.h"

int l_change(lua_State *L);
