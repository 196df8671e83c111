-- The script that batch systems run, run by a real shell.
require "support.house"
local attempt = require "orrery.core.submission.attempt"
local process = require "support.process"

local function item_of(folder, more)
  local item = { tag = "orrery-tag", job = "job-id", argv = { "/bin/true" }, environment = {}, attempt_directory = folder .. "/it's 1",
    directory = folder, stdout = folder .. "/out", stderr = folder .. "/err" }
  for name, value in pairs(more) do item[name] = value end
  if item.script then item.argv = nil end
  return item
end

-- Runs the script of an item as native job `native` → exit code, output, what the record says.
local function run(folder, more, native)
  local item = item_of(folder, more)
  process.write(folder .. "/batch", attempt.script({ item }, { batch = "NATIVE" }))
  local code, said = process.run(("cd / && NATIVE=%s sh %s"):format(native or "7", process.quote(folder .. "/batch")))
  local record = process.read(item.attempt_directory .. "/" .. attempt.record)
  return code, process.read(folder .. "/out"), record and attempt.read(record), said
end

describe("an attempt's script", function()
  local folder
  before_each(function() folder = process.temporary() end)
  after_each(function() process.run("rm -rf " .. process.quote(folder)) end)

  it("passes arguments and variables on as they are", function()
    local odd = { "a b", "'", '"', "$HOME", "`id`", "a,b", "x\ny\n", "x\r\n#y", "", "-n", "*", "\\", "ü€", "#SBATCH -x", ("z"):rep(100000) }
    local code, out = run(folder, { argv = { "printf", "[%s]", table.unpack(odd) } })
    assert.equal(0, code)
    assert.equal("[" .. table.concat(odd, "][") .. "]", out)
    local variables, format = {}, { "printf '[%s]'" }
    for i, value in ipairs(odd) do
      variables["ODD_" .. i], format[i + 1] = value, ('"$ODD_%d"'):format(i)
    end
    local _, shown = run(folder, { argv = { "sh", "-c", table.concat(format, " ") }, environment = variables })
    assert.equal("[" .. table.concat(odd, "][") .. "]", shown)
  end)

  it("has no line that a scheduler could take for a directive, and means the same", function()
    local marks, all = { "#SBATCH -n 9", "#PBS -h", "#$ -h", "# @ queue", "#@ queue", "#\t@ queue", "#!/bin/evil" }, {}
    for _, mark in ipairs(marks) do
      for _, before in ipairs { "", "\n", "x\n", "x\r\n", " \n \t", "\n\v\f", "\n\r", "\n\n" } do
        all[#all + 1] = before .. mark
      end
    end
    local text = table.concat(all, "\n")
    local item = item_of(folder, { argv = { "printf", "%s", text }, environment = { ODD = text } })
    local second = item_of(folder, { script = text, arguments = { text } })
    local batch = attempt.script({ item, second }, { index = "I", element = "$I" })
    local first = batch:match "^[^\n]*"
    assert.equal("#!/bin/sh", first)
    for line in batch:sub(#first + 1):gmatch "[^\n]+" do assert.is_nil(line:find "^%s*#", line) end
    local _, out = run(folder, item)
    assert.equal(text, out)
    assert.equal(text, (select(2, run(folder, { argv = { "printenv", "ODD" }, environment = { ODD = text } })):gsub("\n$", "")))
  end)

  it("runs nothing that could leave no record, and what is said of that is no program's end", function()
    process.run(("mkdir -p %s"):format(process.quote(folder .. "/it's 1/.orrery/record"))) -- where the record was to be
    local code = run(folder, { argv = { "touch", folder .. "/ran" } })
    assert.equal(73, code)
    assert.is_nil(process.read(folder .. "/ran"))
    local status = attempt.status_without_record { state = "FAILED", final = true, exit_code = code, native_state = "F" }
    assert.same({ "FAILED", "LAUNCH_FAILED", "F" }, { status.state, status.reason, status.native_state })
    local own = { state = "FAILED", final = true, exit_code = 3 }
    assert.equal(own, attempt.status_without_record(own))
  end)

  it("finds a program in the job's own PATH, however it is called", function()
    process.write(folder .. "/a=b", "#!/bin/sh\necho found\n")
    process.run("chmod +x " .. folder .. "/a=b")
    assert.equal("found\n", select(2, run(folder, { argv = { "a=b" }, environment = { PATH = folder .. ":/bin" } })))
  end)

  it("runs a script by its first line, or by sh, with its arguments", function()
    assert.equal("x y\n", select(2, run(folder, { script = "echo \"$1\"\n", arguments = { "x y" } })))
    assert.equal("6\n", select(2, run(folder, { script = "#!/usr/bin/awk -f\nBEGIN { print 2 * 3 }\n" }, "7")))
  end)

  it("runs once, whoever comes second, but again for the native job whose it is", function()
    local argv = { "sh", "-c", "echo run >>runs" }
    assert.equal(0, (run(folder, { argv = argv }, "7")))
    local code, _, _, said = run(folder, { argv = argv }, "8")
    assert.equal(75, code)
    assert.matches("claimed by native job 7", said)
    assert.equal("run\n", process.read(folder .. "/runs"))
    assert.equal(0, (run(folder, { argv = argv }, "7")))
    assert.equal("run\nrun\n", process.read(folder .. "/runs"))
  end)

  it("begins with a copy of the inputs, once, or not at all", function()
    local inputs = folder .. "/it's 0"
    process.run(("mkdir -p %s/deep && cd %s && echo one >deep/file && echo two >.hidden && touch -d @1000000000 deep/file")
      :format(process.quote(inputs), process.quote(inputs)))
    local item = item_of(folder, { inputs = inputs, argv = { "sh", "-c", [[cd "$ORRERY_DIRECTORY" &&
      cat deep/file .hidden && stat -c %Y deep/file && echo changed >deep/file]] } })
    assert.same({ 0, "one\ntwo\n1000000000\n" }, { table.unpack({ run(folder, item) }, 1, 2) })
    assert.matches("^changed\n", (select(2, run(folder, item)))) -- a scheduler that starts it again
    process.run("rm -rf " .. process.quote(inputs) .. " " .. process.quote(item.attempt_directory))
    local code, _, record = run(folder, item)
    assert.equal(73, code)
    assert.matches("inputs in .*it's 0 cannot be copied", record.failed)
  end)

  it("runs nothing of itself when it is not whole", function()
    local text = attempt.script({ item_of(folder, { argv = { "touch", folder .. "/ran" } }) }, { batch = "NATIVE" })
    for length = #text - 3, 12, -97 do
      process.write(folder .. "/batch", text:sub(1, length))
      process.run(("NATIVE=7 sh %s/batch"):format(folder))
      assert.equal(1, (process.run(("[ -e %s/ran ] || [ -e \"%s/it's 1\" ]"):format(folder, folder))), length)
    end
  end)

  it("of an array runs the member whose index it is told", function()
    local members, native = {}, { batch = "NATIVE", index = "INDEX", element = "${ARRAY}.${INDEX}" }
    for i, more in ipairs { { argv = { "printf", "[%s]", "it's" } }, { argv = { "printf", "[%s]", "$2\n#$ -t 1" } },
      { script = "pwd; cat; echo $A $ORRERY_JOB_ID", stdin = folder .. "/in", directory = folder .. "/3", environment = { A = "a" } } } do
      local own = folder .. "/" .. i
      members[i] = item_of(folder, { job = "job " .. i, attempt_directory = own, directory = own, stdout = own .. "/out",
        stderr = own .. "/err" })
      for name, value in pairs(more) do members[i][name] = value end
    end
    process.write(folder .. "/in", "input\n")
    local text = attempt.script(members, native)
    process.write(folder .. "/batch", text)
    for i, wanted in ipairs { "[it's]", "[$2\n#$ -t 1]", folder .. "/3\ninput\na job 3\n" } do
      local code = process.run(("NATIVE=x ARRAY=7 INDEX=%d sh %s/batch"):format(i, folder))
      assert.same({ 0, wanted }, { code, process.read(("%s/%d/out"):format(folder, i)) })
      local record = attempt.read(process.read(("%s/%d/%s"):format(folder, i, attempt.record)))
      assert.same({ "7." .. i, "orrery-tag" }, { record.native, record.tag })
    end
    assert.equal(64, (process.run(("NATIVE=x ARRAY=7 INDEX=4 sh %s/batch"):format(folder))))
    assert.is_nil(("\n" .. text):find "\n[ \t]*#%$")
  end)

  it("of an array has once what is the same for all", function()
    local members, script = {}, "echo " .. ("x"):rep(10000)
    for i = 1, 100 do
      members[i] = item_of(folder, { script = script, arguments = { tostring(i) }, attempt_directory = "/base/" .. i })
    end
    assert.is_true(#attempt.script(members, { batch = "N", index = "I", element = "$N.$I" }) < 10000 + 100 * 150 + 3000)
  end)

  it("ends as its program did, and leaves a record of it", function()
    for _, case in ipairs { { "exit 3", 3, exit_code = 3 }, { "exit 0", 0, exit_code = 0 }, { "kill -9 $$", 137, signal = 9 },
      { "kill -15 $$", 143, signal = 15 }, { "kill -11 $$", 139, signal = 11 }, { "exit 255", 255, exit_code = 255 },
      { "exit 127", 127, exit_code = 127 }, { "exit 99", 76, exit_code = 99 }, { "exit 100", 76, exit_code = 100 } } do
      local code, _, outcome = run(folder, { argv = { "sh", "-c", case[1] } })
      assert.equal(case[2], code, case[1])
      assert.same({ case.exit_code, case.signal }, { outcome.exit_code, outcome.signal }, case[1])
      assert.is_true(outcome.started_at <= outcome.ended_at and outcome.started_at > 1e12)
      assert.equal("7", outcome.native)
    end
  end)

  it("outlives a signal that is meant for the program", function()
    local code, out, outcome = run(folder, { argv = { "sh", "-c",
      "trap 'echo saved; exit 5' TERM; kill -TERM $PPID; kill -TERM $$; sleep 5" } })
    assert.equal("saved\n", out)
    assert.same({ 5, 5 }, { code, outcome.exit_code })
  end)

  it("says what it could not begin with", function()
    local code, _, outcome = run(folder, { directory = folder .. "/nowhere" })
    assert.equal(72, code)
    assert.matches("nowhere cannot be entered", outcome.failed)
    assert.matches("nothing cannot be read", select(3, run(folder, { stdin = folder .. "/nothing" })).failed)
    assert.matches("nowhere/out cannot be written", select(3, run(folder, { stdout = folder .. "/nowhere/out" })).failed)
    local begun = attempt.read "native 7\ntag t\nhost x\nstart 5\n"
    assert.same({ "7", "t", false, 5000 }, { begun.native, begun.tag, begun.over, begun.started_at })
    assert.is_nil(attempt.read "")
  end)

  it("has nothing of the server's in a job's environment, unless the account's own is wanted", function()
    local _, out = run(folder, { argv = { "env" }, environment = { A = "1" } })
    for _, name in ipairs { "A=1", "ORRERY_JOB_ID=job%-id", "ORRERY_TAG=orrery%-tag", "LANG=C.UTF%-8",
      "HOME=/.*", "USER=%S+", "LOGNAME=%S+", "SHELL=/.*", "PATH=/usr/local/bin:/usr/bin:/bin" } do
      assert.matches("\n" .. name .. "\n", "\n" .. out)
    end
    process.write(folder .. "/.profile", "export FROM_PROFILE=yes\n")
    local item = item_of(folder, { argv = { "env" }, inherit_environment = true })
    process.write(folder .. "/batch", attempt.script({ item }, { batch = "NATIVE" }))
    process.run(("HOME=%s SHELL=/bin/sh NATIVE=7 sh %s/batch"):format(folder, folder))
    assert.matches("\nFROM_PROFILE=yes\n", "\n" .. process.read(folder .. "/out"))
  end)
end)
