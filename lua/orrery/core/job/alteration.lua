-- Altering a job after it was created: what can be altered is what schedulers can change of a job that they hold. A job of a
-- sweep gets a specification of its own; the sweep keeps its template, and the job its parameters.
local json = require "house.json"
local jobs = require "orrery.data.jobs"
local kind_of = require "orrery.core.job.kind"
local spec = require "orrery.core.job.spec"
local specification = require "orrery.core.job.specification"

local alteration = {}

local attributes = spec.fields.attributes.fields

---What can be altered, as members of a specification.
alteration.fields = { attributes = { type = "object", help = "how the scheduler treats the job; what is not named stays as it is",
  fields = { duration = attributes.duration, queue_name = attributes.queue_name, account = attributes.account,
    reservation_id = attributes.reservation_id } } }

---A job's specification as it will be.
---@param source table what it is made of (data.jobs.specification)
---@param changes table members of a specification; what has members itself is changed member by member
function alteration.of(source, changes)
  local job = specification.of(source)
  for group, members in pairs(changes) do
    job[group] = job[group] or {}
    for name, value in pairs(members) do job[group][name] = value end
  end
  return job
end

---Writes the specification of a job that no scheduler holds. Guarded: nobody else has altered it since `source` was read.
---@param row table key, state
function alteration.write(change, row, source, job)
  jobs.respecify(change, row, source.edition, json.encode(job), kind_of(job, source.may_run_as))
end

---Writes the changes of an order that has been carried out. While there is an order nobody else alters the job.
function alteration.record(change, key, changes)
  local source = jobs.specification(key)
  local job = alteration.of(source, changes)
  jobs.altered(change, key, json.encode(job), kind_of(job, source.may_run_as))
end

return alteration
