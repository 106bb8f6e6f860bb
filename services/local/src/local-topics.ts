import { createTopics, type ExchangeShape } from '@bourse/operator/topics'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { KafkaError } from '@bourse/platform/kafka/error'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { Resources } from '@bourse/platform/resources'
import { StepFailure } from './failure.ts'

const ONE_BROKER = { replicas: 1, inSyncReplicasMin: 1 }

/** The exchange's topics on this machine's broker. Those that exist must have as many partitions as asked for. */
export async function createLocalTopics(brokers: string, shape: ExchangeShape): Promise<void> {
  const connection = { brokers, clientId: 'bourse-local' }
  const onFatal = (error: Error): never => {
    throw error
  }
  const resources = new Resources()
  try {
    const admin = resources.own(await connectAdmin(connection), (each) => each.close())
    const producer = resources.own(await connectProducer({ ...connection, onFatal }), (each) => each.close())
    await createTopics({ admin, producer, connection }, shape, ONE_BROKER)
  } catch (error) {
    if (!(error instanceof KafkaError && error.code === 'partition_count_mismatch')) throw error
    throw new StepFailure(error.message, {
      cause: error,
      advice:
        'Their number is fixed when an exchange is created: ask for as many, or begin anew with `make reset`.',
    })
  } finally {
    await resources.closeAll()
  }
}
