import { deepEqual, equal, match, notEqual, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { makeServerCertificate } from '@bourse/platform/testing/server-certificate'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { ClusterApi, podAccess } from './kubernetes.ts'
import { createSecrets } from './secrets.ts'
import { issueToken, parseSigningKey } from './tokens.ts'

type Secret = { readonly stringData: Readonly<Record<string, string>>; readonly type: string }

const TOKEN = 'token-of-the-service-account'
const places = { namespace: 'bourse', databaseHost: 'postgres', redisHost: 'redis' }

/** Plays a cluster's API, over TLS, as far as secrets go. */
describe('createSecrets', () => {
  let folder: string
  let server: Server
  let api: ClusterApi
  let secrets: Map<string, Secret>
  let forbidden: boolean

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bourse-cluster-'))
    const { certificate, key } = makeServerCertificate(folder)
    writeFileSync(join(folder, 'token'), `${TOKEN}\n`)
    writeFileSync(join(folder, 'ca.crt'), certificate)
    secrets = new Map()
    forbidden = false
    const play = async (request: IncomingMessage, response: ServerResponse) => {
      const answer = (status: number, body: object = {}) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      const [, name] = /^\/api\/v1\/namespaces\/bourse\/secrets(?:\/(.+))?$/.exec(request.url ?? '') ?? []
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401)
      if (forbidden) return answer(403, { kind: 'Status', message: 'secrets is forbidden' })
      if (request.method === 'GET') return secrets.has(name ?? '') ? answer(200) : answer(404)
      const secret = (await json(request)) as Secret & { metadata: { name: string } }
      if (secrets.has(secret.metadata.name)) return answer(409)
      secrets.set(secret.metadata.name, secret)
      return answer(201)
    }
    server = createServer({ cert: certificate, key }, (request, response) => void play(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    api = new ClusterApi(await podAccess({ host: '127.0.0.1', port: portOf(server) }, folder))
  })
  afterEach(async () => {
    await api.close()
    server.close()
    rmSync(folder, { recursive: true })
  })

  const data = (name: string) => secrets.get(name)!.stringData

  it('makes passwords and the URLs that hold them', async () => {
    await createSecrets(api, places)
    const { password, url, 'read-url': readUrl } = data('bourse-database')
    equal(url, `postgres://bourse:${password}@postgres:5432/bourse`)
    equal(readUrl, url)
    match(password!, /^[\w-]{32}$/)
    equal(data('bourse-redis')['url'], `redis://:${data('bourse-redis')['password']}@redis:6379`)
    notEqual(data('bourse-redis')['password'], password)
  })

  it('makes a key whose tokens the key set beside it verifies', async () => {
    await createSecrets(api, places)
    const { 'signing-key.json': key, 'jwks.json': jwks } = data('bourse-token-keys')
    const parties = { issuer: 'issuer', audience: 'bourse' }
    const token = await issueToken(parseSigningKey(key!), parties, { owner: 'alice', roles: [] })
    equal((await jwtVerify(token, createLocalJWKSet(JSON.parse(jwks!)), parties)).payload.sub, 'alice')
  })

  it('leaves what is there alone', async () => {
    secrets.set('bourse-redis', { type: 'Opaque', stringData: { password: 'chosen' } })
    deepEqual(await createSecrets(api, places), {
      'bourse-database': 'created',
      'bourse-redis': 'kept',
      'bourse-token-keys': 'created',
    })
    const before = new Map(secrets)
    await createSecrets(api, places)
    deepEqual(secrets, before)
    deepEqual(data('bourse-redis'), { password: 'chosen' })
  })

  it('tells what the cluster says when it may not', async () => {
    forbidden = true
    await rejects(createSecrets(api, places), /look for secret bourse-database: 403 .*secrets is forbidden/)
  })

  it('speaks to nobody whose certificate another authority signed', async () => {
    const { certificate: ca } = makeServerCertificate(folder, 'other')
    const stranger = new ClusterApi({ url: `https://127.0.0.1:${portOf(server)}`, token: TOKEN, ca })
    await rejects(createSecrets(stranger, places), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await stranger.close()
    equal(secrets.size, 0)
  })
})

const portOf = (server: Server): number => (server.address() as AddressInfo).port
