/* Commands of Lua plug-ins: see plugin_exec.c. */
#pragma once
#include "bind/plugin_host.h"

int orr_l_exec(lua_State *L);

/* True: no command that an earlier submit of this account ran is left, be it of a server that was killed. Otherwise what
   is left is killed, and is gone soon. */
bool orr_plugin_is_quiet(const struct orr_plugin_host *host);
