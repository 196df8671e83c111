-- Which server the command line talks to, with which token, and how it says that it cannot.
local command = require "support.command"
local process = require "support.process"
local server = require "support.server"

describe("the command line", function()
  local running, folder

  setup(function()
    running, folder = server.start(), process.temporary()
    process.write(folder .. "/good", running.token .. "\n")
    process.write(folder .. "/bad", "0123456789abcdef\n")
    process.write(folder .. "/empty", "\n")
  end)
  teardown(function()
    running:stop()
    process.run("rm -rf " .. folder)
  end)

  it("finds the server and its token by the data directory", function()
    local by_variable, by_option = command.run("status", { server = running }), command.run("status --data " .. running.data)
    for _, found in ipairs { by_variable, by_option } do
      assert.equal(0, found.code, found.err)
      assert.matches(running.url, found.out, 1, true)
      assert.matches("admin", found.out)
      assert.equal("", found.err)
    end
  end)

  it("finds it in the state directory of the user", function()
    local state = folder .. "/state"
    process.run(("mkdir -p %s && ln -s %s %s/orrery"):format(state, running.data, state))
    local found = command.run("status", { env = { XDG_STATE_HOME = state, ORRERY_DATA = "" } })
    assert.equal(0, found.code, found.err)
  end)

  it("takes the server by its address, the token from a file or the environment", function()
    assert.equal(0, command.run(("status --server %s --token-file %s/good"):format(running.url, folder)).code)
    local env = { ORRERY_TOKEN = running.token }
    assert.equal(0, command.run(("status --server %s/"):format(running.url), { env = env }).code)
    env.ORRERY_URL = running.url
    assert.equal(0, command.run("status", { env = env }).code)
  end)

  it("gives a server's token to no other server", function()
    local other = server.start()
    local result = command.run("jobs --server " .. other.url, { server = running })
    other:stop()
    assert.equal(77, result.code)
    assert.matches("needs a token", result.err)
  end)

  it("says which token was refused", function()
    local result = command.run(("jobs --token-file %s/bad"):format(folder), { server = running })
    assert.equal(77, result.code)
    assert.matches("refused the token from " .. folder .. "/bad", result.err, 1, true)
    result = command.run(("jobs --token-file %s/empty"):format(folder), { server = running })
    assert.equal(77, result.code)
    assert.matches("does not hold a token", result.err)
    assert.equal(77, command.run("jobs --token-file /nonexistent/x", { server = running }).code)
  end)

  it("says how to start a server when there is none", function()
    local result = command.run "jobs"
    assert.equal(69, result.code)
    assert.equal("orrery: no server runs on /nonexistent: start one with `" .. server.program .. " serve`, or name another with "
      .. "--server\n", result.err)
    result = command.run("jobs --server http://127.0.0.1:1")
    assert.equal(69, result.code)
    assert.matches("Connection refused", result.err)
    assert.matches("Start one with `" .. server.program .. " serve`", result.err, 1, true)
  end)

  it("does not take anything for an address", function()
    for _, address in ipairs { "localhost", "ftp://x", "file:///etc/passwd", "http://" } do
      assert.equal(64, command.run("jobs --server " .. address).code, address)
    end
  end)

  it("tells usage errors by their exit code, and where help is", function()
    for _, words in ipairs { "", "bogus", "jobs --bogus", "job", "jobs --limit 0", "serve --log-level loud", "run",
      "run --", "run a.json -- true", "run --memory much -- true", "run --env X -- true", "run --cores 2 a.json" } do
      local result = command.run(words, { server = running })
      assert.equal(64, result.code, words .. result.err)
      assert.equal("", result.out)
    end
    assert.matches("Try: orrery jobs %-%-help", command.run("jobs --bogus").err)
    assert.matches("Did you mean 'jobs'", command.run("jops").err)
  end)

  it("has help for every command, on standard output, within 80 columns", function()
    local help = command.run "--help"
    assert.equal(0, help.code)
    local names = {}
    for name in help.out:gmatch "\n   (%l[%w-]*) " do names[#names + 1] = name end
    assert.is_true(#names >= 20, help.out)
    for _, name in ipairs(names) do
      local result = command.run(name .. " --help")
      assert.equal(0, result.code, name)
      assert.equal("", result.err)
      assert.matches("^Usage: orrery " .. name:gsub("%-", "%%-"), result.out)
      assert.equal(result.out, command.run("help " .. name).out)
      for line in result.out:gmatch "[^\n]+" do
        assert.is_true(utf8.len(line) <= 80, ("%s: %q"):format(name, line))
      end
    end
  end)

  it("prints its version", function()
    local version = process.read(server.top .. "/VERSION")
    assert.equal("orrery " .. version, command.run("--version").out)
  end)

  it("completes itself in bash", function()
    local script = command.run("completion bash")
    assert.equal(0, script.code)
    process.write(folder .. "/completion", script.out)
    local code, output = process.run(("bash -c '. %s/completion; COMP_WORDS=(orrery ca); COMP_CWORD=1; _orrery; "
      .. "echo ${COMPREPLY[@]}'"):format(folder))
    assert.equal(0, code, output)
    assert.equal("cancel\n", output)
  end)
end)
