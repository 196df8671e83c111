/* Gates: tasks wait at one until another task opens it. See gate.c. */
#pragma once
#include "script/lua.h"

/* house.task.gate() → a gate, closed. */
int orr_gate_make(lua_State *L);
