-- One value of the configuration against its row → what to keep, or what would be right. The kinds of values there are.
local broker = require "orrery.core.config.broker"
local network = require "orrery.core.config.network"

local value = {}

---"127.0.0.1:8080", "localhost:80", "[::1]:8080" → host, port
function value.address(text)
  local host, port = text:match("^([^%[%]:]+):(%d+)$")
  if not host then host, port = text:match("^%[([^%[%]]+)%]:(%d+)$") end
  port = host and math.tointeger(tonumber(port))
  if port and port <= 65535 then return host, port end
end

-- Texts that must look in some way: a pattern, and the same in words. What goes to other programs as an argument cannot begin
-- with a hyphen.
value.texts = {
  account = { "^[%a_][%w_.-]*%$?$", "an account's name: letters, digits, _, - and ., the first a letter or _", max = 64 },
  host = { "^[%w_:][%w_.:%%-]*$", "a host's name or address, or a Host of the ssh configuration; ssh.user says who logs in",
    max = 255 },
  word = { "^[%w_-]+$", "letters, digits, _ and -", max = 64 },
  variable = { "^[%a_][%w_]*$", "the name of a variable: letters, digits and _, the first no digit", max = 256 },
}

---Whether a text is of one of these kinds.
function value.is(kind, text)
  local rule = value.texts[kind]
  return type(text) == "string" and #text <= rule.max and text:find(rule[1]) ~= nil
end

local VARIABLES, VARIABLE_BYTES = 256, 32768

local function variables(given)
  if type(given) ~= "table" or #given > 0 then return nil, "a table of variables, such as { PATH = \"/usr/bin\" }" end
  local count = 0
  for name, text in pairs(given) do
    count = count + 1
    if not value.is("variable", name) then return nil, "a table whose names are names of variables" end
    if type(text) ~= "string" or text:find("\0", 1, true) or #text > VARIABLE_BYTES then
      return nil, ("a table in which %s is a text of at most %d bytes"):format(name, VARIABLE_BYTES)
    end
  end
  if count > VARIABLES then return nil, ("a table of at most %d variables"):format(VARIABLES) end
  return given
end

local kinds = {}

function kinds.integer(row, given)
  local whole = type(given) == "number" and math.tointeger(given)
  if whole and whole >= row.min and whole <= row.max then return whole end
  return nil, ("a whole number from %d to %d"):format(row.min, row.max)
end

function kinds.boolean(_, given)
  if type(given) == "boolean" then return given end
  return nil, "true or false"
end

function kinds.choice(row, given)
  for _, choice in ipairs(row.choices) do
    if given == choice then return given end
  end
  return nil, "one of " .. table.concat(row.choices, ", ")
end

local LONGEST_AWAY = 604800

function kinds.away(_, given)
  local seconds = type(given) == "number" and math.tointeger(given)
  if given == "refuse" or seconds and seconds >= 1 and seconds <= LONGEST_AWAY then return seconds or given end
  return nil, ("\"refuse\", or whole seconds from 1 to %d"):format(LONGEST_AWAY)
end

function kinds.options(_, given)
  if type(given) == "table" and #given == 0 then return given end
  return nil, "a table of named options"
end

function kinds.variables(_, given) return variables(given) end

function kinds.text(_, given)
  if type(given) == "string" and not given:find("\0", 1, true) then return given end
  return nil, "a text"
end
kinds.path, kinds.base = kinds.text, kinds.text

function kinds.broker(_, given) return broker.check(given) end

function kinds.networks(_, given)
  local right = "networks separated by commas, such as 127.0.0.0/8, 10.1.0.0/16 or fd00::/8"
  if type(given) ~= "string" then return nil, "a text: " .. right end
  local wrong = network.wrong(given)
  if wrong then return nil, ("%s; %q is none"):format(right, wrong) end
  return given
end

function kinds.delays(row, given)
  local right = ("a list of 1 to %d numbers of seconds, such as { 0, 5, 300 }"):format(row.max)
  if type(given) ~= "table" or #given < 1 or #given > row.max then return nil, right end
  for name, seconds in pairs(given) do
    if math.type(name) ~= "integer" or type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 31536000) then
      return nil, right
    end
  end
  return given
end

function kinds.address(_, given)
  if type(given) == "string" and value.address(given) then return given end
  return nil, type(given) == "string" and "HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080" or "a text"
end

for kind, rule in pairs(value.texts) do
  kinds[kind] = function(_, given)
    if value.is(kind, given) then return given end
    return nil, rule[2]
  end
end

---A value in words, for messages.
function value.describe(row, given)
  if type(given) == "table" then return "a table" end
  if type(given) ~= "string" then return tostring(given) end
  return ("%q"):format(row[2] == "broker" and broker.shown(given) or given)
end

---Checks a value.
---@param row config.key
---@return any|nil kept
---@return string|nil right what it must be
function value.check(row, given) return kinds[row[2]](row, given) end

return value
