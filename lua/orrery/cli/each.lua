-- Commands that wish one thing of each of several, which are named one after the other.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"
local session = require "orrery.cli.session"
local text = require "orrery.cli.text"

---@class each.of
---@field collection string the path of all of them
---@field thing string what one of them is called
---@field name string what names one, in the usage

---@param of each.of
---@param done string what is so then, in words
---@param act fun(opened, path:string) → status, answer, body: as the functions of a session
return function(of, name, summary, done, act)
  return { name = name, summary = summary, client = true,
    declare = function(command) command:argument("names", "the " .. of.thing .. "s"):argname(of.name):args "+" end,
    run = function(arguments)
      local opened = session.open(arguments)
      for _, each in ipairs(arguments.names) do
        local _, _, body = act(opened, session.path(of.collection, each))
        if not arguments.json then out.line(text.clean(("%s %s: %s"):format(of.thing, each, done)))
        elseif body ~= "" then out.json(body) end
      end
      return exit.OK
    end }
end
