import { runEngine } from '@bourse/platform/engine/engine-service'
import { config } from './config.ts'
import { RiskMachine } from './core/risk-machine.ts'

await runEngine(
  {
    machine: 'risk',
    inputTopic: 'risk.in',
    create: RiskMachine.create,
    decode: RiskMachine.decode,
    tick: (machine) => ({ type: 'tick', number: machine.ticks + 1 }),
  },
  config(),
)
