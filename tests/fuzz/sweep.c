/* Fuzzing sweeps: a body is checked by the real Lua code and, when it is accepted, its first jobs are
   expanded; each of them must be a specification that its schema accepts. Nothing may throw. */
#include <stdio.h>
#include <stdlib.h>

#include "bind/house.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char code[] =
    "local json, sweep = require 'house.json', require 'orrery.core.sweep'\n"
    "local schema, spec = require 'orrery.core.schema', require 'orrery.core.job.spec'\n"
    "local template = require 'house.template'\n"
    "local function check(job, prefix) return schema.check(spec.schema, job, prefix) or "
    "spec.inconsistent(job, prefix) end\n"
    "return function(text)\n"
    "  local body = json.decode(text)\n"
    "  if body == nil then return end\n"
    "  local plan, problems = nil, schema.check(sweep.schema, body)\n"
    "  if not problems and body.sample then body.sample.seed = body.sample.seed or 7 end\n"
    "  if not problems then plan, problems = sweep.plan(body, 1000000, check) end\n"
    "  if not plan then assert(#problems > 0 and problems[1].pointer and problems[1].detail); return end\n"
    "  for i = 0, math.min(plan.jobs, 16) - 1 do\n"
    "    local parameters = sweep.job(plan, i)\n"
    "    local job = assert(json.decode((assert(template.fill(plan.template, parameters)))))\n"
    "    assert(type(job) == 'table')\n"
    "  end\n"
    "end\n";

/* One state for all inputs: it is what a worker does. */
static struct orr_script *script_once(void) {
  static struct orr_script *script;
  static struct orr_house house = {.name = "fuzz"};
  static const char *const tables[] = {"json", "template", NULL};
  if (script) return script;
  struct orr_script_options options = {.name = "fuzz", .lua_path = TEST_SOURCE_DIR "/lua", .user = &house};
  struct orr_err err;
  script = orr_script_create(&options, &err);
  orr_bind_provide(script, tables);
  lua_State *L = orr_script_state(script);
  if (luaL_loadstring(L, code) != LUA_OK || orr_script_call(script, 0, 1, &err) != ORR_OK) {
    fprintf(stderr, "%s\n", err.text);
    abort();
  }
  return script;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct orr_script *script = script_once();
  lua_State *L = orr_script_state(script);
  struct orr_err err;
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (orr_script_call(script, 1, 0, &err) != ORR_OK) {
    fprintf(stderr, "%s\n", err.text);
    abort();
  }
  lua_settop(L, 1);
  return 0;
}
