"""What the Redis server does for the cache in one round trip each, as Lua.

Keys, after the prefix: `value:KEY` the entry, `lease:KEY` who loads it now, `load:KEY` the version
that a load may replace, `tag:TAG` the tag's generation. An entry is a line of JSON,
`{"stale": milliseconds, "tags": {tag: generation}}`, and the value's bytes.

A drop removes `load:KEY` or `tag:TAG`; what is missing matches nothing. So eviction of any key,
by the server's memory limit or a restart, costs a load and never brings a dropped value back.

What is dropped is told to every process. `waiting:RECEIPT` counts those that have not said yet that they dropped it
too; the last one leaves a word in `heard:RECEIPT` for whoever waits.
"""

#: For how long a receipt is kept, in milliseconds: whoever waits has long given up then.
RECEIPT_MILLISECONDS = 5_000

TELL = f"""
local function tell(channel, message, waiting)
  local told = redis.call('PUBLISH', channel, message)
  if told > 0 then redis.call('SET', waiting, told, 'PX', {RECEIPT_MILLISECONDS}) end
  return told
end
"""

#: Longest load, in milliseconds, whose value is stored: the life of `load:KEY`, and the least of `tag:TAG`.
LOAD_MILLISECONDS = 600_000

READ = """
local function read(key, prefix)
  local kept = redis.call('GET', key)
  if not kept then return false, 0, false end
  local head = cjson.decode(string.match(kept, '^[^\\n]*'))
  for tag, generation in pairs(head.tags) do
    if redis.call('GET', prefix .. tag) ~= generation then return false, 0, false end
  end
  local left = redis.call('PTTL', key)
  return kept, left, left > head.stale
end
"""

#: Return {entry, milliseconds left}. KEYS: value. ARGV: tag prefix.
GET = (
    READ
    + """
local kept, left = read(KEYS[1], ARGV[1])
return {kept, left}
"""
)

#: Return {entry, milliseconds left} and, where the caller is to load, {version, generation...} as a third.
#: A missing tag means that whoever holds the lease was invalidated: the lease goes to the caller.
#: KEYS: value, lease, load, tag... ARGV: tag prefix, token, lease milliseconds, load milliseconds.
LOOK_UP = (
    READ
    + """
local kept, left, fresh = read(KEYS[1], ARGV[1])
if fresh then return {kept, left} end
for i = 4, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then redis.call('DEL', KEYS[2]) end
end
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return {kept, left} end
local stand = {}
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2], 'NX', 'PX', ARGV[4])
  stand[#stand + 1] = redis.call('GET', KEYS[i])
end
return {kept, left, stand}
"""
)

#: Return 1 where the value was kept, 0 where a drop or a newer value came between. Ends the lease.
#: KEYS: value, lease, load, tag... ARGV: token, entry, milliseconds, version, generation...
STORE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
for i = 3, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[i + 1] then return 0 end
end
redis.call('DEL', KEYS[3])
if tonumber(ARGV[3]) <= 0 then return 1 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
for i = 4, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3], 'GT') end
return 1
"""

#: Drop what is there under these names, and tell every process; return how many were told.
#: KEYS: name... ARGV: channel, message, waiting.
DROP = (
    TELL
    + """
for i = 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
return tell(ARGV[1], ARGV[2], ARGV[3])
"""
)

#: Say that this process has dropped it too. KEYS: waiting, heard.
HEARD = f"""
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('DECR', KEYS[1]) == 0 then
  redis.call('RPUSH', KEYS[2], 1)
  redis.call('PEXPIRE', KEYS[2], {RECEIPT_MILLISECONDS})
end
"""

#: Keep a value that was not loaded under a lease, and tell every process; return how many were told.
#: KEYS: value, lease, load, tag... ARGV: value, milliseconds, stale milliseconds, new generation, least
#: milliseconds of a tag, channel, message, waiting, tag name...
SET = (
    TELL
    + """
local tags = {}
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], ARGV[4], 'NX', 'PX', ARGV[5])
  redis.call('PEXPIRE', KEYS[i], ARGV[2], 'GT')
  tags[ARGV[i + 5]] = redis.call('GET', KEYS[i])
end
local head = cjson.encode({stale = tonumber(ARGV[3]), tags = tags})
redis.call('SET', KEYS[1], head .. '\\n' .. ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2], KEYS[3])
return tell(ARGV[6], ARGV[7], ARGV[8])
"""
)

#: End the lease where it is still the caller's. KEYS: lease. ARGV: token.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
