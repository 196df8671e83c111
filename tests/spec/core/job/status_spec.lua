-- What a plug-in reports of a job: nonsense told from news, and news turned into steps.
local house = require "support.house"
local lifecycle = require "orrery.core.job.lifecycle"
local status = require "orrery.core.job.status"

-- The steps as one line: states, and when each happened.
local function steps(job, report)
  local words = {}
  for i, step in ipairs(status.steps(job, report)) do words[i] = step[1] .. (step[3] and "@" .. step[3] or "") end
  return table.concat(words, " ")
end

local function last(job, report)
  local list = status.steps(job, report)
  return list[#list][1], list[#list][2]
end

describe("status", function()
  it("a native id is one line of some bytes", function()
    for _, good in ipairs { "7", "12[3].host", ("x"):rep(1024) } do assert.is_true(status.is_native_id(good), good) end
    for _, bad in ipairs { "", "a\0b", "a\nb", ("x"):rep(1025), 7, {}, false } do assert.is_false(status.is_native_id(bad)) end
    assert.is_false(status.is_native_id(nil))
  end)

  it("news in which nothing is new makes no step", function()
    for _, state in ipairs { "QUEUED", "HELD", "ACTIVE", "SUSPENDED" } do
      assert.equal("", steps({ state = state, wanted = "RUN" }, { state = state, native_state = "x" }))
    end
  end)

  it("a start is told with its own time", function()
    assert.equal("ACTIVE@5", steps({ state = "QUEUED" }, { state = "ACTIVE", started_at = 5 }))
    assert.equal("ACTIVE", steps({ state = "QUEUED" }, { state = "ACTIVE" }))
    assert.equal("ACTIVE", steps({ state = "SUSPENDED", started_at = 5 }, { state = "ACTIVE", started_at = 5 }))
  end)

  it("a start that was not seen is told before the end", function()
    local over = { state = "COMPLETED", final = true, started_at = 5, ended_at = 9 }
    assert.equal("ACTIVE@5 COMPLETED@9", steps({ state = "QUEUED" }, over))
    assert.equal("ACTIVE@5 SUSPENDED", steps({ state = "QUEUED" }, { state = "SUSPENDED", started_at = 5 }))
    assert.equal("COMPLETED@9", steps({ state = "ACTIVE", started_at = 5 }, over))
    assert.equal("COMPLETED@9", steps({ state = "ACTIVE" }, over))
    assert.equal("CANCELED", steps({ state = "QUEUED" }, { state = "CANCELED", final = true }))
  end)

  it("no time is before the one it follows, whatever clocks say", function()
    local over = { state = "COMPLETED", final = true, started_at = 5000, ended_at = 5000 }
    assert.equal("ACTIVE@5700 COMPLETED@5700", steps({ state = "QUEUED", submitted_at = 5700 }, over))
    assert.equal("COMPLETED@6", steps({ state = "ACTIVE", started_at = 6 }, { state = "COMPLETED", final = true, ended_at = 5 }))
  end)

  it("an end that is not certain is no end", function()
    assert.equal("", steps({ state = "ACTIVE" }, { state = "COMPLETED" }))
    assert.equal("", steps({ state = "QUEUED" }, { state = "FAILED", final = false, started_at = 5 }))
  end)

  it("an end has its reason", function()
    local function ends(report, wanted)
      report.final = true
      local to, fields = last({ state = "ACTIVE", started_at = 1, wanted = wanted or "RUN" }, report)
      return to .. " " .. tostring(fields.reason)
    end
    assert.equal("COMPLETED false", ends { state = "COMPLETED", exit_code = 0 })
    assert.equal("FAILED EXIT_CODE", ends { state = "COMPLETED", exit_code = 3 })
    assert.equal("FAILED EXIT_CODE", ends { state = "FAILED" })
    assert.equal("FAILED SIGNAL", ends { state = "FAILED", signal = 9 })
    assert.equal("FAILED TIMEOUT", ends { state = "FAILED", signal = 9, reason = "TIMEOUT" })
    assert.equal("CANCELED false", ends { state = "CANCELED", reason = "SIGNAL" })
  end)

  it("what was killed because it was to be cancelled is CANCELED; what failed by itself has failed", function()
    local function ends(report)
      report.final = true
      return (last({ state = "ACTIVE", started_at = 1, wanted = "CANCEL" }, report))
    end
    assert.equal("CANCELED", ends { state = "FAILED", signal = 15 })
    assert.equal("FAILED", ends { state = "FAILED", exit_code = 2 })
    assert.equal("FAILED", ends { state = "FAILED", signal = 9, reason = "OUT_OF_MEMORY" })
    assert.equal("COMPLETED", ends { state = "COMPLETED", exit_code = 0 })
  end)

  it("what is not told clears what was told before", function()
    local _, fields = last({ state = "ACTIVE", wanted = "RUN" }, { state = "COMPLETED", final = true, exit_code = 0,
      usage = { wall_seconds = 1.5 } })
    assert.same({ false, false, 0, '{"wall_seconds":1.5}' }, { fields.message, fields.signal, fields.exit_code, fields.usage })
  end)

  it("every step from every live state is legal", function()
    for state in pairs(lifecycle.live) do
      if state ~= "STAGE_OUT" and state ~= "STAGE_IN" then
        for _, reported in ipairs { "QUEUED", "HELD", "ACTIVE", "SUSPENDED", "COMPLETED", "FAILED", "CANCELED" } do
          for _, started in ipairs { false, 5 } do
            local at = state
            for _, step in ipairs(status.steps({ state = state, wanted = "RUN" },
              { state = reported, final = true, started_at = started or nil })) do
              assert.is_true(lifecycle.legal(at, step[1]), at .. " to " .. step[1])
              at = step[1]
            end
          end
        end
      end
    end
  end)

  it("nonsense is named", function()
    local cases = {
      { 7, "a report is a number" }, { {}, "neither state nor absent nor error" }, { { state = "SLEEPING" }, "/state" },
      { { state = 7 }, "/state" }, { { state = "ACTIVE", mood = "good" }, "/mood" },
      { { state = "ACTIVE", exit_code = 1.5 }, "/exit_code" },
      { { state = "FAILED", reason = "WEATHER" }, "/reason" }, { { state = "ACTIVE", started_at = -1 }, "/started_at" },
      { { state = "ACTIVE", hosts = { "a", 2 } }, "/hosts/1" },
      { { state = "ACTIVE", usage = { wall_seconds = "long" } }, "/usage/wall_seconds" },
      { { error = {} }, nil }, { { error = { class = "sad" } }, "/error/class" }, { { absent = "yes" }, "/absent" },
      { { state = "ACTIVE", message = house.json.null }, "/message" },
    }
    for _, case in ipairs(cases) do
      local wrong = status.nonsense(case[1])
      if case[2] then assert.is_truthy(wrong and wrong:find(case[2], 1, true), tostring(wrong)) else assert.is_nil(wrong) end
    end
    for _, good in ipairs { { absent = true }, { state = "QUEUED" }, { error = { class = "busy", message = "later" } },
      { state = "COMPLETED", final = true, exit_code = 0, started_at = 1, ended_at = 2, hosts = house.json.list { "a" } } } do
      assert.is_nil(status.nonsense(good))
    end
  end)
end)

describe("what a scheduler says of itself", function()
  local function with_queue(queue) return { state = "up", queues = { queue } } end

  it("may leave out all but its state", function()
    for _, report in ipairs { { state = "up" }, { state = "down", message = "closed" }, with_queue { name = "q" },
      with_queue { name = "q", state = "open", max_duration = 60, max_jobs = 0, nodes_total = 1, nodes_free = 0, cores_total = 4,
        cores_free = 0, pending = 7 } } do
      assert.is_nil(status.nonsense_of_resource(report))
    end
  end)

  it("is checked down to its queues", function()
    for pointer, report in pairs { ["/state"] = {}, ["/queues/0/name"] = with_queue { state = "up" },
      ["/queues/0/max_duration"] = with_queue { name = "q", max_duration = "1:00" },
      ["/queues/0/max_jobs"] = with_queue { name = "q", max_jobs = -1 }, ["/queues/0/pending"] = with_queue { name = "q", pending = 1.5 },
      ["/queues/0/colour"] = with_queue { name = "q", colour = "red" }, ["/queues/0"] = with_queue "q",
      ["/cores_free"] = { state = "up", cores_free = -1 } } do
      assert.equal(pointer, status.nonsense_of_resource(report):match "^%S+")
    end
  end)
end)
