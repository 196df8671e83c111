-- Never ends being loaded.
while true do end
