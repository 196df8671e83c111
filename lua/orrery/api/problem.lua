-- Problem documents (RFC 9457): every error of the API, by a stable type. Handlers raise them; the one place that answers
-- them is api/init.lua.
local json = require "house.json"

local problem = {}

-- type → status and title. Types are part of the API: they are added to, never changed.
local types = {
  ["bad-request"] = { 400, "Bad request" },
  ["invalid-json"] = { 400, "The body is not valid JSON" },
  ["invalid-query"] = { 400, "A query parameter is wrong" },
  ["unauthorized"] = { 401, "A valid token is needed" },
  ["forbidden"] = { 403, "This token does not allow it" },
  ["not-found"] = { 404, "There is no such thing" },
  ["method-not-allowed"] = { 405, "This path does not have this method" },
  ["not-acceptable"] = { 406, "None of the accepted types can be given" },
  ["timeout"] = { 408, "Timeout" },
  ["conflict"] = { 409, "It has changed in the meantime" },
  ["illegal-transition"] = { 409, "The job's state does not allow it" },
  ["disabled"] = { 409, "It is disabled" },
  ["exists"] = { 409, "There is one of this name already" },
  ["configured"] = { 409, "The configuration says so" },
  ["limit-reached"] = { 409, "There are as many as there may be" },
  ["still-running"] = { 409, "It still runs" },
  ["in-doubt"] = { 409, "It may have been carried out already" },
  ["gone"] = { 410, "It has been deleted" },
  ["cursor-expired"] = { 410, "Events after this one are no longer kept" },
  ["body-too-large"] = { 413, "Body too large" },
  ["unsupported-media-type"] = { 415, "The body's type is not understood" },
  ["range-not-satisfiable"] = { 416, "The file is not that long" },
  ["invalid-value"] = { 422, "The request is understood, but wrong" },
  ["answer-too-large"] = { 422, "The answer is too large for a message" },
  ["idempotency-mismatch"] = { 422, "This Idempotency-Key was used for another request" },
  ["not-implemented"] = { 501, "The method is not implemented" },
  ["unavailable"] = { 503, "A needed part does not answer" },
  ["storage-full"] = { 507, "The server's disk is full" },
}
problem.types = types

-- Those that are answered before Lua is asked, or when it has failed (src/http, src/app/api.c).
problem.types_of_http = { "encoding-unknown", "expectation-failed", "headers-too-large", "internal", "method-unknown",
  "out-of-memory", "target-too-long", "too-many-connections", "too-many-headers", "too-slow", "version-not-supported" }

---The document as a table.
function problem.document(type, detail, more)
  local known = types[type]
  local document = { type = "/problems/" .. type, title = known[2], status = known[1], detail = detail }
  for name, value in pairs(more or {}) do document[name] = value end
  return document
end

---Raises a problem.
---@param more table|nil members in addition: errors = {{pointer=, detail=}, …}, or header lines in `headers`
function problem.raise(type, detail, more)
  local headers = more and more.headers or ""
  if more then more.headers = nil end
  error({ problem = problem.document(type, detail, more), headers = headers }, 0)
end

---What is wrong with a body, as type, detail and members in addition of a problem.
---@param errors {pointer:string, detail:string}[] `forbidden`: a sentence, where it is right, but for others to send
local function explain(errors)
  if errors.forbidden then return "forbidden", errors.forbidden end
  local first = errors[1]
  local detail = (first.pointer == "" and "The body " or first.pointer .. " ") .. first.detail
  return "invalid-value", detail, { errors = json.list(errors) }
end

---The document of it.
function problem.of(errors) return problem.document(explain(errors)) end

---Raises it.
function problem.invalid(errors) problem.raise(explain(errors)) end

---What a failed commit means for the client.
function problem.of_commit(code, why)
  if code == "conflict" then problem.raise("conflict", "Somebody else changed it at the same time; read it again.") end
  if code == "no_space" then problem.raise("storage-full", why) end
  problem.raise("unavailable", why)
end

---Status, headers and body of the answer.
function problem.answer(raised, request_id)
  local document = raised.problem
  document.request_id = request_id
  return document.status, "Content-Type: application/problem+json\r\n" .. raised.headers, json.encode(document)
end

return problem
