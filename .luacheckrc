std = "lua54"
max_line_length = 140
files["tests/**/*_spec.lua"] = { std = "+busted" }
