import { brokers, readConfig, url } from '@bourse/platform/config'
import { z } from 'zod'

/** What the operator's commands read from the environment. */
export const config = () =>
  readConfig(z.object({ KAFKA_BROKERS: brokers(), DATABASE_URL: url('postgres', 'postgresql') }), process.env)
