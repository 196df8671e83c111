-- What is Torque's: the options of its commands, the forms in which it answers, and what its words and numbers mean, of which
-- most are others than OpenPBS's. pbs.openpbs is the other of the kind.
local needs = require "pbs.needs"
local xml = require "pbs.xml"

local torque = { title = "Torque", index = "PBS_ARRAYID" }

torque.fields = { "resources.gpu_cores_per_process" }

-- Failing --------------------------------------------------------------------------------------------------------

torque.down = { "Connection refused", "cannot connect to server", "could not connect to trqauthd", "socket_connect_unix failed",
  "Unable to communicate with", "Server shutting down", "End of File", "Premature end", "Batch protocol error",
  "Connection reset", "Connection timed out", "Broken pipe", "No route to host", "Network is", "PBS server internal error",
  "System error", "Time out", "Could not connect to batch server", "trqauthd unable to authenticate", "unable to authorize user" }
torque.unasked = { "Connection refused", "cannot connect to server", "could not connect to trqauthd",
  "socket_connect_unix failed", "trqauthd unable to authenticate" }
torque.busy = { "Maximum number of jobs already in queue", "Queue is not enabled", "No free connections",
  "Resource temporarily unavailable", "currently too busy", "Server could not connect to MOM" }

-- The number of an error modulo 256: those of jobs that are too many; of connections that break, and of a server in trouble.
torque.codes = { [200] = "busy", [228] = "busy", [30] = "busy", [187] = "busy", [10] = "down", [29] = "down", [31] = "down",
  [33] = "down", [111] = "down", [164] = "down", [165] = "down", [185] = "down", [214] = "down", [237] = "down", [248] = "down",
  [249] = "down", [250] = "down", [251] = "down" }

-- Lines by which qstat says of one job that it does not know it, or that it is somebody else's.
torque.unknown = { "^qstat: Unknown Job Id Error%s+(%S+)$", "^qstat: Unknown Job Id%s+(%S+)$",
  "^qstat: Unknown Array ID%s+(%S+)$", "^qstat: Unauthorized Request%s+(%S+)$",
  "^qstat: illegally formed job identifier:%s+(%S+)$" }

-- Submitting -----------------------------------------------------------------------------------------------------

torque.array = "-t"

-- A longer script comes in pieces, of which Torque takes the first for all of it: it runs a job, and says that it refused it.
torque.longest_script = 65536

---The largest array, as the server says of itself.
function torque.array_size(server) return math.tointeger(tonumber(server.max_job_array_size)) or 10000 end

---What a job needs, as values of -l. Memory is the whole job's.
function torque.needs(r)
  local nodes = {}
  for _, kind in ipairs(needs.dealt(r)) do
    local node = ("%d:ppn=%d"):format(kind.nodes, kind.processes * (r.cpu_cores_per_process or 1))
    if r.gpu_cores_per_process then node = ("%s:gpus=%d"):format(node, kind.processes * r.gpu_cores_per_process) end
    nodes[#nodes + 1] = node
  end
  local values = { "nodes=" .. table.concat(nodes, "+") }
  if r.memory then values[2] = ("mem=%db"):format(r.memory * needs.nodes(r)) end
  return values
end

-- Looking --------------------------------------------------------------------------------------------------------

---Jobs that have ended are told of for a while like all others.
function torque.remembers() return true end
function torque.has_changed() return nil end

---How qstat is asked for jobs.
function torque.look() return { "qstat", "-t", "-x" } end

---The attributes of jobs, by id | nil: it is no whole answer
function torque.parse(text) return xml.jobs(text) end

---How qselect is asked for our jobs of a name.
function torque.select(_, user, name) return { "qselect", "-u", user, "-N", name } end

---The names by which the job of a tag, or an array, can be found: qselect knows only an array's elements, which have their own.
---The first is begun first, the last is there longest.
function torque.names(tag, size) return size and { tag .. "-1", ("%s-%d"):format(tag, size) } or { tag } end

local function milliseconds(text)
  local seconds = math.tointeger(tonumber(text))
  return seconds and seconds * 1000
end

---What they say, as a record (pbs.looking).
function torque.record(a)
  local element = a.Job_Id:match "%[(%d+)%]"
  local name = a.Job_Name or ""
  if element and name:sub(-#element - 1) == "-" .. element then name = name:sub(1, -#element - 2) end
  return { name = name, owner = a.Job_Owner, state = a.job_state, comment = a.comment, holds = a.Hold_Types, depends = a.depend,
    exit = a.exit_status, hosts = a.exec_host, runs = a.start_count, started_at = milliseconds(a.start_time),
    ended_at = milliseconds(a.comp_time) or milliseconds(a.mtime), walltime = a["resources_used.walltime"],
    cput = a["resources_used.cput"], memory = a["resources_used.mem"], limit = a["Resource_List.walltime"],
    account = a.Account_Name, queue = a.queue }
end

-- Ends -----------------------------------------------------------------------------------------------------------

torque.ended = { C = true }

---What its own exit statuses, which are negative, say: the reason of an end.
torque.reasons = { [-10] = "OUT_OF_MEMORY", [-11] = "TIMEOUT", [-12] = "TIMEOUT" }

---Whether a job that ended was deleted | nil: that cannot be told. One that ran is killed as by a signal of its owner's.
function torque.was_deleted(record)
  if not record.started_at and record.exit == "271" then return true end
end

-- Nodes ----------------------------------------------------------------------------------------------------------

---The processors of a node, and how many of them are free: each job names those that it has, "0-1,3/41.vm".
function torque.cores(node)
  local total, used = math.tointeger(tonumber(node.np)) or 0, 0
  for first, last in (" " .. (node.jobs or "")):gsub("/[^,]*", "/"):gmatch "(%d+)%-?(%d*)" do
    used = used + (math.tointeger(tonumber(last)) or math.tointeger(first)) - math.tointeger(first) + 1
  end
  return total, math.max(total - used, 0)
end

return torque
