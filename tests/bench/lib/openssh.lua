-- OpenSSH's own programs, as people use them who care: one connection to a private sshd (tests/rigs), which all of them share.
local process = require "support.process"
local socket = require "socket"

local openssh = {}

local quote = process.quote

---Makes the connection, which ends when the rig does.
---@param host table support/sshd.lua's
---@return {ssh:string, scp:string, host:table} the words before a command, and before the files to copy
function openssh.share(host)
  local shared = ("-F %s -o ControlPath=%s"):format(quote(host.config), quote(host.directory .. "/client/shared"))
  host:run(("ssh %s -fNM cluster"):format(shared))
  return { ssh = ("ssh %s cluster"):format(shared), scp = "scp -q " .. shared, host = host }
end

---Submits a script to Slurm by `sbatch` there, so many at a time → jobs a second
---@param submit string the command
function openssh.submit(shared, submit, script, jobs, side_by_side)
  local path = shared.host.directory .. "/client/script"
  process.write(path, script .. "\n")
  local line = ("seq %d | xargs -P %d -I{} sh -c %s >/dev/null"):format(jobs, side_by_side,
    quote(("%s %s <%s"):format(shared.ssh, quote(submit), path)))
  local began = socket.gettime()
  shared.host:run(line)
  return jobs / (socket.gettime() - began)
end

---Copies a file there, or with `back` here → MiB a second
function openssh.copy(shared, file, megabytes, back)
  local host = shared.host
  local there, here = host:run(shared.ssh .. " mktemp"), host.directory .. "/client/copy"
  if back then host:run(("%s 'cat >%s' <%s"):format(shared.ssh, there, quote(file))) end
  local began = socket.gettime()
  host:run(back and ("%s cluster:%s %s"):format(shared.scp, there, here)
    or ("%s %s cluster:%s"):format(shared.scp, quote(file), there))
  local took = socket.gettime() - began
  host:run(("cmp %s %s && %s rm %s && rm -f %s"):format(quote(file), back and here or there, shared.ssh, there, here))
  return megabytes / took
end

---Milliseconds that a shell command takes, one after the other: the mean of so many.
function openssh.each_ms(count, command)
  local began = socket.gettime()
  local code, output = process.run(("for i in $(seq %d); do %s </dev/null >/dev/null || exit 1; done"):format(count, command))
  assert(code == 0, output)
  return (socket.gettime() - began) * 1000 / count
end

return openssh
