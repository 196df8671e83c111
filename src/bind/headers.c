#include "bind/headers.h"

#include <ctype.h>
#include <string.h>

const char *const *orr_header_lines(lua_State *L, int index) {
  if (lua_getfield(L, index, "headers") == LUA_TNIL) return NULL;
  int table = lua_gettop(L), count = 0;
  luaL_checktype(L, table, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) count++;
  const char **lines = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *lines, 0);
  luaL_checkstack(L, count + 4, "too many headers");
  count = 0;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lines[count++] = lua_pushfstring(L, "%s: %s", luaL_checkstring(L, -2), luaL_checkstring(L, -1));
    lua_replace(L, -2); /* the line takes the value's place … */
    lua_insert(L, -2);  /* … below the key, which lua_next needs on the top */
  }
  lines[count] = NULL;
  return lines;
}

void orr_push_headers(lua_State *L, struct orr_buf *head) {
  lua_newtable(L);
  char *line = (char *)orr_buf_text(head), *end;
  for (; (end = strstr(line, "\r\n")); line = end + 2) {
    char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon) continue;
    for (char *c = line; c < colon; c++) *c = (char)tolower((unsigned char)*c);
    char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    lua_pushlstring(L, line, (size_t)(colon - line));
    lua_pushlstring(L, value, (size_t)(end - value));
    lua_settable(L, -3);
  }
}
