-- How PBS itself is: its server, its queues and its nodes, as a resource status (schedulers/README.md).
local text = require "pbs.text"
local time = require "common.time"

local standing = {}

---The server, as it tells of itself.
---@return table|nil server
---@return table|nil failure
function standing.server(self)
  local result, failure = self.run { "qstat", "-B", "-f" }
  if not result then return nil, failure end
  local server = text.things(result.stdout)[1]
  if not server then return nil, { class = "unavailable", message = "qstat -B says nothing of a server" } end
  return server
end

local function state_of(queue)
  if queue.enabled ~= "True" then return queue.started == "True" and "disabled" or "closed" end
  return queue.started == "True" and "started" or "stopped"
end

local function queues(self)
  local result, failure = self.run { "qstat", "-Q", "-f" }
  if not result then return nil, failure end
  local list = {}
  for i, queue in ipairs(text.things(result.stdout)) do
    list[i] = { name = queue.name, state = state_of(queue), max_duration = time.span(queue["resources_max.walltime"]),
      max_jobs = math.tointeger(tonumber(queue.max_queuable)), pending = text.count(queue, "Queued") }
  end
  return list
end

-- Whether a node takes jobs: its state is several words.
local function is_up(node)
  local state = node.state or "down"
  return not (state:find "down" or state:find "offline" or state:find "unknown")
end

-- Adds the nodes to a status. Where pbsnodes does not answer they are left out.
local function count_nodes(self, status)
  local result = self.run { "pbsnodes", "-a" }
  if not result then return end
  status.nodes_total, status.nodes_free, status.cores_total, status.cores_free = 0, 0, 0, 0
  for _, node in ipairs(text.things(result.stdout)) do
    local total, free = self.flavour.cores(node)
    status.nodes_total, status.cores_total = status.nodes_total + 1, status.cores_total + total
    if is_up(node) then
      status.cores_free = status.cores_free + free
      if total > 0 and free == total then status.nodes_free = status.nodes_free + 1 end
    end
  end
end

---@return table|nil status
---@return table|nil failure
function standing.status(self)
  local server, failure = standing.server(self)
  if not server then return nil, failure end
  local status = { state = "up", pending = text.count(server, "Queued") }
  if server.scheduling == "False" then status.state, status.message = "degraded", "PBS is told to start no jobs" end
  status.queues, failure = queues(self)
  if not status.queues then return nil, failure end
  count_nodes(self, status)
  return status
end

return standing
