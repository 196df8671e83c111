-- What a resource may say for itself, whatever its scheduler: in the configuration, over REST, on the command line. `options`
-- goes to the plug-in, which checks it.
local value = require "orrery.core.config.value"

local resource = {}

local CHANNELS, FILE_CHANNELS = 8, 2
local MAPPED_BASE = "${home}/.orrery/jobs"

resource.keys = {
  { "scheduler", "text", nil, required = true, help = "the plug-in, such as local" },
  { "run_as", "choice", "service", choices = { "service", "sudo", "login" },
    help = "whose jobs they are there. service: one account's, the server's own user or whom ssh logs in; sudo: each user's own "
      .. "account, by sudo -n -u where the commands run; login: the same, by an ssh login of each account" },
  { "operator", "account", nil,
    help = "the account for what only an operator of the scheduler may do, such as to suspend (default: the job's own)" },
  { "ssh.host", "host", nil, help = "the scheduler's commands run there, and files are there (default: here)" },
  { "ssh.user", "account", nil, help = "who logs in, but for run_as = \"login\" (default: what ssh's configuration says)" },
  { "ssh.port", "integer", nil, min = 1, max = 65535, help = "where sshd listens (default: what ssh's configuration says)" },
  { "ssh.config", "path", nil, help = "the file for ssh -F (default: the user's and the system's)" },
  { "ssh.channels", "integer", CHANNELS, min = 2, max = 100,
    help = "commands and files at once over one connection; sshd's MaxSessions must be larger" },
  { "ssh.file_channels", "integer", nil, min = 1, max = 99,
    help = "at most so many of them for files, at least one less than ssh.channels (default: 2, or all but one)" },
  { "ssh.connect_ms", "integer", 20000, min = 100, max = 600000, help = "time that a connection may take to come about" },
  { "ssh.idle_ms", "integer", 600000, min = 1000, max = 86400000, help = "a connection not used for so long is closed" },
  { "ssh.login", "boolean", false,
    help = "true: commands run in a login shell, where only profiles set the PATH to the scheduler's" },
  { "environment", "variables", nil,
    help = "variables that the scheduler's commands get, such as PATH, SLURM_CONF or PBS_CONF_FILE" },
  { "base", "base", nil,
    help = "where attempts get their directories; ${home} and ${account} are those of the account that runs the job (default: "
      .. "DATA/jobs; with ssh, or run_as other than service: ${home}/.orrery/jobs)" },
  { "max_submitted", "integer", nil, min = 1, max = 1000000,
    help = "jobs handed over at once (default: the plug-in's)" },
  { "max_submitted_per_owner", "integer", nil, min = 1, max = 1000000, help = "the same of one owner's (default: no limit)" },
  { "submissions_per_minute", "integer", nil, min = 1, max = 1000000,
    help = "submissions at most, an array being one, a tenth of them at once (default: no limit)" },
  { "poll_ms", "integer", 5000, min = 100, max = 600000, help = "time between two looks at live jobs" },
  { "timeout_ms", "integer", 30000, min = 100, max = 600000, help = "time a verb may take" },
  { "lost_ms", "integer", 60000, min = 100, max = 86400000,
    help = "time a job may be missing, while the scheduler answers, before it is given up" },
  { "stuck_ms", "integer", 600000, min = 100, max = 604800000,
    help = "time a job may be stuck, that is, never start by itself as its scheduler says, before it is given up" },
  { "status", "choice", nil, choices = { "builtin", "external" },
    help = "who says how it is: its plug-in, or the service \"resource-status\" on the bus (default: resource_status.service)" },
  { "options", "options", nil, help = "the plug-in's own" },
}

---Whether a text can be the name of an account.
function resource.is_account(text) return value.is("account", text) end

---Whether its jobs run as accounts of their owners'.
function resource.maps(settings) return settings.run_as == "sudo" or settings.run_as == "login" end

---Whether its jobs' files are another machine's, or another account's.
function resource.is_elsewhere(settings) return settings.ssh ~= nil and settings.ssh.host ~= nil or resource.maps(settings) end

-- What fits together --------------------------------------------------------------------------------------------------

-- These functions give nothing back, or the path of a setting and what is wrong with it, or what would be right.

local function host_of(given) return given.ssh and given.ssh.host end

local function without_host(given)
  local names = {}
  for name in pairs(given.ssh or {}) do names[#names + 1] = name end
  table.sort(names)
  if #names > 0 and not host_of(given) then
    return "ssh." .. names[1], "needs ssh.host beside it: the host that ssh is to reach"
  end
  if given.run_as == "login" and not host_of(given) then
    return "run_as", "is login, which needs ssh.host, where the accounts log in; where commands run here, let it be sudo"
  end
end

-- Its supervisor is one for all, and starts jobs as the user that it runs as itself.
local function of_local(given)
  if given.scheduler ~= "local" then return end
  local path = resource.maps(given) and "run_as" or host_of(given) and "ssh.host" or given.operator and "operator"
  if path then
    return path, "cannot be with the scheduler local, which runs jobs on this machine as the server's own user; leave it out, or "
      .. "choose another scheduler"
  end
end

local function of_operator(given)
  if given.operator == "root" then
    return "operator", "is root, which nothing is done as here; name the scheduler's own account, such as slurm"
  elseif given.operator and not resource.maps(given) then
    return "operator", "needs run_as = sudo or login, by which another account's commands are run"
  end
end

local function of_channels(given)
  local channels = given.ssh and given.ssh.channels or CHANNELS
  if given.ssh and given.ssh.file_channels and given.ssh.file_channels >= channels then
    return "ssh.file_channels", ("must be at least one less than ssh.channels, which is %d: commands need one, too")
      :format(channels)
  end
end

local function of_base(given)
  local base, mapped = given.base, resource.maps(given)
  if not base then return end
  for name in base:gmatch "%${([^}]*)}?" do
    if name ~= "home" and name ~= "account" then
      return "base", ("has ${%s} in it, which means nothing here; ${home} and ${account} do"):format(name)
    end
  end
  local from_home = base:find "^%${home}/" or base == "${home}"
  if not from_home and base:find "^%$" or (mapped or host_of(given)) and not from_home and base:sub(1, 1) ~= "/" then
    return "base", "must be an absolute path, or begin with ${home}/"
  elseif base:find("${home}", 2, true) then
    return "base", "has ${home} in it, which is an absolute path and can only stand at the beginning"
  elseif base:find("${account}", 1, true) and not mapped then
    return "base", "has ${account} in it, which needs run_as = sudo or login: here all jobs run as one account"
  end
end

---What does not fit together in settings that are right one by one.
---@param given table settings, without the defaults
---@return string|nil path
---@return string|nil detail
function resource.contradiction(given)
  for _, check in ipairs { without_host, of_local, of_operator, of_channels, of_base } do
    local path, detail = check(given)
    if path then return path, detail end
  end
end

---Fills in the defaults that follow from other settings. What has no ssh.host has no ssh.
---@param absolute fun(path:string):string of a path on this machine
function resource.complete(settings, data, absolute)
  local ssh = settings.ssh
  if not ssh.host then settings.ssh = nil
  else
    ssh.file_channels = ssh.file_channels or math.min(FILE_CHANNELS, ssh.channels - 1)
    ssh.config = ssh.config and absolute(ssh.config)
  end
  local elsewhere = resource.is_elsewhere(settings)
  local base = settings.base or elsewhere and MAPPED_BASE or data .. "/jobs"
  settings.base = base:find "^%$" and base or absolute(base)
  return settings
end

-- As a schema ---------------------------------------------------------------------------------------------------------

local function text(kind)
  local rule = value.texts[kind]
  return { type = "text", min = 1, max = rule.max, line = true, pattern = rule[1], format = rule[2] }
end

local schemas = {
  text = function() return { type = "text", min = 1, max = 256, line = true } end,
  path = function() return { type = "text", max = 4096, line = true, pattern = "^/", format = "an absolute path" } end,
  base = function()
    return { type = "text", max = 4096, line = true, pattern = "^[/$]",
      format = "an absolute path, or one that begins with ${home}" }
  end,
  integer = function(row) return { type = "integer", min = row.min, max = row.max } end,
  boolean = function() return { type = "boolean" } end,
  choice = function(row) return { type = "text", choices = row.choices } end,
  account = function() return text "account" end,
  host = function() return text "host" end,
  variables = function()
    local name = value.texts.variable
    return { type = "map", of = { type = "text", max = 32768 }, max = 256, key_pattern = name[1], key_format = name[2] }
  end,
  options = function() return { type = "map", of = { type = "any" }, max = 256 } end,
}

-- null goes back to the default.
local function or_null(field) return { type = "either", field, { type = "null" }, help = field.help } end

---The settings as fields of a schema (core.schema), for those that are made over REST. Those with a dot are in a group.
---@param changing boolean|nil true: of one that is there; what it drives stays the same, for its jobs are known by the native
---ids of one scheduler
function resource.fields(changing)
  local fields = {}
  for _, row in ipairs(resource.keys) do
    local field = schemas[row[2]](row)
    field.help, field.required = row.help, row.required
    local group, leaf = row[1]:match "^(.*)%.(.*)$"
    if group then
      fields[group] = fields[group] or { type = "object", fields = {}, help = "how its scheduler is reached" }
      fields[group].fields[leaf] = changing and or_null(field) or field
    elseif not changing then fields[row[1]] = field
    elseif not row.required then fields[row[1]] = or_null(field) end
  end
  if changing then
    for name, field in pairs(fields) do
      if field.type == "object" then fields[name] = or_null(field) end
    end
  end
  return fields
end

return resource
