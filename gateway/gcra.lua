-- The rule of gateway/gcra.py inside Redis: all charges of one request, decided all or nothing in one round trip.
-- KEYS: what each charge's key keeps, the moment when nothing is used any more, by Redis' own clock in microseconds.
-- ARGV: for each key, the microseconds in which one unit comes back, those in which all do, the cost in units, and
-- whether the policy refuses (1) or is in shadow (0).
-- Returns for each key how much too early the request came (0: it conforms) and how much is used, both microseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local dues = redis.call('MGET', unpack(KEYS))
local before, after, early, refused = {}, {}, {}, false
for i = 1, #KEYS do
  local interval, span, cost = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  before[i] = math.min(math.max(tonumber(dues[i] or now), now), now + span)
  after[i] = before[i] + cost * interval
  early[i] = math.max(0, after[i] - span - now)
  refused = refused or (early[i] > 0 and ARGV[4 * i] == '1')
end
local told = {}
for i = 1, #KEYS do
  local due = before[i]
  if not refused and early[i] == 0 then
    due = after[i]
    redis.call('SET', KEYS[i], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1)
  end
  told[i] = string.format('%.0f %.0f', early[i], due - now)
end
return table.concat(told, ' ')
