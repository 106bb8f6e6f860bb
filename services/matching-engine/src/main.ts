import { runEngine } from '@bourse/platform/engine/engine-service'
import { config } from './config.ts'
import { MatchingMachine } from './core/matching-machine.ts'

await runEngine(
  {
    machine: 'matching',
    inputTopic: 'orders.in',
    create: MatchingMachine.create,
    decode: MatchingMachine.decode,
  },
  config(),
)
