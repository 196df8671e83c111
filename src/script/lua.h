/* The one door to Lua's own headers. Our own C functions for Lua are called l_something, never lua_something.
 */
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
