-- Shows a simulation's progress on standard error while it runs: a line redrawn in place on a terminal, else a line
-- whenever the counts have changed, at most every two seconds.
local clock = require "house.clock"
local out = require "orrery.cli.out"
local progress = require "orrery.cli.progress"
local style = require "orrery.cli.style"
local terminal = require "house.terminal"

local PLAIN_PAUSE_MS = 2000

---@class display
local display = {}
display.__index = display

---@param name string of the simulation
---@param elapsed number|nil seconds that it has run already
function display.open(name, elapsed)
  return setmetatable({
    name = name,
    live = terminal.is_terminal(2) and os.getenv("TERM") ~= "dumb",
    began = clock.monotonic() - math.floor((elapsed or 0) * 1000),
    drawn = 0, -- columns of the line on the screen
  }, display)
end

function display:elapsed() return (clock.monotonic() - self.began) / 1000 end

-- Seconds until the end, if jobs go on ending as they have since we looked first.
local function time_left(self, counts)
  local ended, total = progress.ended(counts)
  self.first = self.first or { ended = ended, at = clock.monotonic() }
  local done, took = ended - self.first.ended, (clock.monotonic() - self.first.at) / 1000
  if done > 0 and took > 1 and ended < total then return took * (total - ended) / done end
end

local function moment(self)
  return {
    name = self.name, counts = self.counts, elapsed = self:elapsed(), trouble = self.trouble,
    left = not self.trouble and time_left(self, self.counts) or nil,
  }
end

-- Back to where the line begins. A terminal made narrower since has wrapped it into several rows.
local function back(self, width)
  local rows = math.max(self.drawn - 1, 0) // width
  return (rows > 0 and ("\27[%dA"):format(rows) or "") .. "\r"
end

local function draw(self)
  local width = terminal.width() or 80
  local look = { width = width, utf8 = terminal.utf8, colour = style.wanted(2) }
  local line, columns = progress.line(moment(self), look)
  out.error_bytes(back(self, width) .. line .. "\27[J") -- one write, so that nothing flickers
  self.drawn = columns
end

local function print_change(self)
  local sentence, now = progress.sentence(moment(self)), clock.monotonic()
  if sentence == self.said or now < (self.may_speak or 0) then return end
  out.say(sentence)
  self.said, self.may_speak = sentence, now + PLAIN_PAUSE_MS
end

---Time has passed.
function display:tick()
  if not self.counts then return end
  if self.live then draw(self) else print_change(self) end
end

---Something was heard of the simulation.
function display:show(counts)
  self.counts, self.trouble = counts, nil
  self:tick()
end

---Nothing is heard of it, and why; nil: that is over.
function display:say_trouble(sentence)
  self.trouble = sentence and ("no answer from the server (%s), trying again"):format(sentence)
  if sentence then self:tick() end
end

---Removes the line from the screen.
function display:close()
  if self.drawn > 0 then out.error_bytes(back(self, terminal.width() or 80) .. "\27[J") end
  self.drawn, self.counts = 0, nil
end

return display
