-- A conformance kit that passes a broken plug-in is worthless. So each of its cases is run on a plug-in that breaks just
-- the promise it is about: the one of tests/plugins/whole.lua, with one fault put into it.
local kit = require "support.kit"
local process = require "support.process"

-- What the faults are made with: `saying` changes what a verb says, `running` the script that a job runs.
local TOOLS = [[
local good = {}
for verb, run in pairs(whole) do good[verb] = run end
local function saying(verb, change)
  whole[verb] = function(self, items, report, call)
    return good[verb](self, items, function(i, said) report(i, change(said, items[i], self) or said) end, call)
  end
end
local function running(change)
  whole.submit = function(self, items, report)
    for _, item in ipairs(items) do item.batch = change(item.batch) end
    return good.submit(self, items, report)
  end
end
]]

-- Cases and faults. A fault is told in words, and then made.
-- What a new instance knows of the one before it: nothing.
local FORGETFUL = [[
    function whole.open(config, host)
      local self, now = good.open(config, host), host.now()
      self.directory = function(which) return ("%s/%d"):format(host.directory(which), now) end
      return self
    end]]

local FAULTS = {
  { "a job runs, and its output is where it should be", "a job has ended before it began",
    "saying('monitor', function() return { state = 'COMPLETED', final = true, exit_code = 0 } end)" },
  { "an exit code is reported", "every failure is 1",
    "saying('monitor', function(said) if said.exit_code == 3 then said.exit_code = 1 end end)" },
  { "a signal is reported", "a signal is told as a shell tells it",
    "saying('monitor', function(said) if said.signal then said.exit_code, said.signal = said.signal + 128, nil end end)" },
  { "a program that does not exist is a job that failed", "127 is taken for an end like any other",
    "saying('monitor', function(said) if said.exit_code == 127 then said.state = 'COMPLETED' end end)" },
  { "a job that failed is not started again", "what ends with 99 or 100 runs once more",
    "running(function(script) return '(' .. script .. ')\\n[ $? = 76 ] && (' .. script .. ')\\nexit 76' end)" },
  { "directory, stdin, stdout and stderr are those asked for", "jobs start where they please",
    "running(function(script) return (script:gsub('\\ncd %-%- ', '\\n: ')) end)" },
  { "a job begins with a copy of its inputs", "it begins with none",
    "running(function(script) return (script:gsub('\\ninputs=[^\\n]*', '\\nunset inputs')) end)" },
  { "a directory that does not exist fails the job", "a job that cannot begin has ended well", [[
    saying("monitor", function(said)
      if said.exit_code == 72 then return { state = "COMPLETED", final = true, exit_code = 0 } end
    end)]] },
  { "a job over its time limit ends with TIMEOUT", "whoever is killed for the limit was just killed",
    "saying('monitor', function(said) if said.reason == 'TIMEOUT' then said.reason = 'SIGNAL' end end)" },
  { "arguments arrive as they are", "%j is filled in", "running(function(script) return (script:gsub('%%j', '42')) end)" },
  { "a long argument arrives whole, or is refused", "it is cut",
    "running(function(script) return (script:gsub('zzz', 'z')) end)" },
  { "variables arrive as they are, and nothing of the server's", "a variable ends at a comma",
    "running(function(script) return (script:gsub(\"_7='a,b=c'\", \"_7='a'\")) end)" },
  { "a script runs by its first line, and directives in it are text", "an array of the user's own is run", [[
    running(function(script)
      return script:find "array=1%-3" and ("(%s)\n(%s)"):format(script, script) or script
    end)]] },
  { "a job may have any name", "names with quotes are refused", [[
    function whole.submit(self, items, report)
      if items[1].name:find "'" then return report(1, { error = { class = "rejected", message = "a bad name" } }) end
      return good.submit(self, items, report)
    end]] },
  { "paths may have odd characters in them", "a dollar in a path is a variable",
    "running(function(script) return (script:gsub('$folder', 'folder')) end)" },
  { "ten jobs in one call all run", "the last of a batch is forgotten", [[
    function whole.submit(self, items, report)
      if #items == 10 then items[10] = nil end
      return good.submit(self, items, report)
    end]] },
  { "a thousand jobs all run", "a batch must not be long", [[
    function whole.submit(self, items, report)
      if #items > 500 then error "too many" end
      return good.submit(self, items, report)
    end]] },
  { "a bad job in a batch is refused alone, in the scheduler's words", "the user is told to try later",
    "saying('submit', function(said) if said.error then said.error.class = 'busy' end end)" },
  { "an array's members run once each, as what they are", "every member is the first",
    "running(function(script) return 'SHELL_INDEX=1\\n' .. script end)" },
  { "find knows an array by its tag, and all its members", "its members come in another order", [[
    saying("find", function(said)
      local natives = said.native_ids
      if natives then natives[1], natives[2] = natives[2], natives[1] end
    end)]] },
  { "a member of an array is steered alone", "all members are one job", [[
    function whole.cancel(self, items, report)
      local all = {}
      for _, ref in ipairs(items) do
        for m = 1, size_of(self, ref.tag) or 0 do
          all[m] = { tag = ref.tag, native_id = pid_of(self, member_tag(ref.tag, m)) }
        end
      end
      good.cancel(self, all, function() end)
      for i in ipairs(items) do report(i, {}) end
    end]] },
  { "find tells what is there from what never was", "whatever is not found is not told of",
    "saying('find', function(said) if said.answer == 'absent' then said.answer = 'unknown' end end)" },
  { "find knows a job that waits", "only what has started is found",
    "saying('find', function(said, item, self) if not read(self, item.tag, 'go') then return { answer = 'absent' } end end)" },
  { "find of a job that has just ended does not say absent", "what has ended is forgotten",
    "saying('find', function(said, item, self) if read(self, item.tag, 'status') then return { answer = 'absent' } end end)" },
  { "a job of an unknown id is absent", "what nobody knows has surely ended",
    "saying('monitor', function(said) if said.absent then return { state = 'COMPLETED', final = true } end end)" },
  { "a stranger's job is neither seen nor touched", "a native id is enough to see a job",
    "saying('monitor', function(said) if said.absent then return { state = 'ACTIVE' } end end)" },
  { "a stranger's job is neither seen nor touched", "a native id is enough to kill a job", [[
    function whole.cancel(self, items, report)
      for i, ref in ipairs(items) do
        kill(self, ref, "KILL")
        report(i, {})
      end
    end]] },
  { "jobs are found again by a plug-in that is opened anew", "all is forgotten at the end", FORGETFUL },
  { "jobs are known to an instance that was opened beside the one before", "each instance has a memory of its own", FORGETFUL },
  { "cancel ends a job that runs, and all that it started", "it is only said that it ended", [[
    function whole.cancel(self, items, report)
      for i, ref in ipairs(items) do
        write(self, ref.tag, "lie", "")
        report(i, {})
      end
    end
    saying("monitor", function(said, ref, self)
      if read(self, ref.tag, "lie") then return { state = "CANCELED", final = true } end
    end)]] },
  { "cancel of a job that has ended changes nothing", "whatever was cancelled, ended so", [[
    function whole.cancel(self, items, report)
      for _, ref in ipairs(items) do write(self, ref.tag, "lie", "") end
      return good.cancel(self, items, report)
    end
    saying("monitor", function(said, ref, self)
      if read(self, ref.tag, "lie") then return { state = "CANCELED", final = true } end
    end)]] },
  { "cancel of a job that waits keeps it from ever starting", "only what runs is cancelled", [[
    function whole.cancel(self, items, report)
      for i, ref in ipairs(items) do
        if read(self, ref.tag, "go") then good.cancel(self, { ref }, function() end)
        else write(self, ref.tag, "lie", "") end
        report(i, {})
      end
    end
    saying("monitor", function(said, ref, self)
      if read(self, ref.tag, "lie") then return { state = "CANCELED", final = true } end
    end)]] },
  { "hold keeps a job from starting, release lets it", "it is only said that it is held", [[
    whole.hold = verb(function(self, ref) write(self, ref.tag, "lie", "") end)
    saying("monitor", function(said, ref, self)
      if read(self, ref.tag, "lie") then return { state = "HELD" } end
    end)]] },
  { "suspend stops a job, resume lets it go on", "it is only said that it stands still",
    "whole.suspend = verb(function(self, ref) write(self, ref.tag, 'stopped', '1') end)" },
  { "signal reaches the program", "signals are lost", "whole.signal = verb(function() end)" },
  { "signal reaches the program", "an error has a class of its own",
    "saying('signal', function() return { error = { class = 'sorry', message = 'no' } } end)" },
  { "alter changes a job that waits, which stays the same", "an altered job is another one",
    "saying('alter', function(_, ref, self) good.cancel(self, { ref }, function() end) end)" },
  { "alter refuses what the scheduler does not have", "every queue will do", "whole.alter = verb(function() end)" },
  { "a limit that alter sets holds", "limits are told of as cancels",
    "saying('monitor', function(said) if said.reason == 'TIMEOUT' then return { state = 'CANCELED', final = true } end end)" },
  { "status tells how the scheduler is", "a word of its own",
    "saying('status', function(said) said.state = 'fine' end)" },
  { "estimate tells when a job would start, and submits nothing", "it is tried out", [[
    function whole.estimate(self, items, report)
      good.submit(self, items, function() end)
      return good.estimate(self, items, report)
    end]] },
}

local AT_ONCE = 6 -- most of the time they wait

describe("the conformance kit", function()
  local folder

  setup(function()
    folder = process.temporary()
    local lines = {}
    for i, fault in ipairs(FAULTS) do
      local name = "fault" .. i
      local path = kit.write(folder, name, TOOLS .. fault[3])
      lines[i] = ("%s >%s/%s.out 2>&1"):format(kit.line(path, "--patience 2 --case " .. process.quote(fault[1])), folder, name)
    end
    process.write(folder .. "/lines", table.concat(lines, "\0"))
    process.run(("xargs -0 -a %s/lines -P %d -n 1 sh -c"):format(folder, AT_ONCE))
  end)
  teardown(function() process.run("rm -rf " .. process.quote(folder)) end)

  it("passes a plug-in that has everything, and leaves nothing out that is quick", function()
    local result = kit.check(kit.write(folder, "whole"), "--quick")
    assert.equal(0, result.code, result.out .. result.err)
    for name, verdict in pairs(kit.verdicts(result.out)) do
      assert.equal(result.out:find(name .. " (--quick)", 1, true) and "skip" or "pass", verdict, name)
    end
  end)

  for i, fault in ipairs(FAULTS) do
    it(("%s: finds that %s"):format(fault[1], fault[2]), function()
      local out = process.read(("%s/fault%d.out"):format(folder, i))
      assert.same({ [fault[1]] = "FAIL" }, kit.verdicts(out), out)
      assert.matches("\ndoes NOT conform: 0 passed, 1 failed, 0 left out\n", out)
    end)
  end

  it("has a fault for each of its cases", function()
    local tried = {}
    for _, fault in ipairs(FAULTS) do tried[fault[1]] = true end
    local result = kit.check(kit.write(folder, "whole"), "--case 'there is no such case'")
    assert.equal(64, result.code)
    local count = 0
    for name in result.out:gmatch "\n  ([^\n]+)" do
      assert.is_true(tried[name], name)
      count = count + 1
    end
    assert.is_true(count > 30)
  end)
end)
