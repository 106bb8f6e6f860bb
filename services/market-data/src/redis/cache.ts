import type { Redis } from '@bourse/platform/redis'
import type { Cache } from './publisher.ts'

/**
 * The cache in Redis. Calls made at once travel in one pipeline. EVAL and not EVALSHA: the server knows a script by its
 * text after the first call, and one that was restarted needs no care.
 */
export const redisCache = (client: Redis): Cache => ({
  evaluate: (script, key, args) => client.eval(script, { keys: [key], arguments: [...args] }),
  get: (key) => client.get(key),
})
