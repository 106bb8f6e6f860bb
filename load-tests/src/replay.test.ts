import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ExchangeClient } from './exchange-client.ts'
import type { RecordedEvent } from './recorded-orders.ts'
import { replay, type Pace, type ReplayReport } from './replay.ts'
import { reportLines } from './report.ts'

const order = (id: string, at = 0): RecordedEvent => {
  return { type: 'create', id, at, side: 'buy', price: '236.5', volume: 100_000_000n }
}
const cancel = (id: string, at = 0): RecordedEvent => ({ type: 'cancel', id, at })

type Asked = { readonly id: string; readonly method: string | undefined }
type Reply = (asked: Asked, times: number) => readonly [status: number, code: string]

describe('replay', () => {
  const asked: Asked[] = []
  let reply: Reply = () => [202, 'accepted']
  const server = createServer((request, response) => void answer(request, response))
  let pool: ReturnType<typeof ExchangeClient.pool>

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString() || '{}')
    const header = request.headers['idempotency-key']
    const id = header === undefined ? (body as { client_order_id: string }).client_order_id : String(header)
    asked.push({ id, method: request.method })
    const [status, code] = reply({ id, method: request.method }, asked.filter((one) => one.id === id).length)
    if (status === 0) return void response.destroy()
    response.writeHead(status).end(JSON.stringify(status < 300 ? { order_id: '7' } : { code }))
  }

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    pool = ExchangeClient.pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 4)
  })
  beforeEach(() => void asked.splice(0))
  after(async () => {
    await pool.close()
    server.close()
  })

  const play = (events: readonly RecordedEvent[], over: { warmUpSeconds?: number; pace?: Pace } = {}) =>
    replay({
      ...{ events, run: 'r', pace: { kind: 'max' }, inFlightMax: 4, wantResult: false, loops: 1 },
      ...{ secondsMax: 60, warmUpSeconds: 0, onProgress: () => undefined },
      traders: [{ owner: 'alice', account: '1', client: new ExchangeClient(pool, 'token') }],
      ...over,
    })
  const worstMs = ({ timeline }: ReplayReport): number[] =>
    timeline.lines().map((line) => Number(line.trim().split(/ +/)[3]))

  it('asks again with the same id until the outcome is known, and the latency lasts as long', async () => {
    reply = ({ id }, times) =>
      id.startsWith('r-0-c') || times > 2 ? [202, ''] : [times === 1 ? 504 : 0, 'x']
    const report = await play([order('1'), cancel('1')])
    assert.deepEqual(
      asked.slice(0, 4).map(({ id }) => id),
      ['r-0-1', 'r-0-1', 'r-0-1', 'r-0-cancel-1'],
    )
    assert.deepEqual([report.orders.sent, report.orders.accepted, report.orders.unknown], [1, 1, 0])
    assert.equal(report.orders.askedAgain(), 'x 1, no_answer 1')
    assert.equal(report.orders.refusals(), 'none')
    const [worst = 0] = worstMs(report)
    assert.ok(worst >= 400, `two pauses of 200 ms, ${worst} ms counted`)
  })

  it('counts what is refused by code, and sends no cancel of it', async () => {
    reply = ({ method }) => (method === 'POST' ? [422, 'insufficient_balance'] : [202, ''])
    const report = await play([order('1'), cancel('1'), order('2')])
    assert.equal(report.orders.refusals(), 'insufficient_balance 2')
    assert.deepEqual([report.cancels.sent, report.cancelsOfRefused], [0, 1])
  })

  it('reports outcomes, the warm-up and every second', async () => {
    reply = ({ id }, times) =>
      id === 'r-0-2' ? [422, 'malformed'] : times > 1 ? [202, ''] : [504, 'outcome_unknown']
    const report = await play([order('1'), cancel('1'), order('2')], { warmUpSeconds: 60 })
    const lines = reportLines(report, { speed: { kind: 'max' }, warmUp: 60, timeline: true })
    const [head, second, loops, warmUp, ...rest] = lines
    assert.match(`${head}\n${second}`, /^ *second .*late ms\n +0 .* 3 +\d/)
    assert.match(String(loops), /^1 loops in 0\.\d s: 3 commands, \d+ a second$/)
    assert.match(
      String(warmUp),
      /^warm-up: 3 commands of the first 60 s are not in the latencies below; 0 a second after/,
    )
    assert.deepEqual(rest, [
      'orders   sent 2, accepted 1, refused: malformed 1; asked again after: outcome_unknown 1; outcome unknown 0',
      'cancels  sent 1, accepted 1, refused: none; asked again after: outcome_unknown 1; outcome unknown 0; not sent 0',
      'latency of orders, from sending (full speed: nothing was planned): none counted',
      'latency of cancels, from sending (full speed: nothing was planned): none counted',
    ])
  })

  it('keeps the warm-up out of the latencies, by when a command was due', async () => {
    reply = () => [202, '']
    const pace = { kind: 'recorded', factor: 1 } as const
    const report = await play([order('1', 0), order('2', 50), order('3', 150)], { warmUpSeconds: 0.1, pace })
    assert.deepEqual([report.orders.sent, report.warmUpCommands, report.orders.timed], [3, 2, 1])
  })

  it('counts from the planned time, although a stalled exchange keeps commands from being sent', async () => {
    let stalled = true
    setTimeout(() => (stalled = false), 500)
    reply = () => (stalled ? [503, 'overloaded'] : [202, ''])
    const report = await play(
      Array.from({ length: 20 }, (_, i) => order(String(i))),
      { pace: { kind: 'rate', perSecond: 1_000 } },
    )
    const median = report.orders.latencyMs(50)
    assert.ok(median > 400, `all were due at once, and half took ${median} ms`)
    const [late = 0] = report.timeline.lines().map((line) => Number(line.trim().split(/ +/)[4]))
    assert.ok(late > 400, `the last were sent ${late} ms late`)
  })
})
