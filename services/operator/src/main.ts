import { createLog } from '@bourse/platform/log'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { Resources } from '@bourse/platform/resources'
import { Command } from 'commander'
import { config } from './config.ts'
import { reconcileExchange } from './reconcile.ts'

const program = new Command('bourse').description('Commands for the people who operate the exchange')

program
  .command('reconcile')
  .description(
    'compare engines, journal and orders at one marker while trading goes on; exit 1 on any difference',
  )
  .option('--timeout <seconds>', 'how long the cut may take', '60')
  .action(async ({ timeout }: { timeout: string }) => {
    const { KAFKA_BROKERS: brokers, DATABASE_URL: url } = config()
    const connection = { brokers, clientId: 'operator', log: createLog({ name: 'operator', level: 'warn' }) }
    const resources = new Resources()
    const sql = resources.own(
      connectPostgres({ url, max: 1, applicationName: 'operator', statementTimeoutMs: 60_000 }),
      closePostgres,
    )
    const admin = resources.own(await connectAdmin(connection), (client) => client.close())
    const onFatal = (error: Error): never => {
      throw error
    }
    const producer = resources.own(await connectProducer({ ...connection, onFatal }), (client) =>
      client.close(),
    )
    process.exitCode = await reconcileExchange(
      { sql, admin, producer },
      Number(timeout) * 1_000,
      console.log,
    ).finally(() => resources.closeAll())
  })

await program.parseAsync()
