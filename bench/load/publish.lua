-- Publishes events with wrk, some a request. Arguments: see wrk.ts. Prints one line of JSON when it is done.

-- A duplicate is one of so many latest events, or any of the first `old_events` of the node.
local RECENT_EVENTS = 1000
local STRIDE = 7919

local thread_of_run

function setup(thread)
  thread_of_run = thread
end

-- Read from outside when the run is over, so they are global.
made_requests, made_unique = 0, 0

local events_per_request, topics, percent, old_events, first, event_format
local ordinal, debt = 0, 0

function init(args)
  events_per_request, topics = tonumber(args[1]), tonumber(args[2])
  percent, old_events, first = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  event_format = args[6]
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

local function next_number()
  ordinal = ordinal + 1
  debt = debt + percent
  local known = first + made_unique
  if debt < 100 or known == 0 then
    made_unique = made_unique + 1
    return known
  end
  debt = debt - 100
  if old_events > 0 then return math.random(0, old_events - 1) end
  return known - 1 - (ordinal * STRIDE) % math.min(known, RECENT_EVENTS)
end

function request()
  made_requests = made_requests + 1
  local parts = {}
  for i = 1, events_per_request do
    local number = next_number()
    -- The same event as any other client makes of this number: its id, the milliseconds of its time, its order.
    parts[i] = string.format(event_format, number % topics, number, number % 1e3, number % 1e9)
  end
  wrk.body = events_per_request == 1 and parts[1] or "[" .. table.concat(parts, ",") .. "]"
  return wrk.format()
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '\nRESULT {"requests":%d,"madeRequests":%d,"madeUnique":%d,"seconds":%f,"refused":%d,"errors":%d,'
      .. '"ack":{"p50Ms":%f,"p99Ms":%f,"p999Ms":%f,"maxMs":%f}}',
    summary.requests, thread_of_run:get("made_requests"), thread_of_run:get("made_unique"),
    summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3
  ))
end
