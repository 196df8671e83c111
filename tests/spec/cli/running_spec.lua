-- `orrery run`, `watch`, `logs`, `results` and `files`, with jobs that really run: the local scheduler.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

local LOCAL = 'resource "local" { scheduler = "local", poll_ms = 200 }\n'

describe("running from the command line", function()
  local running, folder

  setup(function()
    running, folder = server.start { resources = LOCAL }, process.temporary()
  end)
  teardown(function()
    running:stop()
    process.run("rm -rf " .. folder)
  end)

  local function orrery(arguments, options)
    local all = { server = running }
    for name, value in pairs(options or {}) do all[name] = value end
    return command.run(arguments, all)
  end

  local function write(name, value)
    process.write(folder .. "/" .. name, type(value) == "table" and http.encode(value) or value)
    return folder .. "/" .. name
  end

  local function script(text) return { executable = "/bin/sh", arguments = { "-c", text } } end

  -- The newest simulation, and its jobs.
  local function newest()
    local simulation = running:read("/v1/simulations?order=desc&limit=1").items[1]
    return simulation, running:all("/v1/jobs?simulation=" .. simulation.id)
  end

  describe("a command", function()
    it("prints what it prints and ends as it ends", function()
      local result = orrery "run -- sh -c 'echo to out; echo to err >&2; exit 3'"
      assert.equal(3, result.code)
      assert.equal("to out\n", result.out)
      assert.equal("to err\n", result.err)
    end)

    it("ends as a shell would tell of a signal, or of a command that is not there", function()
      local result = orrery "run -- sh -c 'kill -TERM $$'"
      assert.equal(143, result.code)
      assert.matches("FAILED", result.err)
      result = orrery "run -- /nonexistent/program"
      assert.equal(127, result.code)
      assert.matches("/nonexistent/program", result.err)
    end)

    it("streams while it runs, all of it, in order", function()
      local result = orrery "run -- sh -c 'seq 1 1000; sleep 0.6; seq 1001 60000'"
      local numbers = {}
      for i = 1, 60000 do numbers[i] = i end
      assert.equal(table.concat(numbers, "\n") .. "\n", result.out)
    end)

    it("takes arguments as they are", function()
      local result = orrery [[run -- printf '<%s>\n' '' 'a b' '$HOME' '"' "it's" -- --name x '*']]
      assert.equal('<>\n<a b>\n<$HOME>\n<">\n<it\'s>\n<-->\n<--name>\n<x>\n<*>\n', result.out)
    end)

    it("says what it needs", function()
      local result = orrery(("run -d --name mine --cores 1 --duration 1h30m --env A=1 --env B=x=y --priority 7 "
        .. "--not-before 2001-01-31T12:00:00Z --retries 2 "
        .. "--directory %s --stdin /dev/null -- true"):format(folder))
      assert.equal(0, result.code, result.err)
      local job = running:read("/v1/jobs/" .. result.out:match "%S+")
      assert.same({ cpu_cores_per_process = 1 }, job.spec.resources)
      assert.equal(5400, job.spec.attributes.duration)
      assert.same({ A = "1", B = "x=y" }, job.spec.environment)
      assert.equal(folder, job.spec.directory)
      assert.equal(7, job.priority)
      assert.same({ "2001-01-31T12:00:00Z", { count = 2 } }, { job.spec.not_before, job.spec.retries })
      assert.equal("mine", running:read("/v1/simulations/" .. job.simulation_id).name)
      running:job_in(job.id)
    end)

    it("is looked up from here when it has a slash", function()
      write("tool", "#!/bin/sh\necho tool $1\n")
      process.run("chmod +x " .. folder .. "/tool")
      local result = orrery("run -- ./tool 3", { before = "env -C " .. folder })
      assert.equal("tool 3\n", result.out, result.err)
    end)

    it("goes on after Ctrl-C, and can be come back to", function()
      local result = orrery("run -- sh -c 'echo begin; sleep 3; echo end; exit 4'", { before = "timeout -s INT 1" })
      assert.equal(124, result.code) -- timeout's own word for it; the program's is looked at below
      assert.equal("begin\n", result.out)
      assert.matches("The job goes on.\n  come back: %S+/orrery logs %-f %x+", result.err)
      result = orrery("logs -f " .. result.err:match "logs %-f (%S+)")
      assert.equal(4, result.code)
      assert.equal("begin\nend\n", result.out)
    end)

    it("tells signals by the exit code", function()
      for signal, code in pairs { INT = 130, TERM = 143, HUP = 129 } do
        local result = orrery("run -- sleep 30", { before = "timeout --preserve-status -s " .. signal .. " 0.5" })
        assert.equal(code, result.code)
        assert.equal(0, orrery("cancel " .. result.err:match "orrery cancel (%S+)").code)
      end
    end)

    for _, how in ipairs { "run --", "logs -f" } do
      it("is followed through a restart of the server by " .. how, function()
        local words = "run -- sh -c 'echo begin; sleep 3; echo end'"
        if how == "logs -f" then words = "logs -f " .. orrery((words:gsub("run", "run -d"))).out:match "%S+" end
        process.write(folder .. "/go.sh", command.line(words, { server = running }) .. " 2>err")
        local client = process.start("sh " .. folder .. "/go.sh", folder)
        process.eventually("its beginning", function() return process.read(folder .. "/out") == "begin\n" end)
        running:stop(true)
        process.eventually("its trouble", function() return process.read(folder .. "/err"):find "trying again" end)
        running:launch():ready()
        assert.equal(0, client:wait())
        client:close()
        assert.equal("begin\nend\n", process.read(folder .. "/out"))
      end)
    end

    it("stops quietly when nobody reads", function()
      local _, output = process.run(command.line("run -- seq 1 1000000", { server = running }) .. " | head -n 1")
      assert.equal("1\n", output)
    end)

    it("that is refused leaves nothing behind", function()
      local before = running:counts()
      local result = orrery "run --resource nowhere -- true"
      assert.equal(65, result.code, result.err)
      assert.matches("nowhere", result.err)
      local simulations, jobs = before:match "^(%d+)|(%d+)"
      process.eventually("what it made being deleted", function()
        return running:counts():find(("%s|%s|"):format(simulations, jobs), 1, true) == 1
      end)
    end)
  end)

  describe("a file", function()
    it("becomes a simulation, a table of results, and an exit code", function()
      local path = write("sweep.json", {
        name = "squares", description = "d", tags = { a = "b" },
        sweeps = { {
          template = script [[echo "{\"square\": $((${n} * ${n})), \"word\": \"w${n}\"}" > results.json]],
          parameters = { n = { from = 1, to = 5, step = 1 } },
        } },
        jobs = { { name = "fine", executable = "/bin/true" } },
      })
      local result = orrery("run " .. path)
      assert.equal(0, result.code, result.err)
      assert.equal(table.concat({
        "n  name  state", "1        COMPLETED", "2        COMPLETED", "3        COMPLETED", "4        COMPLETED",
        "5        COMPLETED", "   fine  COMPLETED" }, "\n"), (result.out:gsub("(COMPLETED)[^\n]*", "%1")
        :gsub("  time [^\n]*", ""):gsub("(state)[^\n]*", "%1"):gsub("\n$", "")))
      assert.matches("square  word", result.out)
      assert.matches("25  w5", result.out)
      local simulation = newest()
      assert.matches("outputs: " .. running.data .. "/jobs/" .. simulation.id, result.err, 1, true)
      assert.matches("6 completed in %d+:%d%d\n$", result.err)
      assert.equal("b", simulation.tags.a)
    end)

    it("ends with 1 when a job fails, and names it", function()
      local result = orrery("run -", { stdin = http.encode { jobs = { script "exit 9", script "true" } } })
      assert.equal(1, result.code)
      local _, jobs = newest()
      assert.matches("failed: " .. jobs[1].id, result.err, 1, true)
      assert.matches("1 completed, 1 failed", result.err)
    end)

    it("tells its progress in lines where there is no terminal", function()
      local result = orrery("run -", { stdin = http.encode { name = "slow", jobs = { script "sleep 0.5" } } })
      assert.matches("^slow: 0 of 1 job ended, 1 %l+\n", result.err)
      assert.not_matches("\27", result.err)
      assert.not_matches("\27", result.out)
    end)

    it("finds its programs from where it lies", function()
      process.run(("cd %s && mkdir -p deep/bin && ln -s /bin/true deep/bin/tool"):format(folder))
      local path = write("deep/one.json", { jobs = { { executable = "bin/tool" } } })
      assert.equal(0, orrery("run " .. path).code)
    end)

    it("is taken whole or not at all, and errors are told by their place", function()
      local bad = { executable = "/bin/true", resources = { memory = -1 } }
      local path = write("bad.json", { jobs = { script "sleep 9", bad } })
      local result = orrery("run " .. path)
      assert.equal(65, result.code)
      assert.matches("bad.json: /jobs/1/resources/memory: ", result.err, 1, true)
      path = write("bad.json", { sweeps = {
        { template = script "true", parameters = { n = { 1, 2 } } }, { template = bad, parameters = { n = { 1 } } } } })
      result = orrery("run " .. path)
      assert.equal(65, result.code)
      assert.matches("bad.json: /sweeps/1/template/resources/memory: ", result.err, 1, true)
      assert.equal(0, #running:read("/v1/simulations?name=bad").items)
    end)

    it("is refused with line and column where it is no JSON", function()
      local result = orrery("run " .. write("broken.json", '{"name": "x",\n "jobs": [{"executable": "é" x}]}'))
      assert.equal(65, result.code)
      assert.matches("broken.json:2:30: ", result.err, 1, true)
      assert.equal(66, orrery("run " .. folder .. "/nothing.json").code)
    end)

    it("can be left alone", function()
      local result = orrery("run --detach --name later -", { stdin = http.encode { jobs = { script "sleep 0.3" } } })
      assert.equal(0, result.code)
      local id = result.out:match "^(%S+)\n$"
      assert.equal("later", running:read("/v1/simulations/" .. id).name)
      result = orrery("watch " .. id)
      assert.equal(0, result.code, result.err)
      assert.matches("COMPLETED", result.out)
    end)

    it("goes on after Ctrl-C", function()
      local result = orrery("run -", { before = "timeout --preserve-status -s INT 0.7",
        stdin = http.encode { jobs = { script "sleep 30" } } })
      assert.equal(130, result.code)
      local id = result.err:match "come back: %S+/orrery watch (%S+)"
      assert.equal("ACTIVE", running:read("/v1/simulations/" .. id).state)
      assert.equal(0, orrery("cancel " .. id).code)
      result = orrery("watch " .. id)
      assert.equal(1, result.code)
      assert.matches("1 canceled", result.err)
    end)

    it("survives a server that is restarted", function()
      local path = write("long.json", { jobs = { script "sleep 2", script "sleep 2" } })
      process.write(folder .. "/go.sh", command.line("run " .. path, { server = running }) .. " 2>&1")
      local client = process.start("sh " .. folder .. "/go.sh", folder)
      local function told(words)
        process.eventually(words, function() return (process.read(folder .. "/out") or ""):find(words, 1, true) end)
      end
      told "0 of 2 jobs ended"
      running:stop(true)
      told "no answer from the server"
      running:launch():ready() -- on another port
      assert.equal(0, client:wait())
      client:close()
      assert.matches("2 completed in", process.read(folder .. "/out"))
    end)

    it("is machine-readable on request", function()
      local result = orrery("run --json -", { stdin = http.encode { jobs = { script "true" } } })
      assert.equal("COMPLETED", http.decode(result.out).state)
      result = orrery("run --json --detach -", { stdin = http.encode { jobs = { script "true" } } })
      assert.is_string(http.decode(result.out).id)
    end)
  end)

  it("shows results as CSV and as JSON, all of them", function()
    orrery("run -", { stdin = http.encode { sweeps = { { template = script 'echo "{\\"r\\": ${n}}" > results.json',
      parameters = { n = { from = 1, to = 70, step = 1 } } } } } })
    local simulation = newest()
    local csv = orrery("results --csv " .. simulation.id)
    assert.equal(71, select(2, csv.out:gsub("\r\n", "")))
    assert.matches("^job_id,name,n,state,exit_code,wall_seconds,r\r\n", csv.out)
    local items = http.decode(orrery("results --json " .. simulation.id).out).items
    assert.equal(70, #items)
    assert.equal(70, items[70].results.r)
    local rows = select(2, orrery("results " .. simulation.id).out:gsub("\n", ""))
    assert.equal(71, rows) -- no terminal, so nothing is cut
  end)

  it("lists and fetches files", function()
    local make = "mkdir -p a/b; printf one >a/one; printf two >a/b/two; : >empty; head -c 70000 /dev/zero >big"
    local id = orrery(("run -d -- sh -c '%s'"):format(make)).out:match "%S+"
    running:job_in(id)
    assert.matches("3 B  a/one", orrery("files -r " .. id).out)
    assert.matches(" a/\n", orrery("files " .. id).out)
    assert.matches("3 B  a/one", orrery(("files %s a"):format(id)).out)
    assert.equal("two", orrery(("files %s a/b/two"):format(id)).out)
    assert.equal("", orrery(("files %s empty"):format(id)).out)
    local copy = folder .. "/copy"
    assert.equal(0, orrery(("files %s big -o %s"):format(id, copy)).code)
    assert.equal(("\0"):rep(70000), process.read(copy))
    assert.equal(0, orrery(("files %s empty -o %s"):format(id, copy)).code)
    assert.equal("", process.read(copy))
    local missing = orrery(("files %s nothing -o %s/nothing"):format(id, folder))
    assert.equal(1, missing.code)
    assert.is_nil(process.read(folder .. "/nothing"))
    assert.is_nil(process.read(folder .. "/nothing.part"))
    assert.equal(74, orrery(("files %s big -o /nonexistent/x"):format(id)).code)
    assert.equal(74, orrery(("files %s big >/dev/full"):format(id)).code)
  end)

  it("sends files, before a job begins and while it runs", function()
    local id = orrery("run -d --hold -- sh -c 'until [ -e in/stop ]; do sleep 0.1; done; cat here piped in/stop'").out:match "%S+"
    process.write(folder .. "/here", ("x"):rep(3000000) .. "\n")
    local sent = orrery(("put %s %s/here"):format(id, folder))
    assert.same({ 0, "here: 2.9 MiB\n" }, { sent.code, sent.out })
    assert.equal(0, orrery(("put %s - piped"):format(id), { stdin = "piped\n" }).code)
    orrery("release " .. id)
    running:job_in(id, "ACTIVE")
    process.write(folder .. "/stop", "stop\n")
    assert.equal(3000001, http.decode(orrery(("put --json %s %s/here again"):format(id, folder)).out).size)
    assert.equal(0, orrery(("put %s %s/stop in/stop"):format(id, folder)).code)
    assert.equal("COMPLETED", running:job_in(id).state)
    assert.matches("x\npiped\nstop\n$", orrery("logs " .. id).out)
    local late = orrery(("put %s %s/here"):format(id, folder))
    assert.equal(1, late.code)
    assert.matches("is COMPLETED", late.err, 1, true)
    for words, code in pairs { ["%s -"] = 64, ["%s /"] = 64, ["%s " .. folder .. "/here ../x"] = 64, ["%s /nonexistent"] = 66,
      ["%s " .. folder .. " x"] = 66, ["nothing " .. folder .. "/here"] = 1 } do
      assert.equal(code, orrery("put " .. words:format(id)).code, words)
    end
  end)

  it("asks for nothing outside of what was named", function()
    local id = orrery("run -d -- true").out:match "%S+"
    for _, words in ipairs {
      "files " .. id .. " ../history", "files " .. id .. " a/../../history", "files " .. id .. " ./a", "files .. stdout",
      "logs ..", "job .", "results ..", "watch ..", "cancel ..", "delete .", "job ''",
    } do
      local result = orrery(words)
      assert.equal(64, result.code, words)
      assert.matches("can be no part of what is asked for", result.err, 1, true)
    end
    local strange = orrery(("files %s '..%%2f a?b#c%%'"):format(id))
    assert.equal(1, strange.code)
    assert.matches("There is no ..%2f a?b#c%", strange.err, 1, true)
  end)

  it("prints what there is so far", function()
    local id = orrery("run -d -- sh -c 'echo out; echo err >&2; sleep 20'").out:match "%S+"
    process.eventually("output", function() return orrery("logs " .. id).out == "out\n" end)
    assert.equal("err\n", orrery("logs --stderr " .. id).out)
    assert.equal(0, orrery("cancel " .. id).code)
    assert.equal(143, orrery("logs -f " .. id).code)
  end)
end)
