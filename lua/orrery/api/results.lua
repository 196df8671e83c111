-- The results of a simulation: a row for each job, its parameters beside what came of it; JSON pages, or CSV at once.
local json = require "house.json"
local task = require "house.task"
local access = require "orrery.api.access"
local answer = require "orrery.api.answer"
local ids = require "house.ids"
local jobs = require "orrery.data.jobs"
local visible = require "orrery.data.visible"

local PAGE = 500 -- rows of CSV written at a time

local _, cut = answer.shapes { { "job_id", "id" }, { "name", "text" }, { "parameters", "json" }, { "state", "text" },
  { "exit_code", "int" }, { "wall_seconds", "real" }, { "results", "json" } }

local function as_json(context, simulation)
  local after, descending, limit = answer.page(context.query)
  local page = descending and jobs.results_newest_first or jobs.results
  return answer.list_between(cut(context.query.fields), limit, visible.segments(after, descending), page, simulation.key)
end

-- CSV (RFC 4180). A text that a spreadsheet would take for a formula is given a quote in front.
local function cell(value)
  if value == nil or value == json.null then return "" end
  if type(value) ~= "string" then return tostring(value) end
  if value:find "^[=+@\t\r-]" and not tonumber(value) then value = "'" .. value end
  if value:find '[",\r\n]' then return '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local function sorted_keys(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function rows_after(simulation, after)
  local rows = visible.rows(jobs.results, visible.segments(after), PAGE, simulation.key)
  for _, row in ipairs(rows) do
    row.parameters = row.parameters and json.decode(row.parameters) or {}
    row.results = row.results and json.decode(row.results) or {}
  end
  return rows
end

-- The columns are those that any row has, so the rows are gone through twice.
local function columns_of(simulation)
  local parameters, results, after = {}, {}, 0
  repeat
    local rows = rows_after(simulation, after)
    for _, row in ipairs(rows) do
      for name in pairs(row.parameters) do parameters[name] = true end
      for name in pairs(row.results) do results[name] = true end
      after = row.job_id
    end
    task.sleep(0) -- others' requests find their turn
  until #rows < PAGE
  return sorted_keys(parameters), sorted_keys(results)
end

local function as_csv(context, simulation)
  local request = context.request
  local parameters, results = columns_of(simulation)
  local header = { "job_id", "name" }
  for _, name in ipairs(parameters) do header[#header + 1] = cell(name) end
  for _, name in ipairs { "state", "exit_code", "wall_seconds" } do header[#header + 1] = name end
  for _, name in ipairs(results) do header[#header + 1] = cell(name) end
  request:begin(200, 'Content-Type: text/csv; charset=utf-8\r\nContent-Disposition: attachment; filename="results.csv"\r\n')
  local lines, after = { table.concat(header, ",") }, 0
  repeat
    local rows = rows_after(simulation, after)
    for _, row in ipairs(rows) do
      local line = { ids.text(row.job_id), cell(row.name) }
      for _, name in ipairs(parameters) do line[#line + 1] = cell(row.parameters[name]) end
      line[#line + 1], line[#line + 2], line[#line + 3] = row.state, cell(row.exit_code), cell(row.wall_seconds)
      for _, name in ipairs(results) do line[#line + 1] = cell(row.results[name]) end
      lines[#lines + 1] = table.concat(line, ",")
      after = row.job_id
    end
    lines[#lines + 1] = ""
    if not request:write(table.concat(lines, "\r\n")) then return end
    lines = {}
    task.sleep(0)
  until #rows < PAGE
end

local function get(context, id)
  local simulation = access.simulation(context, id)
  local accepted = context.request:header "accept" or ""
  if context.query.format == "csv" or (not context.query.format and accepted:find("text/csv", 1, true)) then
    return as_csv(context, simulation)
  end
  return as_json(context, simulation)
end

return {
  { method = "GET", path = "/v1/simulations/{id}/results", rpc = "simulations.results",
    summary = "Parameters and outcomes, a row for each job", handler = get, response = "list",
    query = answer.list_query { format = { type = "text", choices = { "json", "csv" }, help = "csv: all rows at once",
      not_rpc = "an answer over the bus is JSON" } } },
}
