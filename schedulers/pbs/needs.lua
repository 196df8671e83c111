-- How a job's processes are dealt to nodes.
local needs = {}

---On how many nodes a job is to run.
function needs.nodes(r)
  if r.node_count then return r.node_count end
  if not r.processes_per_node or not r.process_count then return 1 end
  return (r.process_count + r.processes_per_node - 1) // r.processes_per_node
end

---Nodes by how many processes each has, which differ by no more than one.
---@return {nodes:integer, processes:integer}[]
function needs.dealt(r)
  local nodes = needs.nodes(r)
  local all = r.process_count or nodes * (r.processes_per_node or 1)
  local least, more = math.max(all // nodes, 1), all > nodes and all % nodes or 0
  local kinds = {}
  if more > 0 then kinds[1] = { nodes = more, processes = least + 1 } end
  kinds[#kinds + 1] = { nodes = nodes - more, processes = least }
  return kinds
end

return needs
