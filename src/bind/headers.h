/* Headers of HTTP as Lua has them: a table by name. Names of those that were received are in lower case. */
#pragma once
#include "base/buf.h"
#include "script/lua.h"

/* The member `headers` of the table at `index` as lines "Name: value", ended by NULL; NULL: there is no such member. The
   array and the texts belong to Lua and stay on the stack. */
const char *const *orr_header_lines(lua_State *L, int index);
/* Pushes what stands in lines that CR LF ends each. */
void orr_push_headers(lua_State *L, struct orr_buf *head);
