/* The list of bindings, and how a failure reaches Lua. */
#include <string.h>

#include "bind/house.h"
#include "bind/tables.h"

static const struct {
  const char *name;
  lua_CFunction open;
} tables[] = {
    {"bus", orr_bind_bus},
    {"changes", orr_bind_changes},
    {"client", orr_bind_client},
    {"clock", orr_bind_clock},
    {"config", orr_bind_config},
    {"db", orr_bind_db},
    {"digest", orr_bind_digest},
    {"fetch", orr_bind_fetch},
    {"feed", orr_bind_feed},
    {"files", orr_bind_files},
    {"ids", orr_bind_ids},
    {"json", orr_bind_json},
    {"log", orr_bind_log},
    {"plugins", orr_bind_plugins},
    {"program", orr_bind_program},
    {"reach", orr_bind_reach},
    {"resources", orr_bind_resources},
    {"server", orr_bind_server},
    {"shape", orr_bind_shape},
    {"task", orr_bind_task},
    {"template", orr_bind_template},
    {"terminal", orr_bind_terminal},
};

void orr_bind_provide(struct orr_script *script, const char *const *names) {
  for (; *names; names++)
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
      if (strcmp(tables[i].name, *names) == 0) orr_script_provide(script, tables[i].name, tables[i].open);
}

int orr_push_failure(lua_State *L, const struct orr_err *err) {
  lua_pushnil(L);
  lua_pushstring(L, orr_code_name(err->code));
  lua_pushstring(L, err->text);
  return 3;
}

static int l_buf_text(lua_State *L) {
  const struct orr_buf *buf = lua_touserdata(L, 1);
  return lua_pushlstring(L, buf->size ? buf->data : "", buf->size), 1;
}

int orr_push_buf(lua_State *L, struct orr_buf *buf) {
  lua_pushcfunction(L, l_buf_text);
  lua_pushlightuserdata(L, buf);
  int status = lua_pcall(L, 1, 1, 0);
  orr_buf_free(buf);
  return status == LUA_OK ? 1 : lua_error(L);
}
