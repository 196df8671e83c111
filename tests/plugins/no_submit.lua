-- Lacks a required verb.
local function nothing() end
return { open = nothing, monitor = nothing, cancel = nothing, find = nothing }
