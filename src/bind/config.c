/* house.config: the checked configuration as a table. Each state has a copy of its own; changing it changes
   nothing. */
#include "bind/house.h"
#include "bind/tables.h"
#include "bind/value.h"

int orr_bind_config(lua_State *L) {
  orr_push_value(L, orr_house_of(L)->config);
  return 1;
}
