import { createHash } from 'node:crypto';

/**
 * The scripts that run on the servers: one for each kind of write, because every write has to raise the revision, and
 * one for reading a row together with its lifetime. Each concerns one key, `KEYS[1]`, and takes one round trip.
 *
 * Invariants
 * - What a script has to refuse, it refuses before it writes anything: an error in the middle would not undo what was
 *   written. The first command that writes is one that a server out of memory rejects, except where rows are removed.
 * - A revision is the time in microseconds, or the row's previous revision plus 1 if that is more. So it rises with
 *   every write of a key, also across deletion and insertion, as long as the clock is not set back.
 * - No number of 64 bits passes through Lua, whose numbers are doubles: it is added by `HINCRBY`, whose result is read
 *   back as text.
 * - A hash without a revision is no row.
 *
 * Lifetimes are arguments in milliseconds: empty to keep the row's own, -1 for none.
 */

interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
  /** Whether it changes nothing. */
  readonly isRead: boolean;
}

const LIFETIME = `
local function live(key, ttl, was)
  if ttl == '' then return end
  if ttl == '-1' then
    if was then redis.call('PERSIST', key) end
  else
    redis.call('PEXPIRE', key, ttl)
  end
end
`;

const NEXT_REVISION = `
local function after(old)
  local now = redis.call('TIME')
  local revision = now[1] * 1000000 + now[2]
  if old and revision <= tonumber(old) then revision = tonumber(old) + 1 end
  return string.format('%.0f', revision)
end
`;

const NUMBERS = `
local function number(text)
  if text == 'NaN' then return 0 / 0 end
  if text == 'Infinity' then return 1 / 0 end
  if text == '-Infinity' then return -1 / 0 end
  return tonumber(text)
end
`;

/**
 * Whether a row's revision, false for no row, fulfils a condition: a revision, or a kind followed by revisions between
 * commas. Kinds: `=` one of these, `~` a row and none of these, `!` no row or none of these, `-` no row. Empty: any.
 */
const FITS = `
local function fits(condition, old)
  if condition == '' or condition == old then return true end
  local kind = string.sub(condition, 1, 1)
  local listed = old and string.find(condition, ',' .. old .. ',', 2, true)
  if kind == '=' then return listed end
  if kind == '~' then return old and not listed end
  if kind == '!' then return not listed end
  return kind == '-' and not old
end
`;

/**
 * Compares the row with ARGV[first] = condition of its revision (see FITS), ARGV[first + 1] = number of columns, then
 * kind, field and value of each. Returns whether it is as expected, and the index after the last value.
 */
const EXPECTED = `
${NUMBERS}${FITS}
local function same(kind, actual, wanted)
  if kind == 'b' then return (actual or '') == wanted end
  actual = actual or '0'
  if kind == 'n' or actual == wanted then return actual == wanted end
  local a, b = number(actual), number(wanted)
  if a ~= a then return b ~= b end
  return a == b and (a ~= 0 or 1 / a == 1 / b)
end

local function asExpected(key, old, first)
  local columns = tonumber(ARGV[first + 1])
  local last = first + 1 + 3 * columns
  if not fits(ARGV[first], old) or (not old and columns > 0) then return false, last + 1 end
  for i = first + 2, last, 3 do
    if not same(ARGV[i], redis.call('HGET', key, ARGV[i + 1]), ARGV[i + 2]) then return false, last + 1 end
  end
  return true, last + 1
end
`;

/** What a write returns after outcome and revision: as much as the caller asked for. */
const ANSWER = `
local function answer(key, outcome, revision, wanted, value)
  if wanted == '' then return { outcome, revision, value or '' } end
  local left = string.format('%.0f', redis.call('PTTL', key))
  if wanted == 'ttl' then return { outcome, revision, value or '', left } end
  return { outcome, revision, value or '', left, redis.call('HGETALL', key) }
end
`;

/**
 * ARGV: mode (set, put, insert, update), lifetime, what to return ('', ttl or row), what is expected (see EXPECTED), then
 * fields and values.
 */
export const WRITE = script(
  'WRITE',
  `${LIFETIME}${NEXT_REVISION}${EXPECTED}${ANSWER}
local key, mode = KEYS[1], ARGV[1]
local old = redis.call('HGET', key, 'revision')
if old and mode == 'insert' then return { 'present', old } end
if not old and mode == 'update' then return { 'absent', '0' } end
local isExpected, first = asExpected(key, old, 4)
if not isExpected then return { old and 'mismatch' or 'absent', old or '0' } end
local revision = after(old)
redis.call('HSET', key, 'revision', revision, unpack(ARGV, first))
if mode == 'put' and old then
  local named = { revision = true }
  for i = first, #ARGV, 2 do named[ARGV[i]] = true end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not named[field] then redis.call('HDEL', key, field) end
  end
end
live(key, ARGV[2], old)
return answer(key, old and 'updated' or 'inserted', revision, ARGV[3])
`,
);

/**
 * ARGV: lifetime, what to return, lifetime of a new row, condition (see FITS), column, kind (i, l, f, d), addend. Then
 * for `i` the bounds, for `l` more addends: what does not fit in 64 bits may still have a sum that does.
 */
export const INCREMENT = script(
  'INCREMENT',
  `${LIFETIME}${NEXT_REVISION}${NUMBERS}${FITS}${ANSWER}
local key, column, kind = KEYS[1], ARGV[5], ARGV[6]
local old = redis.call('HGET', key, 'revision')
if not fits(ARGV[4], old) then return { old and 'mismatch' or 'absent', old or '0' } end
local value
if kind == 'l' then
  local had = redis.call('HGET', key, column)
  local problem
  for i = 7, #ARGV do
    local reply = redis.pcall('HINCRBY', key, column, ARGV[i])
    problem = type(reply) == 'table' and reply.err
    if problem then break end
  end
  if problem then
    if not old then redis.call('DEL', key)
    elseif had then redis.call('HSET', key, column, had)
    else redis.call('HDEL', key, column) end
    if string.find(problem, 'overflow', 1, true) then return { 'range', old or '0', had or '0' } end
    return redis.error_reply(problem)
  end
  value = redis.call('HGET', key, column)
else
  local sum = number(redis.call('HGET', key, column) or '0') + number(ARGV[7])
  if kind == 'f' and sum == sum then sum = struct.unpack('<f', struct.pack('<f', sum)) end
  if kind == 'i' then
    value = string.format('%.0f', sum)
    if sum < tonumber(ARGV[8]) or sum > tonumber(ARGV[9]) then return { 'range', old or '0', value } end
  elseif sum ~= sum then
    return { 'range', old or '0', 'NaN' }
  elseif sum == 1 / 0 or sum == -1 / 0 then
    return { 'range', old or '0', sum > 0 and 'Infinity' or '-Infinity' }
  else
    value = string.format('%.17g', sum)
  end
end
local revision = after(old)
redis.call('HSET', key, 'revision', revision, column, value)
if old or ARGV[3] == '' then live(key, ARGV[1], old) else live(key, ARGV[3], old) end
return answer(key, old and 'updated' or 'inserted', revision, ARGV[2], value)
`,
);

/** Removes the row and returns its fields and values. */
export const TAKE = script(
  'TAKE',
  `
local row = redis.call('HGETALL', KEYS[1])
if redis.call('HEXISTS', KEYS[1], 'revision') == 0 then return false end
redis.call('UNLINK', KEYS[1])
return row
`,
);

/** ARGV: what is expected (see EXPECTED). */
export const DELETE_IF = script(
  'DELETE_IF',
  `${EXPECTED}
local old = redis.call('HGET', KEYS[1], 'revision')
if not old then return { 'absent', '0' } end
if not asExpected(KEYS[1], old, 1) then return { 'mismatch', old } end
redis.call('UNLINK', KEYS[1])
return { 'deleted', old }
`,
);

/** ARGV: lifetime. */
export const EXPIRE = script(
  'EXPIRE',
  `${LIFETIME}${NEXT_REVISION}
local old = redis.call('HGET', KEYS[1], 'revision')
if not old then return { 'absent', '0' } end
local revision = after(old)
redis.call('HSET', KEYS[1], 'revision', revision)
live(KEYS[1], ARGV[1], old)
return { 'updated', revision }
`,
);

/** Reads the named columns of the row, or all if none are named. */
const ROW_OF = `
local function row_of(columns)
  if #columns == 0 then return redis.call('HGETALL', KEYS[1]) end
  local row = {}
  local values = redis.call('HMGET', KEYS[1], 'revision', unpack(columns))
  for i, value in ipairs(values) do
    if value then
      row[#row + 1] = i == 1 and 'revision' or columns[i - 1]
      row[#row + 1] = value
    end
  end
  return row
end
`;
const LEFT = `string.format('%.0f', redis.call('PTTL', KEYS[1]))`;

/** ARGV: columns, or none for all. Returns the milliseconds that the row has left (negative: for ever), then the row. */
export const READ = script('READ', `${ROW_OF}return { ${LEFT}, row_of(ARGV) }\n`, true);

/** READ with a length in bytes before the columns; of a row whose values are longer it returns only the first. */
export const READ_SHORT = script(
  'READ_SHORT',
  `${ROW_OF}
local longest = tonumber(table.remove(ARGV, 1))
local bytes = 0
for _, name in ipairs(#ARGV > 0 and ARGV or redis.call('HKEYS', KEYS[1])) do
  bytes = bytes + redis.call('HSTRLEN', KEYS[1], name)
end
if bytes > longest then return { ${LEFT} } end
return { ${LEFT}, row_of(ARGV) }
`,
  true,
);

/** Replaces a string, `KEYS[1]`, if it is still ARGV[1]. */
export const REPLACE = script(
  'REPLACE',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`,
);

function script(name: string, text: string, isRead = false): Script {
  return { name, text, isRead, sha: createHash('sha1').update(text).digest('hex') };
}

export type { Script };
