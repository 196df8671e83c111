-- Webhooks: the world is told of events by requests to where users say. All that is to be done is in the store: how far the log
-- was read for whom (reading.lua), and what is to be sent when (sending.lua). So whatever ends the server, the next goes on.
local changes = require "house.changes"
local config = require "house.config"
local fetch = require "house.fetch"
local reading = require "orrery.core.webhook.reading"
local readers = require "orrery.data.readers"
local sending = require "orrery.core.webhook.sending"
local task = require "house.task"

local webhook = {}

local IDLE_MS, GATHER_MS = 1000, 20 -- commits come in crowds; one look is enough for all of a crowd

local fetcher

---@return string|nil why no requests can be made
function webhook.open()
  local opened, _, why = fetch.open(config.webhooks.allow, config.webhooks.ca_file)
  fetcher = opened
  return not opened and why or nil
end

---A task that never ends. Where there is no webhook, it does nothing but to look whether there is one.
function webhook.run()
  while true do
    local pause = IDLE_MS
    if readers.get "webhooks" then
      local more = reading.run()
      pause = more and 0 or math.min(sending.run(fetcher) or IDLE_MS, IDLE_MS)
      if more then sending.run(fetcher) end
    end
    if pause > 0 and changes.wait(pause) then task.sleep(GATHER_MS) end
  end
end

return webhook
