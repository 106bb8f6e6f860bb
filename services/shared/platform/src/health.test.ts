import assert from 'node:assert/strict'

import { type OpsAppOptions, createOpsApp } from './health.ts'
import { type HttpServer, listen } from './listen.ts'
import { createMetrics } from './metrics.ts'

describe('createOpsApp', () => {
  let server: HttpServer | undefined

  afterEach(() => server?.close(0))

  async function get(path: string, options: Partial<OpsAppOptions> = {}) {
    const metrics = createMetrics({ service: 'test', version: '1.2.3' })
    server = await listen(createOpsApp({ checks: {}, metrics, ...options }), { port: 0, host: '127.0.0.1' })
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
    return { status: response.status, body: await response.text() }
  }

  it('is ready when every check passes', async () => {
    const { status, body } = await get('/ready', { checks: { kafka: () => {}, database: async () => {} } })
    assert.deepEqual(
      [status, JSON.parse(body)],
      [200, { ready: true, checks: { kafka: 'ok', database: 'ok' } }],
    )
  })

  it('names what fails and what does not answer', async () => {
    const checks = {
      kafka: () => {},
      log: () => {
        throw new Error('catching up')
      },
      database: () => new Promise<void>(() => {}),
    }
    const { status, body } = await get('/ready', { checks, checkTimeoutMs: 20 })
    assert.equal(status, 503)
    assert.deepEqual(JSON.parse(body), {
      ready: false,
      checks: { kafka: 'ok', log: 'catching up', database: 'no answer in 20 ms' },
    })
  })

  it('is not ready, but alive, while it drains', async () => {
    const draining = AbortSignal.abort()
    const { status, body } = await get('/ready', { draining, checks: { kafka: () => {} } })
    assert.equal(status, 503)
    assert.deepEqual(JSON.parse(body).checks, { kafka: 'ok', draining: 'about to stop' })
    await server?.close(0)
    assert.equal((await get('/live', { draining })).status, 200)
  })

  it('is alive, unless the event loop stalled', async () => {
    assert.equal((await get('/live')).status, 200)
    await server?.close(0)
    const stalled = get('/live', { stallMsMax: -1 })
    assert.equal((await stalled).status, 503)
  })

  it('tells metrics, labelled with the service', async () => {
    const { status, body } = await get('/metrics')
    assert.equal(status, 200)
    assert.match(body, /nodejs_eventloop_lag_p99_seconds\{service="test"\}/)
    assert.match(body, /bourse_build_info\{version="1.2.3",service="test"\} 1/)
  })

  it('answers 404 to anything else', async () => {
    assert.equal((await get('/debug')).status, 404)
  })
})
