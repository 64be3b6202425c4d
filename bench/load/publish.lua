-- Publishes one event a request with wrk, each with an id of its own. Arguments: the first event's number, and
-- an event's text before and after the number in its id, with ~ for the topic's digit. Prints one line of JSON.

local TOPICS = 8
local before, after, number = {}, nil, nil

function init(args)
  number = tonumber(args[1])
  for topic = 0, TOPICS - 1 do
    before[topic] = args[2]:gsub("~", topic)
  end
  after = args[3]
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  wrk.body = before[number % TOPICS] .. string.format("%012d", number) .. after
  number = number + 1
  return wrk.format()
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"refused":%d,"errors":%d,"p50Ms":%f,"p99Ms":%f,"maxMs":%f}',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3
  ))
end
