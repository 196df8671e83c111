-- What is OpenPBS's, and PBS Professional's from 18 on: the options of its commands, the forms in which it answers, and what
-- its words and numbers mean. pbs.torque is the other of the kind.
local needs = require "pbs.needs"
local time = require "common.time"

local openpbs = { title = "OpenPBS", index = "PBS_ARRAY_INDEX" }

openpbs.fields = { "resources.gpu_cores_per_process", "resources.exclusive_node_use", "attributes.reservation_id" }

-- Failing --------------------------------------------------------------------------------------------------------

openpbs.down = { "Connection refused", "cannot connect to server", "Couldn't connect to cluster", "pbsconf error",
  "End of File", "Premature end of message", "Batch protocol error", "Connection reset", "Connection timed out", "Broken pipe",
  "No route to host", "Network is", "PBS server internal error", "System error", "Server shutting down" }
openpbs.unasked = { "Connection refused", "cannot connect to server", "Couldn't connect to cluster", "pbsconf error" }
openpbs.busy = { "would exceed", "Maximum number of jobs already in", "Queue is not enabled", "No free connections",
  "Server connection table full", "Resource temporarily unavailable", "Server could not connect to MOM" }

-- Numbers of errors, modulo 256. The words that come with a refusal may be those of the refusal before.
openpbs.codes = {}
for class, codes in pairs {
  rejected = "3 4 5 6 12 35 153 154 155 156 159 166 167 168 170 174 175 187 188 191 201 206",
  busy = "13 38 173 185 196 198 222",
  down = "162 163 183 212",
} do
  for code in codes:gmatch "%d+" do openpbs.codes[tonumber(code)] = class end
end

-- Lines by which qstat says of one job that it does not know it, or does not any more.
openpbs.unknown = { "^qstat: Unknown Job Id%s+(%S+)$", "^qstat: Unauthorized Request%s+(%S+)$" }

-- Submitting -----------------------------------------------------------------------------------------------------

openpbs.array = "-J"
openpbs.project = "-P"

---The largest array, as the server says of itself.
function openpbs.array_size(server) return math.tointeger(tonumber(server.max_array_size)) or 10000 end

---What a job needs, as values of -l: each node is a chunk.
function openpbs.needs(r)
  local chunks = {}
  for _, kind in ipairs(needs.dealt(r)) do
    local chunk = ("%d:ncpus=%d:mpiprocs=%d"):format(kind.nodes, kind.processes * (r.cpu_cores_per_process or 1), kind.processes)
    if r.gpu_cores_per_process then chunk = ("%s:ngpus=%d"):format(chunk, kind.processes * r.gpu_cores_per_process) end
    if r.memory then chunk = ("%s:mem=%db"):format(chunk, r.memory) end
    chunks[#chunks + 1] = chunk
  end
  local place = needs.nodes(r) > 1 and "scatter" or "free"
  return { "select=" .. table.concat(chunks, "+"), "place=" .. place .. (r.exclusive_node_use and ":excl" or "") }
end

-- Steering -------------------------------------------------------------------------------------------------------

-- Jobs that a qdel is given: of several, of which the server does not know one, OpenPBS 23.06 dies.
openpbs.most_deleted = 1

-- Looking --------------------------------------------------------------------------------------------------------

---Whether the server remembers jobs that have ended. Without that nobody may ask for them: not even for those that have not.
function openpbs.remembers(server) return server.job_history_enable == "True" end

---Whether a command was refused since it does, or does not any more | nil: it was not
function openpbs.has_changed(said)
  if said.stderr:find("not configured to maintain job history", 1, true) then return false end
  if said.stderr:find("to obtain historical job information", 1, true) then return true end
end

local function add(argv, ...)
  for _, word in ipairs { ... } do argv[#argv + 1] = word end
  return argv
end

---How qstat is asked for jobs, and the mark by which what it says is told from what others wrote. Without -E it would make a
---connection for each job, of which there is room for some hundred a minute.
function openpbs.look(remembers)
  local mark = ("<%08x%08x>"):format(math.random(0, 0xffffffff), math.random(0, 0xffffffff))
  return add({ "qstat", remembers and "-x" or nil }, "-t", "-E", "-f", "-F", "dsv", "-D", mark), mark
end

-- The attributes of one job, which begin with its name; of two of one name the first is the server's.
local function attributes_of(line, mark)
  local attributes, at = {}, 1
  while at <= #line do
    local first, last = line:find(mark, at, true)
    local name, value = line:sub(at, (first or 0) - 1):match "^([%w_.]+)=(.*)$"
    if name and not attributes[name] then attributes[name] = value end
    at = (last or #line) + 1
  end
  return attributes
end

---The attributes of jobs, by id.
function openpbs.parse(text, mark)
  local jobs = {}
  for line in text:gmatch "[^\n]+" do
    local first, last = line:find(mark, 1, true)
    local id = first and line:sub(1, first - 1):match "^Job Id: (%S+)$"
    if id and line:find("^Job_Name=", last + 1) then jobs[id] = attributes_of(line:sub(last + 1), mark) end
  end
  return jobs
end

---How qselect is asked for our jobs of a name.
function openpbs.select(remembers, user, name) return add({ "qselect", remembers and "-x" or nil }, "-u", user, "-N", name) end

---The names by which the job of a tag, or an array, can be found.
function openpbs.names(tag) return { tag } end

---What they say, as a record (pbs.looking).
function openpbs.record(a)
  return { name = a.Job_Name, owner = a.Job_Owner, state = a.job_state, substate = a.substate, comment = a.comment,
    holds = a.Hold_Types, depends = a.depend, exit = a.Exit_status, hosts = a.exec_host, runs = a.run_count,
    started_at = time.asctime(a.stime), ended_at = time.asctime(a.obittime) or time.asctime(a.mtime),
    walltime = a["resources_used.walltime"], cput = a["resources_used.cput"], memory = a["resources_used.mem"],
    limit = a["Resource_List.walltime"], account = a.Account_Name, queue = a.queue }
end

-- Ends -----------------------------------------------------------------------------------------------------------

openpbs.ended = { F = true, X = true, M = true }

---What its own exit statuses, which are negative, say: the reason of an end.
openpbs.reasons = { [-24] = "LIMIT", [-25] = "LIMIT", [-26] = "OUT_OF_MEMORY", [-27] = "OUT_OF_MEMORY", [-28] = "TIMEOUT",
  [-29] = "TIMEOUT" }

---Whether a job that ended was deleted | nil: that cannot be told
function openpbs.was_deleted(record) return record.substate == "91" end

-- Nodes ----------------------------------------------------------------------------------------------------------

---The processors of a node, and how many of them are free.
function openpbs.cores(node)
  local total = math.tointeger(tonumber(node["resources_available.ncpus"])) or 0
  return total, total - (math.tointeger(tonumber(node["resources_assigned.ncpus"])) or 0)
end

return openpbs
