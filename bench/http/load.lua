-- The requests that wrk sends: for rows with random keys.
--
--   wrk -s load.lua URL -- METHOD PATH ROWS [BODY]
--
-- {key} in PATH becomes a random key of ROWS. {gets} in BODY becomes a list of 100 batch items that get random keys.

local GETS = 100
local BODIES = 64
local method, path, rows, headers
local bodies = {}

local function key()
  return string.format('k%d', 100000000 + math.random(0, rows - 1))
end

local function gets()
  local items = {}
  for i = 1, GETS do items[i] = string.format('{"op":"get","key":"%s"}', key()) end
  return table.concat(items, ',')
end

function init(arguments)
  math.randomseed(os.time())
  method, path, rows = arguments[1], arguments[2], tonumber(arguments[3])
  local body = arguments[4]
  if body == nil then return end
  headers = { ['Content-Type'] = 'application/json' }
  for i = 1, BODIES do bodies[i] = string.gsub(body, '{gets}', gets) end
end

function request()
  local body
  if #bodies > 0 then body = bodies[math.random(#bodies)] end
  return wrk.format(method, string.gsub(path, '{key}', key), headers, body)
end

function done(summary, latency)
  local refused = summary.errors.status
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"medianUs":%d,"p99Us":%d}\n',
    summary.requests, summary.duration, refused, broken, latency:percentile(50), latency:percentile(99)
  ))
end
