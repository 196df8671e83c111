-- Taking events out of the log: one whose row was tampered with goes like the others.
local sqlite = require "support.sqlite"
sqlite.statements()
package.loaded["orrery.data.keeping"] = nil
local keeping = require "orrery.data.keeping"

describe("old events", function()
  it("go, whatever is in their data", function()
    local database = sqlite.new()
    database:run "INSERT INTO jobs(key, simulation, owner, state) VALUES(12, 1, 'ada', 'PENDING');\n"
    for _, data in ipairs { "{", "", "7", '{"count":"x"}', '{"count":3}' } do
      database:run(("INSERT INTO events(at, type, job, data) VALUES(1, 'jobs.created', 9, '%s');\n"):format(data))
    end
    keeping.remove({ add = function(_, sql, _, ...) database:with(sql, { ... }) end }, 1, 5)
    assert.equal("0\n", database:run "SELECT count(*) FROM events;\n")
    database:remove()
  end)
end)
