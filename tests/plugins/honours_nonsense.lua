-- Opens well, but says that it can do what cannot be.
local function nothing() end
return { submit = nothing, monitor = nothing, cancel = nothing, find = nothing,
  open = function() return { honours = { fields = "everything", cores = -1 } } end }
