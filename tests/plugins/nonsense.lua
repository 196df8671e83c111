-- Takes jobs, and then talks nonsense: what a job's own argument says (tests/api/plugins_spec.lua has the list).
local plugin = {}

local talk = {
  ["a state nobody knows"] = { state = "LEVITATING", final = true },
  ["no state at all"] = {},
  ["a state that is a list"] = { state = { "ACTIVE" } },
  ["a member nobody knows"] = { state = "ACTIVE", colour = "red" },
  ["an exit code in words"] = { state = "COMPLETED", final = true, exit_code = "zero" },
  ["a reason nobody knows"] = { state = "FAILED", final = true, reason = "BAD_LUCK" },
  ["an error that is a number"] = { error = 7 },
  ["an error of no class"] = { error = { message = "?" } },
  ["an error of a class nobody knows"] = { error = { class = "sad", message = "?" } },
  ["a time before all times"] = { state = "ACTIVE", started_at = -1 },
  ["a native state with a NUL in it"] = { state = "ACTIVE", native_state = "a\0b" },
  ["usage that is a text"] = { state = "ACTIVE", usage = "much" },
}

function plugin.open()
  return { said = {}, honours = { fields = { "executable", "arguments" } } }
end

function plugin.submit(self, items, report)
  for i, item in ipairs(items) do
    local word = item.argv[2]
    if word == "a native id that is a number" then report(i, { native_id = 7 })
    elseif word == "an empty native id" then report(i, { native_id = "" })
    elseif word == "a native id with a NUL in it" then report(i, { native_id = "a\0b" })
    elseif word == "a refusal with a NUL in it" then report(i, { error = { class = "rejected", message = "a\0b" } })
    elseif word == "an error in submit that is a number" then report(i, { error = 7 })
    elseif word == "somebody else's native id" then report(i, { native_id = "taken" })
    else
      self.said[item.tag] = word
      report(i, { native_id = item.tag })
    end
    report(i, { native_id = "said twice" })
  end
  report(0, {})
  report(#items + 1, { native_id = "nobody" })
end

function plugin.monitor(self, items, report)
  for i, ref in ipairs(items) do report(i, talk[self.said[ref.native_id]] or { state = "QUEUED" }) end
  report(-1, { state = "ACTIVE" })
  report(math.maxinteger, { state = "ACTIVE" })
end

function plugin.find(_, items, report)
  for i in ipairs(items) do report(i, { answer = "perhaps", native_id = {} }) end
end

function plugin.cancel(_, items, report)
  for i in ipairs(items) do report(i, { error = true }) end
end

function plugin.suspend(_, items, report)
  for i in ipairs(items) do report(i, { error = { class = {}, message = {} } }) end
end

function plugin.status(_, _, report) report(1, { state = "sideways", cores_total = "many" }) end

return plugin
