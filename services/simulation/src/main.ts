import { Command } from 'commander'
import { z } from 'zod'
import { mutations } from './core/mutations.ts'
import { simulate, type Outcome } from './core/simulate.ts'
import { FaultTable } from './fault-table.ts'

const STORY_LINES = 60

const options = z.object({
  seed: z.coerce.number().int().min(0).optional(),
  from: z.coerce.number().int().min(0),
  seeds: z.coerce.number().int().min(1),
  mutation: z.enum(Object.keys(mutations) as (keyof typeof mutations)[]).optional(),
  whole: z.boolean().optional(),
})

const program = new Command('simulate')
  .description('Runs the exchange in a simulated world; the same seed does the same, for ever.')
  .option('--seed <seed>', 'run one seed and tell its story')
  .option('--whole', 'tell the whole story, not only its end')
  .option('--from <seed>', 'first of many seeds', '1')
  .option('--seeds <count>', 'how many seeds', '100')
  .option('--mutation <name>', `break a rule on purpose: ${Object.keys(mutations).join(', ')}`)
  .parse()
const { seed, from, seeds, mutation, whole = false } = options.parse(program.opts())

if (seed === undefined) await runMany()
else report(await tell(seed))

/** Runs one seed and prints its last events, or all of them. */
async function tell(one: number): Promise<Outcome> {
  const lines: string[] = []
  const onStory = (line: string): void => {
    if (whole) console.log(line)
    else if (lines.push(line) > STORY_LINES) lines.shift()
  }
  const outcome = await simulate(one, { mutation, onStory })
  for (const line of lines) console.log(line)
  return outcome
}

async function runMany(): Promise<void> {
  const began = performance.now()
  const table = new FaultTable()
  let failed = 0
  let orders = 0
  let trades = 0
  for (let one = from; one < from + seeds; one++) {
    const outcome = await simulate(one, { mutation })
    table.add(outcome.faults)
    orders += outcome.orders
    trades += outcome.trades
    if (outcome.failure === undefined) continue
    failed++
    console.log(`seed ${one}: ${outcome.failure.message}`)
  }
  const seconds = (performance.now() - began) / 1_000
  console.log(table.toString())
  console.log(
    `${seeds} seeds, ${orders} orders, ${trades} trades, ${failed} failed, ${(seeds / seconds).toFixed(1)} seeds/s`,
  )
  process.exitCode = failed === 0 ? 0 : 1
}

function report({ faults, events, orders, trades, failure, seed: one }: Outcome): void {
  const table = new FaultTable()
  table.add(faults)
  console.log(table.toString())
  console.log(`seed ${one}: ${events} events, ${orders} orders, ${trades} trades`)
  console.log(failure === undefined ? 'every check holds' : `${failure.stack}`)
  process.exitCode = failure === undefined ? 0 : 1
}
