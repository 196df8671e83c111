-- Whether a task still goes on. One that was thrown out for its time closes nothing, and so can clear no flag of its own.

---@param thread thread|nil|false what coroutine.running() was in it; nil or false: it has not begun, or has ended by itself
return function(thread) return thread and coroutine.status(thread) ~= "dead" end
