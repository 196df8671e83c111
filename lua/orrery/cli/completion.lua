-- `orrery completion`: a script that teaches a shell to complete orrery's command line.
local exit = require "orrery.cli.exit"
local out = require "orrery.cli.out"

local completion = {
  name = "completion",
  summary = "print a script that completes this command line in a shell",
}

function completion.declare(command)
  command:argument("shell", "bash, zsh or fish"):argname "SHELL":choices { "bash", "zsh", "fish" }
  command:epilog "For bash: orrery completion bash > ~/.local/share/bash-completion/completions/orrery"
end

---@param parser table the argparse parser of the whole command line
function completion.run(arguments, _, _, parser)
  out.bytes(parser[("get_%s_complete"):format(arguments.shell)](parser))
  return exit.OK
end

return completion
