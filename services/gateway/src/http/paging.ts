import { z } from 'zod'

const LIMIT_MAX = 1_000
const LIMIT_DEFAULT = 100

/** How many rows, levels or trades an answer has at most. */
export const limitText = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a whole number')
  .transform(Number)
  .refine((limit) => limit <= LIMIT_MAX, `must be at most ${LIMIT_MAX}`)
  .default(LIMIT_DEFAULT)
