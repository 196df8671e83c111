-- Colours, for states alone, and only for eyes: on a terminal, unless NO_COLOR is set.
local terminal = require "house.terminal"

local style = {}

local green, red, yellow, cyan, dim = "32", "31", "33", "36", "2"

local colour_of = {
  COMPLETED = green, FAILED = red, CANCELED = yellow, ACTIVE = cyan, SUSPENDED = yellow, HELD = yellow,
  NEW = dim, PENDING = dim, QUEUED = dim,
  ENABLED = green, DISABLED = red, DELIVERED = green,
  up = green, degraded = yellow, down = red, starting = dim,
}

---@param fd integer where it will be written
function style.wanted(fd)
  return terminal.is_terminal(fd) and (os.getenv "NO_COLOR" or "") == "" and os.getenv "TERM" ~= "dumb"
end

---The text in the colour of a state; without one, or when colours are not wanted, the text itself.
function style.state(state, shown, wanted)
  local colour = wanted and colour_of[state]
  return colour and ("\27[%sm%s\27[0m"):format(colour, shown) or shown
end

return style
