-- The types of events, and the states that some lead to, as bits: so whoever filters many events compares numbers.
local states = require "orrery.core.job.states"
local types = require "orrery.core.event.types"

local bits = {}

---The names, as a filter may have them.
bits.types, bits.states = {}, states.all
for name in pairs(types) do bits.types[#bits.types + 1] = name end
table.sort(bits.types)

local function bit_of_each(names)
  local bit_of = {}
  for i, name in ipairs(names) do bit_of[name] = 1 << (i - 1) end
  return bit_of
end

local type_bits, state_bits = bit_of_each(bits.types), bit_of_each(bits.states)

---@param names string[]|nil
local function all_of(bit_of, names)
  local all = 0
  for _, name in ipairs(names or {}) do all = all | bit_of[name] end
  return all
end

function bits.of_types(names) return all_of(type_bits, names) end
function bits.of_states(names) return all_of(state_bits, names) end

---The bits of an event's row: its type's, and that of the state of a job or a simulation that it leads to.
---@return integer type
---@return integer state 0: none
function bits.of(row)
  local led = row.data and row.type:find "%.state$" and row.data:match '"to":"([%u_]+)"'
  return type_bits[row.type] or 0, led and state_bits[led] or 0
end

return bits
