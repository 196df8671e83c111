-- What Torque's qstat says in XML, read strictly: whatever somebody else wrote into a job stands in it as text.
local xml = {}

local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

local function plain(text)
  return (text:gsub("&(#?%w+);", function(name)
    local code = math.tointeger(tonumber(name:match "^#(%d+)$"))
    return ENTITIES[name] or code and code < 128 and string.char(code) or nil
  end))
end

-- Visits the elements of a text, each when it is closed: its depth, the names of it and of what it lies in, and its text, which
-- is nil if it has elements → whether all of it was such a text.
local function walk(text, visit)
  local names, from, at = {}, 1, 1
  while true do
    local first, last, slash, name = text:find("<([/?]?)([%a_][%w_.:-]*)[^<>]*>", at)
    if not first then return #names == 0 and not text:find("[^%s]", at) end
    if text:find("[<>]", at) ~= first then return false end
    if slash == "" then
      if #names == 0 and text:find("%S", at) ~= first then return false end
      names[#names + 1], from = name, last + 1
    elseif slash == "/" then
      if names[#names] ~= name then return false end
      visit(#names, names, from and text:sub(from, first - 1))
      names[#names], from = nil, nil
    end
    at = last + 1
  end
end

---The attributes of jobs, by id; those within another are called "resources_used.mem".
---@return table<string, table>|nil nil: it is no whole answer
function xml.jobs(text)
  local jobs, attributes = {}, {}
  local whole = walk(text, function(depth, names, value)
    if depth == 4 and value then attributes[names[3] .. "." .. names[4]] = plain(value)
    elseif depth == 3 and value then attributes[names[3]] = plain(value)
    elseif depth == 2 then
      if attributes.Job_Id then jobs[attributes.Job_Id] = attributes end
      attributes = {}
    end
  end)
  return whole and jobs or nil
end

return xml
