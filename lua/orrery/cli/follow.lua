-- Waits for a simulation to end, by long polls that the server answers when something has changed. Outlives a restart
-- of the server.
local session = require "orrery.cli.session"
local terminal = require "house.terminal"

local WAIT_S = 25 -- proxies on the way tend to cut what is silent for longer
local PAUSE_MS = 200 -- between two answers, when jobs end faster than anybody can read
local BLIND_PAUSE_MS = 1000 -- when an answer bears no ETag, and so cannot be waited for

---@param display display
---@return table|nil simulation as it ended; nil when a signal was caught
return function(opened, id, display)
  local etag
  while true do
    local status, headers, body = opened:patiently({
      path = session.path("/v1/simulations", id), etag = etag, wait = etag and WAIT_S,
      tick = function() display:tick() end,
    }, function(sentence) display:say_trouble(sentence) end)
    if opened.caught() then return nil end
    opened:check({ [304] = true }, status, headers, body)
    if status == 200 then
      local simulation = session.decode(body)
      etag = headers.etag
      display:show(simulation.counts)
      if session.ended[simulation.state] then return simulation, body end
    end
    terminal.sleep(etag and PAUSE_MS or BLIND_PAUSE_MS)
    if opened.caught() then return nil end
  end
end
