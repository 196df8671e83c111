/* house.template: fill(template, parameters) → the template's JSON filled with the parameters' JSON | nil,
   code, why */
#include "base/template.h"
#include "bind/house.h"
#include "bind/tables.h"

static int l_fill(lua_State *L) {
  size_t size, parameters_size;
  const char *text = luaL_checklstring(L, 1, &size), *parameters = luaL_checklstring(L, 2, &parameters_size);
  struct orr_buf out = {0};
  struct orr_err err;
  if (orr_template_fill(&out, text, size, parameters, parameters_size, &err) == ORR_OK)
    return orr_push_buf(L, &out);
  orr_buf_free(&out);
  return orr_push_failure(L, &err);
}

int orr_bind_template(lua_State *L) {
  static const luaL_Reg functions[] = {{"fill", l_fill}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
