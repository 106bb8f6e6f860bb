import { brokers, readConfig, url } from '@bourse/platform/config'

/** What the operator's commands read from the environment. */
export const config = () =>
  readConfig({ KAFKA_BROKERS: brokers(), DATABASE_URL: url('postgres', 'postgresql') }, process.env)
