-- `orrery cancel`, `suspend`, `resume`, `hold`, `release`, `delete`: the same for a job and for a whole simulation. An
-- id does not tell which of the two it is, so both are tried.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

local collections = { { "/v1/jobs", "job" }, { "/v1/simulations", "simulation" } }

local refusals = { [404] = true, [409] = true, [410] = true }

-- Asks for one id → true, what it is, the answer | false, the sentence of the refusal
local function ask(opened, id, verb)
  local status, answer, body
  for _, collection in ipairs(collections) do
    local path = session.path(collection[1], id)
    if verb == "delete" then
      status, answer, body = opened:delete(path, refusals)
    else
      status, answer, body = opened:post(path .. "/" .. verb, nil, refusals)
    end
    if not refusals[status] then return true, collection[2], body end
    if status ~= 404 then return false, answer.detail or answer.title end
  end
  return false, "there is neither a job nor a simulation with this id"
end

---@param verb string as in the path of the request
---@param done string what to say of it, "cancel requested"
return function(verb, summary, done)
  return {
    name = verb,
    summary = summary,
    client = true,
    declare = function(command)
      command:argument("id", "ids of jobs or of simulations"):argname "ID":args "+"
    end,
    run = function(arguments)
      local opened, code = session.open(arguments), exit.OK
      for _, id in ipairs(arguments.id) do
        local fine, what, body = ask(opened, id, verb)
        if not fine then
          out.say(text.clean(("orrery: %s: %s"):format(id, what)))
          code = exit.FAILED
        elseif arguments.json and body ~= "" then
          out.json(body)
        elseif not arguments.json then
          out.line(text.clean(("%s %s: %s"):format(what, id, done)))
        end
      end
      return code
    end,
  }
end
