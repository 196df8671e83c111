-- What an answer that is none means for the user: a sentence, and the exit code that goes with it.
local exit = require "orrery.cli.exit"
local json = require "house.json"
local server = require "orrery.cli.server"

local refusal = {}

---What a problem document says: a line for each error, or the one sentence about all.
function refusal.text(body, status)
  local problem = json.decode(body)
  if type(problem) ~= "table" or not problem.title then return ("the server answered %d"):format(status) end
  local lines = {}
  for _, inner in ipairs(problem.errors or {}) do
    lines[#lines + 1] = ("%s%s%s"):format(inner.pointer, inner.pointer ~= "" and ": " or "", inner.detail)
  end
  lines[1] = lines[1] or tostring(problem.detail or problem.title)
  if status >= 500 and problem.request_id then
    lines[1] = ("%s (request %s, see the server's log)"):format(lines[1], problem.request_id)
  end
  return table.concat(lines, "\n")
end

---Ends the command: nobody answers.
---@param where table the server, as server.find gives it
function refusal.no_answer(where, sentence)
  exit.fail(exit.UNAVAILABLE, "no server answers at %s: %s. Start one with `%s serve`, or name another with "
    .. "--server", where.url, sentence, server.program)
end

---Ends the command: the answer is no.
function refusal.fail(where, status, body)
  if status == 401 then
    exit.fail(exit.DENIED, "the server at %s %s", where.url, where.token
      and "refused the token from " .. where.token_from or "needs a token: give --token-file or ORRERY_TOKEN")
  end
  local code = exit.FAILED
  if status == 403 then code = exit.DENIED end
  if status == 400 or status == 413 or status == 422 then code = exit.DATA end
  if status >= 500 then code = exit.UNAVAILABLE end
  exit.fail(code, "%s", refusal.text(body, status))
end

return refusal
