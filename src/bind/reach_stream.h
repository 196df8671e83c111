/* The output of an errand, as it comes: see reach_stream.c. */
#pragma once
#include "script/lua.h"
#include "transport/errand.h"

/* Starts the errand and pushes its stream. → 1 */
int orr_reach_stream(lua_State *L, struct orr_loop *loop, const struct orr_errand_options *options);
