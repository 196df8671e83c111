-- The commands that replay recordings: they answer what was recorded, and nothing else.
local replay = require "support.replay"

describe("a replayed command", function()
  local rig, host
  setup(function()
    rig = replay.start "openpbs"
    host = rig:host()
  end)
  teardown(function() rig:stop() end)

  it("says what the real one said, with the mark it is given", function()
    rig:play("signal", "qsig_suspend_user_qsig")
    local said = host.exec({ "qstat", "-x", "-t", "-E", "-f", "-F", "dsv", "-D", "<0123>", "8822.localhost" }, {})
    assert.matches("^Job Id: 8822.localhost<0123>Job_Name=orrery%-109<0123>", said.stdout)
    said = host.exec({ "qsig", "-s", "suspend", "8821.localhost" }, {})
    assert.same({ 159, "qsig: Unauthorized Request  8821.localhost\n" }, { said.exit_code, said.stderr })
    assert.same({}, rig:unanswered())
  end)

  it("fails when it is called in any other way, and when the scenario has no such call", function()
    for _, words in ipairs { "qsig -s suspend 8821.localhost more", "qsig -s suspend", "qsig -s resume 8821.localhost",
      "qsig suspend -s 8821.localhost", "qhold 8826.localhost" } do
      rig:play "qsig_suspend_user_qsig"
      local argv = {}
      for word in words:gmatch "%S+" do argv[#argv + 1] = word end
      assert.equal(99, host.exec(argv, {}).exit_code, words)
      assert.same({ "[" .. words:gsub(" ", "] [") .. "]" }, rig:unanswered())
    end
  end)
end)
