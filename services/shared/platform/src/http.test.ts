import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { z } from 'zod'

import { type App, createApp, parse } from './http.ts'
import { type HttpServer, listen } from './listen.ts'
import { createLog } from './log.ts'
import { Problem, type ProblemBody } from './problem.ts'

describe('createApp', () => {
  let app: App
  let server: HttpServer | undefined
  let logged: Record<string, unknown>[]

  beforeEach(async () => {
    logged = []
    const log = createLog(
      { name: 'test', level: 'info' },
      { write: (line) => void logged.push(JSON.parse(line)) },
    )
    app = createApp({ log, bodyBytesMax: 100 })
  })

  afterEach(() => server?.close(0))

  /** Serves the app as it is by now. */
  const serve = async (handler: Parameters<App['use']>[0]) => {
    app.use(handler)
    server = await listen(app, { port: 0, host: '127.0.0.1' })
  }

  const request = (init?: RequestInit) => fetch(`http://127.0.0.1:${server?.port}/orders`, init)
  const post = (body: string, headers: Record<string, string> = {}) =>
    request({ method: 'POST', body, headers })

  it('answers with the problem that was thrown', async () => {
    await serve(() => {
      throw new Problem(409, 'duplicate', 'seen before')
    })
    const response = await request({ headers: { 'x-request-id': 'abc-1' } })
    assert.equal(response.status, 409)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.deepEqual(await response.json(), {
      type: 'urn:bourse:problem:duplicate',
      title: 'Conflict',
      status: 409,
      code: 'duplicate',
      detail: 'seen before',
      request_id: 'abc-1',
    })
    assert.deepEqual(logged, [])
  })

  it('tells nothing of an unexpected error, and logs it with the request’s id', async () => {
    await serve(() => {
      throw new Error('password is hunter2')
    })
    const response = await request({ headers: { 'x-request-id': 'abc-1' } })
    assert.equal(response.status, 500)
    const body = await response.text()
    assert.equal(JSON.parse(body).code, 'internal')
    assert(!body.includes('hunter2'))
    const [line] = logged as [{ requestId: string; err: { message: string }; path: string }]
    assert.deepEqual(
      [line.requestId, line.path, line.err.message],
      ['abc-1', '/orders', 'password is hunter2'],
    )
  })

  it('logs a failure that has a cause, and no refusal under load', async () => {
    const causes = [undefined, new Error('the database is away')]
    await serve(() => {
      throw new Problem(503, 'unavailable', 'later', { cause: causes.shift() })
    })
    for (const lines of [0, 1]) {
      assert.equal((await request()).status, 503)
      assert.equal(logged.length, lines)
    }
  })

  it('keeps a sound request id and replaces any other', async () => {
    await serve((ctx) => void (ctx.body = ctx.state.requestId))
    const kept = await request({ headers: { 'x-request-id': 'abc-1' } })
    assert.equal(await kept.text(), 'abc-1')
    assert.equal(kept.headers.get('x-request-id'), 'abc-1')
    for (const unsound of ['a b', 'x'.repeat(65), '"><script>']) {
      const replaced = await request({ headers: { 'x-request-id': unsound } })
      assert.match(await replaced.text(), /^[0-9a-f-]{36}$/)
    }
  })

  it('parses JSON, and names what is wrong with a body', async () => {
    const schema = z.strictObject({ side: z.enum(['buy', 'sell']), price: z.string() })
    await serve((ctx) => void (ctx.body = parse(schema, ctx.request.body)))
    const order = { side: 'buy', price: '1.5' }
    assert.deepEqual(await (await post(JSON.stringify(order))).json(), order)

    const codeOf = async (response: Response) => [
      response.status,
      ((await response.json()) as ProblemBody).code,
    ]
    assert.deepEqual(await codeOf(await post('{"side":')), [400, 'malformed'])
    assert.deepEqual(await codeOf(await post('"text"')), [400, 'malformed'])
    assert.deepEqual(await codeOf(await post('')), [400, 'malformed'])
    assert.deepEqual(await codeOf(await post(JSON.stringify({ ...order, note: 'x'.repeat(100) }))), [
      413,
      'too_large',
    ])
    const refused = (await (await post('{"side":"hold","price":1}')).json()) as ProblemBody
    assert.equal(refused.code, 'malformed')
    assert.deepEqual(
      (refused['issues'] as string[]).map((issue) => issue.split(':')[0]),
      ['side', 'price'],
    )
  })

  it('refuses a body that would reach into prototypes', async () => {
    await serve((ctx) => void (ctx.body = 'ok'))
    assert.equal((await post('{"__proto__":{"admin":true}}')).status, 400)
  })

  it('answers 404 for what is not there', async () => {
    await serve((_, next) => next())
    const response = await request()
    assert.equal(response.status, 404)
    assert.equal(((await response.json()) as ProblemBody).code, 'not_found')
  })
})

describe('HttpServer', () => {
  const log = createLog({ name: 'test', level: 'silent' })

  /** An app that answers when `release` is called, and an open request to it. */
  async function slow() {
    const app = createApp({ log })
    let release = () => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    let working = () => {}
    const inWork = new Promise<void>((resolve) => (working = resolve))
    app.use(async (ctx) => {
      working()
      await released
      ctx.body = 'done'
    })
    const server = await listen(app, { port: 0, host: '127.0.0.1' })
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await inWork
    return { server, socket, release }
  }

  it('lets a request in work finish, and takes no new connection', async () => {
    const { server, socket, release } = await slow()
    const answer = text(socket)
    const closing = server.close(5_000)
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}/`))
    const start = performance.now()
    release()
    assert.match(await answer, /done/)
    await closing
    assert(performance.now() - start < 1_000)
  })

  it('cuts off what takes longer than the drain', async () => {
    const { server, socket } = await slow()
    const start = performance.now()
    await Promise.all([server.close(50), once(socket, 'close')])
    assert(performance.now() - start < 2_000)
  })

  it('does not wait for idle connections', async () => {
    const app = createApp({ log })
    app.use((ctx) => void (ctx.body = 'ok'))
    const server = await listen(app, { port: 0, host: '127.0.0.1' })
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text()
    const start = performance.now()
    await server.close(5_000)
    assert(performance.now() - start < 1_000)
  })
})
