/* Calls of a plug-in's verbs, made by the control worker's Lua. See call.c for what Lua sees. */
#pragma once
#include "bind/house.h"
#include "sched/resource.h"

/* Sends a call with the request at `index`, and pushes its box. `*hanging` counts the calls that were given up
   and have not come home yet; it must outlive the loop. */
int orr_call_begin(lua_State *L, struct orr_resource *resource, enum orr_verb verb, int index,
                   lua_Integer timeout_ms, int *hanging);
