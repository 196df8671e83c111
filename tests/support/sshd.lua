-- A private OpenSSH server (tests/rigs/sshd) for specs, and what can go wrong with one. Its fields: `alice` and `bob`, accounts
-- that can log in, if root runs the tests; `login`, who does unless another is asked for; `config`, the clients'.
local crash = require "support.crash"
local process = require "support.process"
local rig = require "support.rig"

local sshd = {}

local quote = process.quote

---Whether it has accounts of its own.
sshd.has_accounts = process.run "[ $(id -u) = 0 ]" == 0

---@param options string|nil of the script, such as "--noisy alice"
function sshd.start(options)
  local it = rig.start("sshd", options, { sshd = "run/sshd.pid" })
  it.config = it.directory .. "/ssh_config"
  it.alice, it.bob = it:run('echo "${ALICE-} ${BOB-}"'):match "^(%S+) (%S+)$"
  it.login = it.alice or it:run "id -un"
  return it
end

-- Runs a shell command in its folder → its output.
local function within(it, command) return it:run(("cd %s && { %s; }"):format(quote(it.directory), command)) end

---Runs a shell command over a connection of its own → its exit code, its output.
function sshd.log_in(it, account, command)
  return process.run(("ssh -F %s -l %s cluster %s"):format(it.config, account, quote(command)))
end

-- The network, and clients --------------------------------------------------------------------------------------

local function pids_in(text)
  local pids = {}
  for pid in text:gmatch "%d+" do pids[#pids + 1] = tonumber(pid) end
  return pids
end

---The programs that hold a connection to it: masters, whose own clients do not.
function sshd.connected(it)
  return pids_in(within(it, [[ss -Htnp "dport = :$(sed -n 's/^Port //p' etc/sshd_config)" | grep -o 'pid=[0-9]*' || true]]))
end

---How many connections it has let in, of one account or of all.
function sshd.logins(it, account)
  local _, count = process.read(it.directory .. "/log/sshd"):gsub("Accepted publickey for " .. (account or ""):gsub("%-", "%%-"), "")
  return count
end

---Kills those that are connected → how many there were.
function sshd.kill_connected(it)
  local pids = sshd.connected(it)
  for _, pid in ipairs(pids) do crash.signal("KILL", pid) end
  return #pids
end

-- All its processes, told as the rig tells them.
local function servers(it)
  return pids_in(within(it, [[find /proc/[0-9]*/exe -lname "$PWD/bin/sshd" 2>/dev/null | cut -d/ -f3]]))
end

local function signal_all(it, name)
  for _, pid in ipairs(servers(it)) do crash.signal(name, pid) end
end

---Lets nothing through any more, on old connections and new ones, which are not closed either: to its clients it is as if
---the network stood still. Commands that run go on. A guard that lets it go on.
function sshd.freeze(it)
  signal_all(it, "STOP")
  return setmetatable({}, { __close = function() sshd.thaw(it) end })
end

function sshd.thaw(it) signal_all(it, "CONT") end

-- What it takes clients for, and they it --------------------------------------------------------------------------

-- Reads its configuration and its keys again; connections that there are keep what they have.
local function reload(it)
  local function starts()
    local _, count = process.read(it.directory .. "/log/sshd"):gsub("Server listening", "")
    return count
  end
  local before = starts()
  crash.send("HUP", it:pid "sshd")
  process.eventually("a reload of sshd", function() return starts() > before end)
end

---Gives it another key than clients know it by, as a host that was set up anew has, or one between us and the true one.
function sshd.change_host_key(it)
  within(it, "cd etc && mkdir true && mv host_key host_key.pub true && ssh-keygen -q -t ed25519 -N '' -f host_key")
  reload(it)
end

---Gives it back its own, if that was taken.
function sshd.restore_host_key(it)
  within(it, "cd etc && [ ! -e true ] || { mv true/* . && rmdir true; }")
  reload(it)
end

---Knows an account's key no longer, or again, if that was so. Connections that there are stay.
function sshd.refuse(it, account) within(it, ("mv keys/%s client"):format(account)) end
function sshd.admit(it, account) within(it, ("[ ! -e client/%s ] || mv client/%s keys"):format(account, account)) end

---Takes so many sessions on a connection, of those that are made from now on.
function sshd.limit_sessions(it, count)
  within(it, ("sed -i 's/^MaxSessions .*/MaxSessions %d/' etc/sshd_config"):format(count))
  reload(it)
end

return sshd
