-- Samples: values drawn from the axes of a parameter space, instead of all their combinations. What job i gets is
-- computed from i, the seed and the parameter's name alone, in integers of 64 bits and in doubles: the same everywhere,
-- at once for any i, and for each parameter whatever the others are.
--
--   random            every value is drawn by itself
--   latin_hypercube   each parameter's range is cut into as many strata as there are jobs, and each stratum is drawn from
--                     once: which job has which is a permutation of the strata, another for each parameter
local sampling = {}

local MOST_SEED = 2 ^ 53 - 1 | 0 -- what every reader of JSON can keep

sampling.schema = { type = "object", help = "draw the values instead of combining them", fields = {
  method = { type = "text", choices = { "random", "latin_hypercube" }, required = true,
    help = "each value by itself, or every part of each range exactly once" },
  count = { type = "integer", min = 1, max = 1000000, required = true, help = "how many jobs" },
  seed = { type = "integer", min = 0, max = MOST_SEED,
    help = "the same seed draws the same values; chosen and told when it is absent" },
} }

local STRIDE = 0x9e3779b97f4a7c15 -- 2^64 over the golden ratio: consecutive numbers land far apart

-- The finalizer of SplitMix64: every bit of the result depends on every bit of x.
local function mix(x)
  x = (x ~ x >> 30) * 0xbf58476d1ce4e5b9
  x = (x ~ x >> 27) * 0x94d049bb133111eb
  return x ~ x >> 31
end

-- Word i of the endless row that belongs to a key.
local function word(key, i) return mix(key + (i + 1) * STRIDE) end

local function key_of(seed, name)
  local key = mix(seed + STRIDE)
  for at = 1, #name do key = mix((key ~ name:byte(at)) + STRIDE) end
  return key
end

local ROUNDS = 8

---A permutation of 0 … count - 1 that needs no table: a Feistel network, which permutes numbers of an even count of bits,
---run again on what falls beyond the last number ("cycle walking"; the network has less than four times as many).
---@return fun(i:integer):integer
function sampling.permutation(key, count)
  local half = 1
  while 1 << 2 * half < count do half = half + 1 end
  local mask, shift, factors, terms = (1 << half) - 1, 64 - half, {}, {}
  for r = 1, ROUNDS do factors[r], terms[r] = word(key, 2 * r) | 1, word(key, 2 * r + 1) end
  return function(i)
    repeat
      local left, right = i >> half, i & mask
      for r = 1, ROUNDS do
        left, right = right, left ~ right * factors[r] + terms[r] >> shift
      end
      i = left << half | right
    until i < count
    return i
  end
end

-- How far along a range the value of job i lies, from 0 to below 1.
local fractions = {}

function fractions.random(key)
  return function(i) return (word(key, i) >> 11) * 2.0 ^ -53 end
end

-- Within its stratum a value has 32 bits of chance: so the sum with the stratum's number is exact, and stays within it.
function fractions.latin_hypercube(key, count)
  local stratum_of = sampling.permutation(mix(key), count)
  return function(i) return (stratum_of(i) + (word(key, i) >> 32) * 2.0 ^ -32) / count end
end

---The axes of a sample: each has as many values as there are jobs, and job i takes value i of all of them.
---@param space axes.axis[] what is drawn from
---@param sample {method:string, count:integer, seed:integer}
---@return axes.axis[]
function sampling.draw(space, sample)
  local drawn = {}
  for a, axis in ipairs(space) do
    local fraction = fractions[sample.method](key_of(sample.seed, axis.name), sample.count)
    local pick = axis.pick or function(along) return axis.at(math.floor(along * axis.count)) end
    drawn[a] = { name = axis.name, count = sample.count, at = function(i) return pick(fraction(i)) end }
  end
  return drawn
end

return sampling
