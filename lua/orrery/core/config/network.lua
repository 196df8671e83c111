-- Networks as a site writes them: 10.1.0.0/16, fd00::/8, or one address. Here they are only told from what is none, so that
-- the configuration is refused in time; src/fetch/networks.c is what looks at addresses. Pure.
local network = {}

local function whole(text, most)
  local number = text:find "^%d%d?%d?$" and math.tointeger(tonumber(text))
  return number and number <= most and number
end

local function is_ipv4(text)
  local count = 0
  for part in (text .. "."):gmatch "([^.]*)%." do
    count = count + 1
    if not whole(part, 255) or part:find "^0." then return false end
  end
  return count == 4
end

-- How many groups of 16 bits a run of them has, which may end with an IPv4 address | nil
local function groups_of(text)
  if text == "" then return 0 end
  local parts = {}
  for part in (text .. ":"):gmatch "([^:]*):" do parts[#parts + 1] = part end
  for i, part in ipairs(parts) do
    local is_tail = i == #parts and is_ipv4(part)
    if not is_tail and not part:find "^%x%x?%x?%x?$" then return nil end
    if is_tail then return i + 1 end
  end
  return #parts
end

local function is_ipv6(text)
  local before, after = text:match "^(.-)::(.*)$"
  if not before then return groups_of(text) == 8 end
  local first, last = groups_of(before), groups_of(after)
  return first ~= nil and last ~= nil and not before:find("%.") and first + last <= 7
end

function network.is(text)
  local address, bits = text:match "^([^/]+)/(%d+)$"
  address = address or text
  local most = is_ipv4(address) and 32 or is_ipv6(address) and 128
  return most and (not bits or whole(bits, most)) and true or false
end

---@return string|nil wrong the first part of a list, separated by commas or blanks, that is none
function network.wrong(list)
  for part in list:gmatch "[^,%s]+" do
    if not network.is(part) then return part end
  end
end

return network
