import { readConfig } from '@bourse/platform/config'
import { engineEnvironment, type EngineConfig } from '@bourse/platform/engine/engine-service'

/** Everything the service reads from its environment. */
export const config = (): EngineConfig => readConfig(engineEnvironment, process.env)
