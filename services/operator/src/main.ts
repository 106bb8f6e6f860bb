import { readFile } from 'node:fs/promises'
import { databasePlace } from '@bourse/platform/config'
import { createLog } from '@bourse/platform/log'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import type { Places } from '@bourse/platform/prepared'
import { Resources } from '@bourse/platform/resources'
import { Command, InvalidArgumentError, Option } from 'commander'
import { readEnvironment } from './config.ts'
import { cutCopies, type Copies } from './cut-copies.ts'
import { ClusterApi, podAccess } from './kubernetes.ts'
import { MarketSeeder } from './market-seeder.ts'
import { prepare, untilInputsBegun } from './prepare.ts'
import { NOT_COMPARED, reconcileExchange } from './reconcile.ts'
import { createSecrets } from './secrets.ts'
import { smoke } from './smoke.ts'
import { issueToken, parseSigningKey, ROLES, type Role, type TokenSubject } from './tokens.ts'

const program = new Command('bourse').description('Commands for the people who operate the exchange')

const within = (seconds: number) =>
  new Option('--timeout <seconds>', 'how long it may take').default(seconds).argParser(positive)

program
  .command('prepare')
  .description('create the topics with their first records, then bring the database to this version')
  .addOption(within(300))
  .action(async ({ timeout }: { timeout: number }) => {
    const { REPLICATION_FACTOR, MIN_INSYNC_REPLICAS, STANDBY_REGION, ...env } = readEnvironment('prepare')
    const durability = { replicas: REPLICATION_FACTOR, inSyncReplicasMin: MIN_INSYNC_REPLICAS }
    const shape = shapeOf(env)
    if (STANDBY_REGION) await untilInputsBegun(placesOf(env).kafka, shape, patience(timeout))
    await prepare(placesOf(env), shape, durability, patience(timeout))
  })

type CutOptions = {
  alias?: string
  fromArchive?: string
  toFirstGap?: true
  follow?: true
  open?: true
}

program
  .command('cut')
  .description(
    'make one state of a lost exchange’s copied inputs, as this region’s own; safe to repeat until it is opened',
  )
  .option('--alias <alias>', 'the copies are named alias.risk.in and alias.orders.in')
  .option('--from-archive <url>', 'the copies are files of an archive: s3://bucket/prefix, file:///path')
  .option('--to-first-gap', 'where a file of the archive is missing, leave out what lies behind it')
  .option('--follow', 'go on until a signal comes')
  .option('--open', 'drop what is not part of it, tell what that is, and begin the next epoch')
  .action(async (options: CutOptions) => {
    const env = readEnvironment('cut')
    const { REPLICATION_FACTOR: replicas, MIN_INSYNC_REPLICAS: inSyncReplicasMin } = env
    const { kafka, database } = placesOf(env)
    await cutCopies({
      copies: copiesOf(options, kafka, env.SOURCE_KAFKA_BROKERS),
      ...{ target: kafka, database, shape: shapeOf(env), durability: { replicas, inSyncReplicasMin } },
      ...{ open: options.open === true, until: options.follow && untilSignal() },
      ops: env.PORT === undefined ? undefined : opsOf(env, env.PORT),
      print: (line) => console.log(line),
    })
  })

program
  .command('secrets')
  .description('in a pod of a local cluster: make the passwords and keys that are not there yet, as Secrets')
  .action(async () => {
    const env = readEnvironment('secrets')
    const host = { host: env.KUBERNETES_SERVICE_HOST, port: env.KUBERNETES_SERVICE_PORT }
    const api = new ClusterApi(await podAccess(host))
    const places = { namespace: env.NAMESPACE, databaseHost: env.DATABASE_HOST, redisHost: env.REDIS_HOST }
    const outcomes = await createSecrets(api, places).finally(() => api.close())
    for (const [name, outcome] of Object.entries(outcomes)) console.log(`${name}: ${outcome}`)
  })

program
  .command('demo-market')
  .description('list the demo market and fund its accounts through the public API; safe to repeat')
  .addOption(within(300))
  .action(async ({ timeout }: { timeout: number }) => {
    const env = readEnvironment('demo-market')
    const key = parseSigningKey(await readFile(env.SIGNING_KEY_FILE, 'utf8'))
    const parties = { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE }
    const tokenFor = (subject: TokenSubject) => issueToken(key, parties, subject)
    const seeder = new MarketSeeder({ url: env.BOURSE_URL, tokenFor, withinMs: timeout * 1_000 })
    await seeder.listMarket(env.MATCHING_PARTITIONS)
    for (const [owner, account] of Object.entries(await seeder.fundAccounts()))
      console.log(`${owner}: account ${account} is funded`)
  })

program
  .command('smoke')
  .description('ask a running exchange for what matters most: read, trade, compare balances; safe to repeat')
  .addOption(within(60))
  .action(async ({ timeout }: { timeout: number }) => {
    const { BOURSE_URL, SIGNING_KEY_FILE, JWT_ISSUER = '', JWT_AUDIENCE = '' } = readEnvironment('smoke')
    const key =
      SIGNING_KEY_FILE === undefined ? undefined : parseSigningKey(await readFile(SIGNING_KEY_FILE, 'utf8'))
    const parties = { issuer: JWT_ISSUER, audience: JWT_AUDIENCE }
    const tokenFor = key && ((subject: TokenSubject) => issueToken(key, parties, subject))
    await smoke({ url: BOURSE_URL, tokenFor, withinMs: timeout * 1_000, print: (line) => console.log(line) })
  })

type TokenOptions = { owner: string; role: Role[]; signingKey: string; issuer: string; audience: string }

program
  .command('token')
  .description('print an access token')
  .requiredOption('--owner <owner>', 'whom it speaks for')
  .addOption(new Option('--role <role...>', 'what the owner may do').choices(ROLES).default(['trader']))
  .requiredOption('--signing-key <file>', 'the private key, as a JWK')
  .addOption(new Option('--issuer <issuer>', 'as the gateway has it').env('JWT_ISSUER').makeOptionMandatory())
  .addOption(new Option('--audience <name>', 'likewise').env('JWT_AUDIENCE').makeOptionMandatory())
  .action(async ({ owner, role: roles, signingKey, ...parties }: TokenOptions) => {
    const key = parseSigningKey(await readFile(signingKey, 'utf8'))
    console.log(await issueToken(key, parties, { owner, roles }))
  })

program
  .command('reconcile')
  .description(
    'compare engines, journal and orders at one marker while trading goes on; exit 1: a difference, 2: not compared',
  )
  .addOption(within(60))
  .action(async ({ timeout }: { timeout: number }) => {
    process.exitCode = NOT_COMPARED
    const { kafka, database } = placesOf(readEnvironment('reconcile'))
    const resources = new Resources()
    const sql = resources.own(
      connectPostgres({ ...database, max: 1, applicationName: 'operator', statementTimeoutMs: 60_000 }),
      closePostgres,
    )
    const admin = resources.own(await connectAdmin(kafka), (client) => client.close())
    const onFatal = (error: Error): never => {
      throw error
    }
    const producer = resources.own(await connectProducer({ ...kafka, onFatal }), (client) => client.close())
    process.exitCode = await reconcileExchange(
      { sql, admin, producer },
      timeout * 1_000,
      console.log,
    ).finally(() => resources.closeAll())
  })

try {
  await program.parseAsync()
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error)
  process.exitCode ??= 1
}

function placesOf(env: ReturnType<typeof readEnvironment<'reconcile'>>): Places {
  const log = createLog({ name: 'operator', level: 'warn' })
  const kafka = kafkaConnection(env, { clientId: 'operator', log })
  return { kafka, database: databasePlace(env) }
}

function shapeOf(env: { readonly RISK_PARTITIONS: number; readonly MATCHING_PARTITIONS: number }) {
  return { riskPartitions: env.RISK_PARTITIONS, matchingPartitions: env.MATCHING_PARTITIONS }
}

function opsOf(env: ReturnType<typeof readEnvironment<'cut'>>, port: number) {
  return { port, host: env.HOST, version: env.BOURSE_VERSION }
}

function copiesOf(
  { alias, fromArchive: archive, toFirstGap, follow }: CutOptions,
  kafka: KafkaConnection,
  brokers: string | undefined,
): Copies {
  const topics = alias ?? brokers
  if ((topics === undefined) === (archive === undefined))
    throw new InvalidArgumentError(
      'one of --from-archive, --alias and SOURCE_KAFKA_BROKERS must say where the copies are',
    )
  if (archive !== undefined && follow) throw new InvalidArgumentError('--follow follows topics, no archive')
  if (archive !== undefined) return { archive, toFirstGap: toFirstGap === true }
  if (toFirstGap) throw new InvalidArgumentError('--to-first-gap is for --from-archive')
  return {
    kafka: { ...kafka, ...(brokers !== undefined && { brokers }) },
    prefix: alias === undefined ? '' : `${alias}.`,
  }
}

/** Aborted by the first request to end. */
function untilSignal(): AbortSignal {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  return ending.signal
}

function patience(timeoutS: number) {
  return { timeoutMs: timeoutS * 1_000, print: (line: string) => console.log(line) }
}

function positive(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0)) throw new InvalidArgumentError('a number of seconds is wanted')
  return seconds
}
