-- The types of events, and the states that some lead to, as bits: so whoever filters many events compares numbers.
local names = require "orrery.core.event.names"
local states = require "orrery.core.job.states"

local bits = {}

---The names of states, as a filter may have them.
bits.states = states.all

local function bit_of_each(list)
  local bit_of = {}
  for i, name in ipairs(list) do bit_of[name] = 1 << (i - 1) end
  return bit_of
end

local type_bits, state_bits = bit_of_each(names.all), bit_of_each(bits.states)

---@param list string[]|nil
local function all_of(bit_of, list)
  local all = 0
  for _, name in ipairs(list or {}) do all = all | bit_of[name] end
  return all
end

---@param list string[]|nil names of types and kinds (event.names)
function bits.of_types(list) return all_of(type_bits, list and names.types_of(list)) end
function bits.of_states(list) return all_of(state_bits, list) end

---The bits of an event's row: its type's, and that of the state of a job or a simulation that it leads to.
---@return integer type
---@return integer state 0: none
function bits.of(row)
  local led = row.data and row.type:find "%.state$" and row.data:match '"to":"([%u_]+)"'
  return type_bits[row.type] or 0, led and state_bits[led] or 0
end

return bits
