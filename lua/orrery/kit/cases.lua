-- The cases of the conformance kit, in the order in which they are tried: what everything else rests on comes first.
local cases = {}

for name in ("running characters batches arrays finding steering scheduler"):gmatch "%l+" do
  for _, case in ipairs(require("orrery.kit.cases." .. name)) do cases[#cases + 1] = case end
end

return cases
