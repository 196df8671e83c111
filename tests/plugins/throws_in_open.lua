-- Throws when it is opened, unless it is told to refuse in good order.
local function nothing() end
return { submit = nothing, monitor = nothing, cancel = nothing, find = nothing,
  open = function(config)
    if config.politely then return nil, "there is no scheduler here" end
    error "I will not open"
  end }
