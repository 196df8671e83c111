/* `each` for Lua plug-ins: several things side by side within one verb. */
#pragma once
#include "script/lua.h"

/* each(list, fn, most) runs fn(item, i) for every item as a task of its own, at most so many (default 8) at a time, and
   waits until all have ended. When one throws, no more are begun, and each throws it on. */
int orr_l_each(lua_State *L);
