-- What the commands of PBS say of what administrators make (the server, queues, nodes): a line for each that begins at the edge,
-- below it its attributes.
local text = {}

---@return table[] things in the order in which they are told of; each has `name`, and its attributes
function text.things(words)
  local things, thing = {}, nil
  for line in words:gsub("\n\t", ""):gmatch "[^\n]+" do
    local name, value = line:match "^%s+([%w_.]+) = (.*)$"
    if name and thing then thing[name] = value
    elseif line:find "^%S" then
      thing = { name = line:match "^%u%l+: (%S+)" or line:match "^%S+" }
      things[#things + 1] = thing
    end
  end
  return things
end

---The jobs of a thing that are in a state, by its `state_count`.
function text.count(thing, state)
  return math.tointeger(tonumber((thing.state_count or ""):match(state .. ":(%d+)")))
end

return text
