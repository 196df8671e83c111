-- A private RabbitMQ (tests/rigs/rabbitmq) for specs. Beside what every rig does: rig:freeze "broker", rig:kill "broker",
-- rig:revive(), rig:run "rabbitmqctl -q …".
local process = require "support.process"
local rig = require "support.rig"

local rabbitmq = {}

function rabbitmq.start()
  local it = rig.start("rabbitmq", nil, { broker = "rabbitmq.pid" })
  local variables = it:variables()
  it.port, it.tls_port = tonumber(variables.RABBITMQ_HOST_PORT), tonumber(variables.RABBITMQ_TLS_PORT)
  it.url = variables.RABBITMQ_URL
  it.tls_url = ("amqps://orrery:secret@localhost:%d/%%2Forrery"):format(it.tls_port)
  it.ca_file = it.directory .. "/tls/cert.pem"
  return it
end

---Lets the broker end in order; rig:revive starts it again.
function rabbitmq.shut_down(it)
  local pid = it:pid "broker"
  process.run("kill -TERM " .. pid)
  process.eventually("the end of the broker", function() return process.run(("grep -qs '^State:[[:space:]]*[^ZX]' /proc/%d/status")
    :format(pid)) ~= 0 end)
end

return rabbitmq
