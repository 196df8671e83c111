-- Reading the log: what is asked is found by an index, and no more is in memory at once than may be, however large events are.
local sqlite = require "support.sqlite"
sqlite.statements()
local asked, parameters, answered
package.loaded["house.db"].rows = function(sql, ...)
  asked, parameters = sql, table.pack(...)
  return answered or {}
end
package.loaded["house.db"].row = function() return nil end
package.loaded["orrery.data.events"] = nil
local events = require "orrery.data.events"

local NULL = setmetatable({}, { __tostring = function() return "NULL" end })

describe("the log in the store", function()
  local database

  setup(function()
    database = sqlite.new()
    database:run [[
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
      INSERT INTO events(at, type, owner, simulation, job, data)
        SELECT 0, 'job.state', 'ada', 7, 9, printf('{"x":"%.*c"}', CASE WHEN i <= 200 THEN 992 ELSE 32 END, 'x') FROM n;
    ]]
  end)
  teardown(function() database:remove() end)

  local queries = {
    between = function(number, last, limit, bytes) return events.between(number, last, "ada", 7, limit, bytes) end,
    about_job = function(number, last, limit, bytes) return events.about_job(9, number, last, limit, bytes) end,
  }

  -- What a query gives: the numbers of its rows, and the one up to which they are all.
  local function answer(query, ...)
    answered = nil
    query(...)
    local values, rows = {}, {}
    for i = 1, parameters.n do values[i] = parameters[i] == nil and NULL or parameters[i] end
    for number, data in database:with(asked, values):gmatch "(%d+)|0|job.state|ada|7|9|(%b{})\n" do
      rows[#rows + 1] = { number = tonumber(number), data = data }
    end
    answered = rows
    return rows, select(2, query(...))
  end

  it("is read by number or by job, and no more is sorted than is given", function()
    answered = nil
    queries.after = function() return events.after(3, 10) end
    for name, query in pairs(queries) do
      query(1, 300, 100, 5000)
      local plan = database:run("EXPLAIN QUERY PLAN " .. asked .. ";\n")
      local sorts = select(2, plan:gsub("TEMP B%-TREE", ""))
      assert(plan:find "SEARCH events" and not plan:find "SCAN events" and sorts <= 1, name .. "\n" .. plan)
    end
    queries.after = nil
  end)

  for name, query in pairs(queries) do
    it("gives no more at once than may be in memory, but always one: " .. name, function()
      for _, case in ipairs { -- after, up to, limit, bytes: the last of the rows, how many, and up to where they are all
        { 0, 300, 100, 5000, 5, 5, 5 }, { 0, 300, 100, 5001, 6, 6, 6 }, { 0, 300, 100, 1, 1, 1, 1 },
        { 0, 4, 100, 5000, 4, 4, 4 }, { 0, 300, 3, 5000, 3, 3, 3 }, { 198, 300, 100, 5000, 275, 77, 275 },
        { 290, 310, 100, 5000, 300, 10, 310 }, { 300, 310, 100, 5000, nil, 0, 310 },
      } do
        local rows, reached = answer(query, table.unpack(case, 1, 4))
        assert.same({ case[5], case[6], case[7] }, { rows[1] and rows[#rows].number, #rows, reached })
      end
    end)
  end
end)
