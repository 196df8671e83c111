-- Signatures of deliveries, as Standard Webhooks has them: the HMAC-SHA256 of id, time and body, by a secret that its owner
-- keeps as whsec_ and Base64.
local digest = require "house.digest"
local server = require "house.server"

local signature = {}

local PREFIX = "whsec_"
local LEAST, MOST, OURS = 24, 64, 32 -- bytes

---@return string secret as it is stored: Base64
function signature.new_secret()
  return digest.base64((server.random(OURS):gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)))
end

---As its owner knows it.
function signature.shown(secret) return PREFIX .. secret end

---@param text string as its owner knows it
---@return string|nil secret nil: it is none
function signature.secret_of(text)
  local base64 = text:sub(1, #PREFIX) == PREFIX and text:sub(#PREFIX + 1) or nil
  local bytes = base64 and digest.from_base64(base64)
  return bytes and #bytes >= LEAST and #bytes <= MOST and base64 or nil
end

signature.format = ("%s and then %d to %d bytes in Base64"):format(PREFIX, LEAST, MOST)

local function by(secret, content) return "v1," .. digest.base64(digest.keyed(digest.from_base64(secret), content)) end

---The headers of a try. While its secret is being changed, both sign.
---@param hook table its row: secret, old_secret, old_until
---@param id string the delivery's, the same at every try
---@param now integer wall milliseconds
---@return table<string, string>
function signature.headers(hook, id, now, body)
  local seconds = now // 1000
  local content = ("%s.%d.%s"):format(id, seconds, body)
  local words = by(hook.secret, content)
  if hook.old_secret and hook.old_until > now then words = words .. " " .. by(hook.old_secret, content) end
  return { ["webhook-id"] = id, ["webhook-timestamp"] = tostring(seconds), ["webhook-signature"] = words }
end

return signature
