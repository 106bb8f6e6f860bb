import { equal, match, ok, rejects } from 'node:assert/strict'
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectFollower } from '@bourse/platform/kafka/consumer'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { makeServerCertificate, type ServerCertificate } from '@bourse/platform/testing/server-certificate'
import { execa } from 'execa'
import { readHostConfig, REPOSITORY } from './config.ts'
import { fetchKafka, prepareKafka } from './kafka.ts'
import { freePort } from './ports.ts'
import { createDatabase, preparePostgres } from './postgres.ts'
import { prepareRedis } from './redis.ts'
import { ProcessGroup } from './process-group.ts'

const TOKEN_LIFE_S = 6

/** Real servers that speak TLS; Kafka also asks for a token, whose signature it does not check. */
describe('servers over TLS', function () {
  this.timeout(300_000)
  const host = readHostConfig()
  const processes = new ProcessGroup()
  let home: string
  let own: ServerCertificate
  let other: ServerCertificate
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'bourse-secure-'))
    await chmod(home, 0o755)
    await mkdir(join(home, 'log'))
    own = makeServerCertificate(home)
    other = makeServerCertificate(home, 'other')
  })
  after(async () => {
    await processes.stop()
    await rm(home, { recursive: true })
  })

  describe('Kafka', () => {
    let tls: string
    let tokens: string
    let asked = 0
    before(async () => {
      const [port, controllerPort, tlsPort, tokenPort] = [
        ...[await freePort(), await freePort(), await freePort(), await freePort()],
      ] as [number, number, number, number]
      const kafka = { host, jars: await fetchKafka(host), folder: join(home, 'kafka'), heapMiB: 512 }
      const spec = await prepareKafka({
        ...kafka,
        logFile: join(home, 'log/kafka.log'),
        port,
        controllerPort,
      })
      const keyStore = join(home, 'kafka/server.pem')
      await writeFile(keyStore, own.key + own.certificate)
      const listeners = `PLAINTEXT://127.0.0.1:${port},SSL://127.0.0.1:${tlsPort},SASL_SSL://127.0.0.1:${tokenPort}`
      const module = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule'
      const settings = {
        listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': listeners,
        'listener.security.protocol.map':
          'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keyStore,
        'listener.name.sasl_ssl.sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.sasl_ssl.oauthbearer.sasl.jaas.config': `${module} required unsecuredLoginStringClaim_sub="broker";`,
        'listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms': TOKEN_LIFE_S * 1_000,
      }
      const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
      // The last line of a name counts.
      await appendFile(join(home, 'kafka/server.properties'), lines.join(''))
      await processes.start(spec)
      tls = `127.0.0.1:${tlsPort}`
      tokens = `127.0.0.1:${tokenPort}`
    })

    const overTls = (caFile: string): KafkaConnection =>
      kafkaConnection(
        { KAFKA_BROKERS: tls, KAFKA_SECURITY: 'tls', KAFKA_CA_FILE: caFile },
        { clientId: 'secure-itest' },
      )

    /** As `aws-iam` is, but for who made the token. */
    const withTokens = (): KafkaConnection => ({
      ...overTls(own.certificateFile),
      brokers: tokens,
      settings: {
        ...overTls(own.certificateFile).settings,
        'security.protocol': 'sasl_ssl',
        'sasl.mechanisms': 'OAUTHBEARER',
      },
      accessToken: async () => {
        asked++
        return unsignedToken(TOKEN_LIFE_S)
      },
    })

    it('is spoken to when its certificate is known', async () => {
      const admin = await connectAdmin(overTls(own.certificateFile))
      await admin.createTopics([{ topic: 'secure', partitions: 1, replicas: 1 }])
      equal(await admin.partitionCount('secure'), 1)
      await admin.close()
    })

    it('is not spoken to when another authority signed its certificate', async () => {
      const stranger = { ...overTls(other.certificateFile), connectTimeoutMs: 3_000 }
      await rejects(connectAdmin(stranger), /cannot reach Kafka/)
    })

    it('gives every kind of client what its token allows, and asks for another before the token ends', async () => {
      const connection = withTokens()
      const admin = await connectAdmin(connection)
      await admin.createTopics([{ topic: 'with-token', partitions: 1, replicas: 1 }])
      const onFatal = (error: Error) => ok(false, error)
      const producer = await connectProducer({ ...connection, onFatal })
      const follower = await connectFollower(connection)
      const position = { topic: 'with-token', partition: 0, offset: 0 }
      follower.assign([position])
      const group = await joinConsumerGroup({
        ...{ ...connection, onFatal, groupId: 'secure', topics: ['with-token'] },
        onAssign: async () => [position],
        onRevoke: async () => {},
      })
      const until = Date.now() + TOKEN_LIFE_S * 3_000
      const found = { follower: 0, group: 0 }
      let sent = 0
      while (Date.now() < until) {
        await new Promise<void>((resolve, reject) =>
          producer.send('with-token', 0, Buffer.from('x'), (error) => (error ? reject(error) : resolve())),
        )
        sent++
        found.follower += (await follower.read({ max: 10, waitMs: 2_000 })).length
        found.group += (await group.read({ max: 10, waitMs: 500 })).length
        await sleep(500)
      }
      while (found.group < sent) found.group += (await group.read({ max: 10, waitMs: 5_000 })).length
      equal(found.follower, sent)
      equal(found.group, sent)
      ok(asked >= 5 + 4, `${asked} tokens for five clients, over three lives of a token`)
      await Promise.all([admin, producer, follower, group].map((each) => each.close()))
    })

    it('is told of by name when the token is refused', async () => {
      const expired = async () => ({ ...unsignedToken(-60), expiresAt: Date.now() + 60_000 })
      const refused = { ...withTokens(), accessToken: expired, connectTimeoutMs: 3_000 }
      await rejects(connectAdmin(refused), /cannot reach Kafka/)
    })
  })

  it('PostgreSQL proves its name, or is not spoken to', async () => {
    const port = await freePort()
    const folder = join(home, 'postgres')
    const { spec, databaseUrl } = await preparePostgres({
      ...{ host, folder, port, logFile: join(home, 'log/postgres.log') },
    })
    await execa('cp', [own.certificateFile, own.keyFile, `${folder}/data/`])
    await execa('chown', ['--reference', `${folder}/data`, `${folder}/data/server.key`])
    await chmod(`${folder}/data/server.key`, 0o600)
    const ssl = ['-c', 'ssl=on', '-c', 'ssl_cert_file=server.crt', '-c', 'ssl_key_file=server.key']
    await processes.start({ ...spec, command: [...spec.command, ...ssl] as typeof spec.command })
    await createDatabase(databaseUrl)

    const connect = (caFile: string) =>
      connectPostgres({
        url: databaseUrl,
        caFile,
        max: 1,
        applicationName: 'secure',
        statementTimeoutMs: 5_000,
      })
    const sql = connect(own.certificateFile)
    const [row] = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    equal(row?.['ssl'], true)
    await closePostgres(sql)
    const stranger = connect(other.certificateFile)
    await rejects(async () => stranger`select 1`, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await closePostgres(stranger)
  })

  it('Redis is spoken to by rediss:// when its certificate is known', async () => {
    const port = await freePort()
    const spec = await prepareRedis({
      host,
      folder: join(home, 'redis'),
      logFile: join(home, 'log/redis.log'),
      port,
    })
    const tlsPort = await freePort()
    const tls = ['--tls-port', tlsPort, '--tls-cert-file', own.certificateFile, '--tls-key-file', own.keyFile]
    const command = [...spec.command, ...tls.map(String), '--tls-auth-clients', 'no'] as typeof spec.command
    await processes.start({ ...spec, command })
    const program = `
      import { connectRedis } from './services/shared/platform/src/redis.ts'
      const redis = await connectRedis({ url: 'rediss://localhost:${tlsPort}', log: { warn() {} } })
      console.log(await redis.ping())
      redis.destroy()`
    const ping = (authorities: string) =>
      execa(
        process.execPath,
        ['--conditions=@bourse/source', '--import=tsx', '--input-type=module', '-e', program],
        {
          ...{ cwd: REPOSITORY, env: { NODE_EXTRA_CA_CERTS: authorities }, reject: false, all: true },
        },
      )
    match((await ping(own.certificateFile)).all, /PONG/)
    match((await ping(other.certificateFile)).all, /self-signed certificate/)
  })
})

/** A JSON Web Token without a signature, as Kafka takes it for tests. */
function unsignedToken(lifeS: number): { token: string; expiresAt: number } {
  const now = Math.floor(Date.now() / 1_000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { sub: 'bourse', iat: now - 120, exp: now + lifeS }
  return { token: `${part({ alg: 'none' })}.${part(claims)}.`, expiresAt: (now + lifeS) * 1_000 }
}
