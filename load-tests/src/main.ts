import { readFile } from 'node:fs/promises'
import { SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError } from 'commander'
import { config } from './config.ts'
import { ExchangeClient } from './exchange-client.ts'
import { fundsFor } from './funds.ts'
import { prepareMarket, prepareTraders, RECORDED_SYMBOL } from './market.ts'
import { readRecording } from './recorded-orders.ts'
import { replay, type Pace } from './replay.ts'
import { reportLines } from './report.ts'
import { TokenSigner } from './tokens.ts'
import { countTrades } from './trades.ts'

type Options = {
  speed: Pace
  loops: number
  minutes: number
  accounts: number
  inFlight: number
  waitResult: boolean
  warmUp: number
  timeline: boolean
}

const number = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a positive number, please')
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new InvalidArgumentError('seconds, please')
  return value
}

/** `max`, `recorded`, `10x` (ten times the recorded speed), or `1000/s`. */
function pace(text: string): Pace {
  if (text === 'max') return { kind: 'max' }
  if (text === 'recorded') return { kind: 'recorded', factor: 1 }
  const [, value, unit] = /^(\d+(?:\.\d+)?)(x|\/s)$/.exec(text) ?? []
  if (value === undefined) throw new InvalidArgumentError('max, recorded, 10x or 1000/s, please')
  return unit === 'x'
    ? { kind: 'recorded', factor: Number(value) }
    : { kind: 'rate', perSecond: Number(value) }
}

await new Command('load-tests')
  .command('replay')
  .description('play recorded order events through the public API')
  .argument('<file>', 'CSV: id,timestamp,exchange.timestamp,price,volume,action,direction')
  .option('--speed <speed>', 'max, recorded, 10x or 1000/s', pace, { kind: 'max' })
  .option('--loops <count>', 'how often the file is played', number, 1)
  .option('--minutes <minutes>', 'stop after this long', number, 24 * 60)
  .option('--accounts <count>', 'how many accounts trade', number, 20)
  .option('--in-flight <count>', 'commands under way at most', number, 64)
  .option('--wait-result', 'ask for the fills of every order', false)
  .option('--warm-up <seconds>', 'latencies of these first seconds do not count', seconds, 0)
  .option('--timeline', 'print the worst latency of each second', false)
  .action(run)
  .parent?.parseAsync()

async function run(file: string, options: Options): Promise<void> {
  const { BOURSE_URL, BOURSE_SIGNING_KEY, TOKEN_ISSUER, TOKEN_AUDIENCE, DATABASE_READ_URL } = config()
  const recording = readRecording(await readFile(file, 'utf8'))
  const signer = await TokenSigner.fromFile(BOURSE_SIGNING_KEY, {
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCE,
  })
  const pool = ExchangeClient.pool(BOURSE_URL, options.inFlight)
  const operator = new ExchangeClient(pool, await signer.token('replay-operator', ['operator']))
  const runId = Date.now().toString(36)
  await prepareMarket(operator)
  const funds = fundsFor(recording.events, options.loops)
  const traders = await prepareTraders(operator, { pool, signer, run: runId, count: options.accounts, funds })
  console.log(`${recording.events.length} commands a loop; skipped ${JSON.stringify(recording.skipped)}`)
  console.log(`${traders.length} accounts, each funded with ${funds['BTC']} BTC and ${funds['USD']} USD`)

  const before = await countTrades(DATABASE_READ_URL, RECORDED_SYMBOL)
  const bar = new SingleBar({
    format: 'loop {loop} {bar} {percentage}% {value}/{total}',
    etaBuffer: 1_000,
    noTTYOutput: false,
  })
  bar.start(recording.events.length, 0, { loop: 1 })
  const report = await replay({
    ...{ events: recording.events, traders, run: runId, pace: options.speed, inFlightMax: options.inFlight },
    ...{ wantResult: options.waitResult, loops: options.loops, secondsMax: options.minutes * 60 },
    warmUpSeconds: options.warmUp,
    onProgress: (done, loop) => bar.update(done, { loop: loop + 1 }),
  })
  bar.stop()
  console.log(reportLines(report, options).join('\n'))
  const after = await countTrades(DATABASE_READ_URL, RECORDED_SYMBOL)
  if (before !== undefined && after !== undefined) {
    console.log(`trades ${after.trades - before.trades}, volume ${after.volume - before.volume} BTC`)
  }
  await pool.close()
}
