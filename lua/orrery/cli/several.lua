-- Options that take several values: given several times, or with commas.
local several = {}

---@param target string where the values are among the arguments
function several.declare(command, name, help, argname, target)
  command:option(name, help .. "; several with commas, or given several times"):argname(argname):count "*":target(target)
end

---@param given string[]
---@return string[]
function several.list(given)
  local list = {}
  for word in table.concat(given, ","):gmatch "[^,%s]+" do list[#list + 1] = word end
  return list
end

---As a query has them.
---@return string|nil
function several.text(given) return #given > 0 and table.concat(several.list(given), ",") or nil end

return several
