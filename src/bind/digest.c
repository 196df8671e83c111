/* house.digest:
     sha256(text)       → 64 hexadecimal digits
     etag(text)         → an entity tag, quotes included (no secret in it)
     keyed(key, text)   → 32 bytes, the keyed SHA-256 (HMAC)
     base64(bytes)      → text
     from_base64(text)  → bytes | nil */
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

static int l_keyed(lua_State *L) {
  size_t key_size, size;
  unsigned char digest[ORR_SHA256_SIZE];
  const char *key = luaL_checklstring(L, 1, &key_size), *text = luaL_checklstring(L, 2, &size);
  orr_sha256_keyed(key, key_size, text, size, digest);
  return lua_pushlstring(L, (const char *)digest, sizeof digest), 1;
}

static int l_base64(lua_State *L) {
  size_t size;
  struct orr_buf out = {0};
  const char *bytes = luaL_checklstring(L, 1, &size);
  orr_base64_put(&out, bytes, size);
  return orr_push_buf(L, &out);
}

static int l_from_base64(lua_State *L) {
  size_t size;
  struct orr_buf out = {0};
  const char *text = luaL_checklstring(L, 1, &size);
  if (orr_base64_read(&out, text, size) == ORR_OK) return orr_push_buf(L, &out);
  orr_buf_free(&out);
  return lua_pushnil(L), 1;
}

int orr_bind_digest(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"sha256", l_sha256},           {"etag", l_etag}, {"keyed", l_keyed}, {"base64", l_base64},
      {"from_base64", l_from_base64}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
