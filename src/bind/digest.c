/* house.digest: sha256(text) → 64 hexadecimal digits; etag(text) → an entity tag, quotes included (no secret
   in it) */
#include "base/digest.h"
#include "base/hash.h"
#include "bind/house.h"
#include "bind/tables.h"

static int l_sha256(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  char hex[65];
  orr_sha256_text(text, size, hex);
  return lua_pushlstring(L, hex, 64), 1;
}

static int l_etag(lua_State *L) {
  size_t size;
  char tag[18];
  const char *text = luaL_checklstring(L, 1, &size);
  tag[0] = tag[17] = '"';
  orr_hash_text(orr_hash(text, size), tag + 1);
  return lua_pushlstring(L, tag, sizeof tag), 1;
}

int orr_bind_digest(lua_State *L) {
  static const luaL_Reg functions[] = {{"sha256", l_sha256}, {"etag", l_etag}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
