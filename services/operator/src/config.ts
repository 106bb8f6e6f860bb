import { readConfig } from '@bourse/platform/config'
import { z } from 'zod'

/** What the operator's commands read from the environment. */
export const config = () =>
  readConfig(z.object({ KAFKA_BROKERS: z.string().min(1), DATABASE_URL: z.string().min(1) }), process.env)
