-- How a command ends: the exit codes (those above 63 as sysexits has them), and `fail`, which ends a command from
-- anywhere with a sentence for the user. main.lua catches it; whatever else is thrown is a defect of ours.

local exit = {
  OK = 0,
  FAILED = 1, -- a job failed, or the server refused what was asked
  USAGE = 64, -- the command line is wrong
  DATA = 65, -- a file given to us is wrong
  NO_INPUT = 66, -- a file given to us cannot be read
  UNAVAILABLE = 69, -- there is no server, or it cannot answer now
  SOFTWARE = 70, -- a defect
  IO = 74, -- writing failed
  DENIED = 77, -- the server refused the token
  CONFIG = 78, -- the configuration is wrong
  NO_COMMAND = 127, -- a job's command could not be started
}

local failure = {}

---Ends the command.
---@param code integer
---@param format string a sentence, formatted with what follows
function exit.fail(code, format, ...)
  error(setmetatable({ code = code, sentence = select("#", ...) > 0 and format:format(...) or format }, failure), 0)
end

---The code and the sentence that `fail` was given; nothing when `thrown` comes from elsewhere.
function exit.failure(thrown)
  if getmetatable(thrown) == failure then return thrown.code, thrown.sentence end
end

---What a shell answers for a process that a signal ended.
function exit.by_signal(number) return 128 + number end

return exit
