-- Text on a terminal: made harmless, measured, cut and padded. Names and messages come from other people: whatever
-- could move the cursor, change colours or reverse the direction of writing is shown as an escape instead.
local terminal = require "house.terminal"

local text = {}

-- Characters that steer a terminal or hide text: C1 controls, marks of direction, separators of lines.
local function steers(code)
  return (code >= 0x80 and code <= 0x9f) or code == 0x061c or (code >= 0x200b and code <= 0x200f)
    or (code >= 0x2028 and code <= 0x202e) or (code >= 0x2066 and code <= 0x2069) or code == 0xfeff
end

-- Replaces what steers in a run of bytes above 127, which may be broken UTF-8.
local function clean_run(run, escape)
  if utf8.len(run) then
    return (run:gsub(utf8.charpattern, function(character)
      local code = utf8.codepoint(character)
      return steers(code) and escape(code) or nil
    end))
  end
  return (run:gsub(".", function(byte) return ("\\x%02x"):format(byte:byte()) end))
end

local function by_code(code) return ("\\u{%x}"):format(code) end
local function by_json(code) return ("\\u%04x"):format(code) end

---One line, safe to print.
function text.clean(value)
  value = tostring(value)
  if not value:find("[%c\x80-\xff]") then return value end
  value = value:gsub("%c", function(byte)
    return byte == "\n" and "\\n" or byte == "\t" and "\\t" or ("\\x%02x"):format(byte:byte())
  end)
  return (value:gsub("[\x80-\xff]+", function(run) return clean_run(run, by_code) end))
end

---JSON with the same meaning, safe to print. Strict JSON holds such characters in its texts only.
function text.clean_json(value)
  value = value:gsub("\x7f", "\\u007f")
  return (value:gsub("[\x80-\xff]+", function(run) return utf8.len(run) and clean_run(run, by_json) or run end))
end

---Several lines, safe to print: what clean does, line by line.
function text.clean_lines(value)
  return (value:gsub("[^\r\n]+", text.clean))
end

text.columns = terminal.columns

---The text if it fits, or its beginning with a mark that it was cut.
function text.cut(value, width)
  if text.columns(value) <= width then return value end
  local mark = terminal.utf8 and "…" or "~"
  local parts, used = {}, 0
  for character in value:gmatch(utf8.charpattern) do
    local columns = text.columns(character)
    if used + columns > width - 1 then break end
    parts[#parts + 1], used = character, used + columns
  end
  return width > 0 and table.concat(parts) .. mark or ""
end

---Padded with spaces to the width, on the side away from where the text is aligned.
function text.pad(value, width, align)
  local spaces = (" "):rep(width - text.columns(value))
  return align == "right" and spaces .. value or value .. spaces
end

---A word as a shell takes it.
function text.shell(word)
  return word:find("^[%w%-_./=:,+@%%]+$") and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

---"1 job", "3 jobs".
function text.count(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

return text
