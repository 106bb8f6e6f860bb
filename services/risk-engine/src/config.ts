import { readConfig } from '@bourse/platform/config'
import { engineEnvironment, type EngineConfig } from '@bourse/platform/engine/engine-service'
import { z } from 'zod'

/** Everything the service reads from its environment. */
export const config = (): EngineConfig => readConfig(z.object(engineEnvironment), process.env)
