-- Readers of the log that must miss nothing: how far each has come. What one has yet to read stays in the log, whatever
-- keeping or deletion would take from it.
local db = require "house.db"

local readers = {}

local get = db.statement "SELECT number FROM readers WHERE name = ?"
local begin = db.statement "INSERT OR IGNORE INTO readers(name, number) VALUES(?, ?)"
local move = db.statement "UPDATE readers SET number = ?2 WHERE name = ?1 AND number < ?2"
local forget = db.statement "DELETE FROM readers WHERE name = ?"
local least = db.statement "SELECT name, number FROM readers INDEXED BY readers_by_number ORDER BY number LIMIT 1"

---@return integer|nil number of the last event that it has dealt with; nil: there is no such reader
function readers.get(name) return db.value(get, name) end

---A new reader, for which the events after a number are. One that is there already stays where it is.
function readers.begin(change, name, number) change:add(begin, nil, name, number) end

---It has dealt with all events up to a number. It never goes back, and one that was forgotten stays so.
function readers.move(change, name, number) change:add(move, nil, name, number) end

---Nothing is kept for it any more.
function readers.forget(change, name) change:add(forget, nil, name) end

---The reader that is the furthest behind.
---@return {name:string, number:integer}|nil reader nil: there is none
function readers.last() return db.row(least) end

---@return integer|nil number up to which all readers have come; nil: there are none
function readers.least()
  local reader = readers.last()
  return reader and reader.number
end

return readers
