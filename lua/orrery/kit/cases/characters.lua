-- Cases: what users write reaches their programs as it is, whatever it would mean to a shell or a scheduler on the way.
local expect = require "orrery.kit.expect"
local json = require "house.json"
local room = require "orrery.kit.room"

local cases, case = room.new()
local shell, ends = room.shell, room.ends

local ODD = { "a b", "", "'", '"', "$HOME", "`id`", "a,b=c", "x\ny\n", "-n", "*", "\\", "\\n", "%j", "$(id)", "ü€𝄞",
  "#SBATCH --hold", "\n#PBS -h\n#$ -h\n", "a\tb\r\n", "; exit 1", "<in >out & |", "{}[]()~!^" }

case("arguments arrive as they are", {}, function(subject)
  local job = ends(subject, { executable = "/usr/bin/printf", arguments = json.list { "[%s]", table.unpack(ODD) } }, "COMPLETED")
  expect.equal("[" .. table.concat(ODD, "][") .. "]", subject:read(job, "stdout"), "the arguments")
end)

case("a long argument arrives whole, or is refused", {}, function(subject)
  local long = ("z"):rep(100000)
  local job = subject:submit({ { executable = "/usr/bin/printf", arguments = json.list { "%s", long } } })[1]
  if job.error and job.error.class == "rejected" then expect.moot("it was refused: " .. job.error.message) end
  expect.that(not job.error, function() return "submit: " .. job.error.message end)
  expect.equal("COMPLETED", subject:ending(job).state, "state of a job with a long argument")
  expect.equal(long, subject:read(job, "stdout"), "the argument")
end)

case("variables arrive as they are, and nothing of the server's", { needs = { "environment" } }, function(subject)
  local environment, names = {}, {}
  for i, value in ipairs(ODD) do environment["ODD_" .. i], names[i] = value, ('"$ODD_%d"'):format(i) end
  local job = ends(subject, shell("printf '[%s]' " .. table.concat(names, " "), { environment = environment }), "COMPLETED")
  expect.equal("[" .. table.concat(ODD, "][") .. "]", subject:read(job, "stdout"), "the variables")
  job = ends(subject, shell "env", "COMPLETED")
  expect.that(not subject:read(job, "stdout"):find("ORRERY_TOKEN", 1, true), "a job sees ORRERY_TOKEN of the server")
end)

case("a script runs by its first line, and directives in it are text", { needs = { "script" } }, function(subject)
  local directives = "#SBATCH --job-name=stolen --array=1-3\n#$ -N stolen -t 1-3\n#PBS -N stolen -J 1-3\n# @ job_name = stolen\n"
  local job = ends(subject, { script = "#!/bin/sh\n" .. directives .. "echo ran >>ran; echo \"$1\"\n",
    arguments = json.list { "an argument" } }, "COMPLETED")
  expect.equal("an argument\n", subject:read(job, "stdout"), "stdout of the script")
  expect.equal("ran\n", subject:read(job, "ran"), "how often the script ran")
  job = ends(subject, { script = directives .. "echo plain\n" }, "COMPLETED")
  expect.equal("plain\n", subject:read(job, "stdout"), "stdout of a script without #!")
end)

case("a job may have any name", {}, function(subject)
  for _, name in ipairs { "it's \"a\" $name, #1; *", "-N", "ü€𝄞", ("z"):rep(256) } do
    ends(subject, shell("true", { name = name }), "COMPLETED")
  end
end)

case("paths may have odd characters in them", { needs = { "directory", "stdout_path" } }, function(subject)
  local name = "it's \"a\" $folder, #1; ü %j"
  local first = ends(subject, { executable = "/bin/mkdir", arguments = json.list { name } }, "COMPLETED")
  ends(subject, shell("echo here", { directory = first.directory .. "/" .. name, stdout_path = name }), "COMPLETED")
  expect.equal("here\n", subject:read(first, name .. "/" .. name), "stdout_path in the directory")
end)

return cases
