import type { Construct } from 'constructs'
import { Datastore, tcp } from '../constructs/datastore.ts'
import { NAMESPACE } from '../constructs/labels.ts'
import type { Resources } from '../values/schema.ts'

const CLIENTS = 9092
const CONTROLLER = 9093

export type KafkaProps = {
  readonly image: string
  readonly resources: Resources
  readonly storage: string
  readonly heapMebibytes: number
}

/** One broker that is its own controller. Its settings are those of the exchange on one machine. */
export const kafka = (scope: Construct, { image, resources, storage, heapMebibytes }: KafkaProps) =>
  new Datastore(scope, 'kafka', {
    name: 'kafka',
    ...{ image, resources },
    user: 1000,
    ports: [
      ['kafka', CLIENTS],
      ['controller', CONTROLLER],
    ],
    data: { path: '/var/lib/kafka/data', storage },
    scratch: ['/opt/kafka/config', '/opt/kafka/logs'],
    readiness: tcp(CLIENTS),
    liveness: tcp(CONTROLLER),
    env: {
      KAFKA_HEAP_OPTS: `-Xms${heapMebibytes}m -Xmx${heapMebibytes}m`,
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `PLAINTEXT://:${CLIENTS},CONTROLLER://:${CONTROLLER}`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://kafka.${NAMESPACE}.svc.cluster.local:${CLIENTS}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${CONTROLLER}`,
      // Not the volume itself: it may hold a file system's own folders.
      KAFKA_LOG_DIRS: '/var/lib/kafka/data/logs',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_LOG_RETENTION_MS: '-1',
      KAFKA_MESSAGE_MAX_BYTES: '2097152',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      // An engine that crashed or hands over is replaced within its session, at once.
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
      // There is no other broker to take over: one that was slow for a moment must not be shut out.
      KAFKA_BROKER_SESSION_TIMEOUT_MS: '18000',
      KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '500',
      // The default of 128 MiB would be a large part of a small heap.
      KAFKA_LOG_CLEANER_DEDUPE_BUFFER_SIZE: '8388608',
    },
  })
