-- For wrk: GETs of random accounts at a steady rate. Each thread writes a line for each response: the Unix second, the
-- status, the `Age` and the `Cache-Status`.
--
-- Arguments: a file with a path and a key in each line, the folder for the results, the milliseconds between two requests
-- of a connection.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  targets = {}
  for line in io.lines(arguments[1]) do
    local path, key = line:match("(%S+) (%S+)")
    targets[#targets + 1] = wrk.format("GET", path, { authorization = "Bearer " .. key })
  end
  results = io.open(arguments[2] .. "/" .. number, "w")
  pause = tonumber(arguments[3])
  math.randomseed(number + 1)
end

function delay()
  -- Spread, so that connections do not send in step.
  return math.random(0, 2 * pause)
end

function request()
  return targets[math.random(#targets)]
end

function response(status, headers)
  local age, source = headers["age"] or "-", headers["cache-status"] or "-"
  results:write(os.time(), " ", status, " ", age, " ", source, "\n")
end
