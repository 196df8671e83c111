-- What a person sees: the program on a real pseudo-terminal, which tmux provides and lets us look at.
local command = require "support.command"
local http = require "support.http"
local process = require "support.process"
local server = require "support.server"

describe("on a terminal", function()
  local running, folder, tmux
  local opened = 0

  setup(function()
    running, folder = server.start(), process.temporary()
  end)
  after_each(function() process.run(tmux .. "kill-server") end)
  teardown(function()
    running:stop()
    process.run("rm -rf " .. folder)
  end)

  -- Runs the program in a window of this size. When it has ended, its exit code stands on the screen.
  local function open(columns, arguments, env)
    local all = { TERM = "tmux-256color" }
    for name, value in pairs(env or {}) do all[name] = value end
    process.write(folder .. "/run.sh", ("trap : INT; clear; echo before; %s; echo \"code $?\"; exec sleep 600\n")
      :format(command.line(arguments, { server = running, env = all })))
    if tmux then process.run(tmux .. "kill-server") end
    opened = opened + 1 -- a server that ends would swallow its successor on the same socket
    tmux = ("tmux -f /dev/null -S %s/socket%d "):format(folder, opened)
    local code, output = process.run(("%s new-session -d -s t -x %d -y 50 sh %s/run.sh"):format(tmux, columns, folder))
    assert.equal(0, code, output)
  end

  local function screen(options)
    local _, output = process.run(("%s capture-pane -t t -p %s"):format(tmux, options or ""))
    return (output:gsub("\n+$", "\n"))
  end

  local function shows(pattern)
    return process.eventually(pattern .. " on the screen", function()
      local shown = screen()
      return shown:find(pattern) and shown
    end, 30)
  end

  local function write(value)
    process.write(folder .. "/sim.json", http.encode(value))
    return folder .. "/sim.json"
  end

  local function sweep(count, run_ms)
    return { name = "sweep", sweeps = { { template = server.spec { run_ms = run_ms },
      parameters = { n = { from = 1, to = count, step = 1 } } } } }
  end

  it("draws a bar while it runs, and leaves nothing of it", function()
    open(80, "run " .. write(sweep(4, 1500)))
    local shown = shows "sweep  [━╌]+  %d/4  "
    assert.equal(2, select(2, shown:gsub("\n", "")), shown) -- "before" and one line, redrawn
    shown = shows "code 0"
    assert.not_matches("━", shown)
    assert.not_matches("left", shown)
    assert.matches("^before\nn  state", shown)
    assert.matches("4 completed in 0:0%d\ncode 0\n$", shown)
  end)

  it("draws it in ASCII where the locale has no UTF-8", function()
    open(80, "run " .. write(sweep(2, 1500)), { LC_ALL = "C" })
    shows "sweep  %[[#-]+%]  0/2  "
    shows "code 0"
  end)

  it("keeps to one line when the terminal becomes narrower", function()
    open(100, "run " .. write(sweep(3, 4000)))
    shows "sweep  [━╌]+  0/3  "
    for _, columns in ipairs { 60, 35, 20, 90 } do
      process.run(("%s resize-window -t t -x %d -y 50"):format(tmux, columns))
      process.eventually("the line in " .. columns, function()
        local lines = {}
        for line in screen():gmatch "[^\n]+" do lines[#lines + 1] = line end
        return #lines == 2 and lines[2]:find "%d/3"
      end)
    end
    shows "code 0"
  end)

  it("colours states, unless told not to", function()
    local list = "jobs --limit 1"
    open(100, list)
    shows "code 0"
    assert.matches("\27%[32mCOMPLETED", screen "-e")
    open(100, list, { NO_COLOR = "1" })
    shows "code 0"
    assert.not_matches("\27%[32m", screen "-e")
  end)

  it("cuts tables to its width, and says what is missing and how to see it", function()
    local id = running:simulation "wide"
    running:make(("/v1/simulations/%s/sweeps"):format(id), { template = server.spec(), combine = "zip", parameters = {
      a_long_parameter = { 1, 2, 3 }, another_long_parameter = { "x", "y", "z" }, ["the_third"] = { 1.5, 2.5, 3.5 } } })
    running:finished(id)
    open(50, "results " .. id)
    local shown = shows "code 0"
    assert.matches("a_long_parameter  another_long_parameter", shown)
    assert.matches("3 columns did not fit %(the_third, state, time%)", (shown:gsub("\n", "")))
  end)

  it("shows the first and the last rows of long tables", function()
    local id = running:simulation "long"
    running:make(("/v1/simulations/%s/sweeps"):format(id), { template = server.spec(),
      parameters = { n = { from = 1, to = 100, step = 1 } } })
    running:finished(id)
    open(100, "results " .. id)
    shows "code 0"
    local shown = screen "-S -50"
    assert.matches("\n 40  COMPLETED[^\n]*\n%.%.%.\n 81  COMPLETED", shown)
    assert.matches("the first 40 and the last 20 of 100 rows", shown, 1, true)
  end)

  it("lets go at Ctrl-C, at once", function() -- wide, since the hint names the program with its path
    open(240, "run " .. write(sweep(1, 60000)))
    shows "sweep  [━╌]+  0/1  "
    process.run(tmux .. "send-keys -t t C-c")
    local shown = shows "code 130"
    assert.matches("The simulation goes on.\n  come back: %S+/orrery watch (%S+)", shown)
    assert.not_matches("╌", shown)
    open(240, "watch " .. shown:match "watch (%S+)")
    shows "sweep  [━╌]+  0/1  "
    process.run(tmux .. "send-keys -t t C-c")
    shows "code 130"
  end)

  it("waits for a server that is away", function()
    open(100, "run " .. write(sweep(1, 5000)))
    shows "sweep  [━╌]+  0/1  "
    running:stop(true)
    shows "no answer from the server"
    running:launch():ready()
    local shown = shows "code 0"
    assert.matches("^before\nn  state", shown)
  end)
end)
