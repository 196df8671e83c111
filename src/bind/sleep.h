/* Lets the running task wait for a time: `return orr_sleep(L, loop, ms);` from a C function called by Lua. */
#pragma once
#include "loop/loop.h"
#include "script/script.h"

int orr_sleep(lua_State *L, struct orr_loop *loop, lua_Number ms);
