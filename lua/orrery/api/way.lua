-- The one way that a request takes through its route, whatever brought it: principal, role, query, body, handler. A problem
-- that is raised on it is the answer.
local auth = require "orrery.api.auth"
local problem = require "orrery.api.problem"

local way = {}

---@class way.reading how what came is read; both raise what is wrong with it
---@field query fun(request, route):table<string, any>
---@field body fun(request, route):any

---Takes a request through a route → status, headers, body
---@param request table what handlers ask: method, path, id, header, body, aborted; of HTTP src/bind/request.c
---@param reading way.reading
---@param route api.route
---@param ... string what the path captured
function way.run(request, reading, route, ...)
  local context = { request = request }
  if not route.open then
    context.principal = (route.identify or auth.identify)(request)
    if route.role then auth.require_role(context.principal, route.role) end
  end
  context.query = reading.query(request, route)
  if route.body then context.body = reading.body(request, route) end
  return route.handler(context, ...)
end

-- Problems pass as they are; anything else is a defect, and the log wants to know where.
local function explain(thrown)
  if type(thrown) == "table" and thrown.problem then return thrown end
  return debug.traceback(tostring(thrown), 2)
end

---Answers a request by what a function returns, or by the problem that it raises → status, headers, body
---@param answer fun(request, ...):integer, string, string
function way.answer(request, answer, ...)
  local ok, status, headers, body = xpcall(answer, explain, request, ...)
  if ok then return status, headers, body end
  if type(status) == "table" then return problem.answer(status, request:id()) end
  error(status, 0)
end

return way
