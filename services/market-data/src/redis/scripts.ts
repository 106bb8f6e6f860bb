/**
 * Scripts that never take a value back to an older one. Every value begins with its position, so that a look at its
 * first bytes is enough and one key is all that is touched. Both answer with the position that they found, and write
 * only what is newer; the caller compares: a higher one is a newer writer's, a lower one than it wrote before means
 * that the cache lost something.
 */
export type Script = string

/**
 * Replaces a value by a newer one.
 *
 *     KEYS[1]  a string, `{"epoch":E,"sequence":S,…}`
 *     ARGV[1]  epoch  ARGV[2] sequence  ARGV[3] the value, beginning with both
 *     result   {epoch, sequence} found; {0, 0} where there was no such value
 */
export const replaceOlder: Script = `
local head = redis.call('GETRANGE', KEYS[1], 0, 63)
local epoch, sequence = string.match(head, '^{"epoch":(%d+),"sequence":(%d+),')
epoch, sequence = tonumber(epoch or 0), tonumber(sequence or 0)
local epochNew, sequenceNew = tonumber(ARGV[1]), tonumber(ARGV[2])
if epoch < epochNew or (epoch == epochNew and sequence < sequenceNew) then
  redis.call('SET', KEYS[1], ARGV[3])
end
return {epoch, sequence}
`

/**
 * Puts trades in front of a list, newest first, each of them once.
 *
 *     KEYS[1]  a list of `{"epoch":E,"trade_id":T,…}`; ids count without a gap
 *     ARGV[1]  epoch  ARGV[2] id of the first trade given  ARGV[3] of the last  ARGV[4] longest length of the list
 *     ARGV[5]  1: the trades given take the place of all that are there, unless those are newer
 *              0: they are added where they follow what is there; where they do not, nothing is done
 *     ARGV[6…] the trades, oldest first
 *     result   {epoch, trade id} of the newest found; {0, 0} where there was none
 */
export const addTrades: Script = `
local head = redis.call('LINDEX', KEYS[1], 0) or ''
local epoch, id = string.match(head, '^{"epoch":(%d+),"trade_id":(%d+),')
epoch, id = tonumber(epoch or 0), tonumber(id or 0)
local epochNew, first, last = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local from = 6
if ARGV[5] == '1' then
  if epoch > epochNew or (epoch == epochNew and id > last) then return {epoch, id} end
  redis.call('DEL', KEYS[1])
else
  if epoch ~= epochNew or id < first - 1 or id >= last then return {epoch, id} end
  from = from + id - first + 1
end
redis.call('LPUSH', KEYS[1], unpack(ARGV, from))
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[4]) - 1)
return {epoch, id}
`
