-- Other people's text on a terminal.
require "support.house"
local text = require "orrery.cli.text"

describe("text", function()
  it("leaves harmless text as it is", function()
    for _, sample in ipairs { "", "plain", "Žluťoučký kůň", "日本語", "a b  c", "emoji 🪐" } do
      assert.equal(sample, text.clean(sample))
    end
  end)

  it("shows what steers a terminal as escapes", function()
    assert.equal("\\x1b[31mred", text.clean "\27[31mred")
    assert.equal("a\\nb\\tc\\x0d", text.clean "a\nb\tc\r")
    assert.equal("\\x00\\x7f", text.clean "\0\127")
    assert.equal("\\u{9b}2J", text.clean "\u{9b}2J") -- a control sequence in one character
    assert.equal("\\u{202e}txt.exe", text.clean "\u{202e}txt.exe") -- written from right to left
    assert.equal("\\u{200b}", text.clean "\u{200b}")
  end)

  it("shows broken UTF-8 byte by byte", function()
    assert.equal("a\\xffb", text.clean "a\xffb")
    assert.equal("\\xc3", text.clean "\xc3")
    assert.equal("\\xc0\\x80", text.clean "\xc0\x80") -- an overlong NUL
  end)

  it("keeps the lines of several lines", function()
    assert.equal("a\\x1b\n  b\n", text.clean_lines "a\27\n  b\n")
  end)

  it("escapes JSON within JSON", function()
    assert.equal('{"name":"\\u009b\\u202e é \\u007f"}', text.clean_json '{"name":"\u{9b}\u{202e} é \127"}')
    assert.equal('{\n  "a": 1\n}\n', text.clean_json '{\n  "a": 1\n}\n')
  end)

  it("cuts by columns, never through a character", function()
    assert.equal("short", text.cut("short", 5))
    assert.equal("shor…", text.cut("shorts", 5))
    assert.equal("日…", text.cut("日本語", 4)) -- the second character would take columns 3 and 4
    assert.equal("日本…", text.cut("日本語", 5))
    assert.equal("…", text.cut("ab", 1))
    assert.equal("", text.cut("ab", 0))
  end)

  it("pads by columns", function()
    assert.equal("ab   ", text.pad("ab", 5))
    assert.equal("   ab", text.pad("ab", 5, "right"))
    assert.equal("日本 ", text.pad("日本", 5))
  end)

  it("quotes words for a shell, where they need it", function()
    assert.equal("a/b-c_d.e=1", text.shell "a/b-c_d.e=1")
    assert.equal("'a b'", text.shell "a b")
    assert.equal("'it'\\''s'", text.shell "it's")
    assert.equal("''", text.shell "")
  end)

  it("counts in words", function()
    assert.equal("1 job", text.count(1, "job"))
    assert.equal("0 jobs", text.count(0, "job"))
  end)
end)
