/**
 * Runs inside a pod, where Kafka can be reached: writes every record that the exchange's logs have at the moment to the
 * standard output, compressed. Per record: u8 topic, u16 partition, u32 length, bytes.
 */
import { once } from 'node:events'
import { createGzip } from 'node:zlib'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectFollower } from '@bourse/platform/kafka/consumer'

const READ_MAX = 5_000
const READ_WAIT_MS = 1_000

const [brokers = '', ...topics] = process.argv.slice(2)
const output = createGzip({ level: 1 })
output.pipe(process.stdout)

const admin = await connectAdmin({ brokers, clientId: 'log-dump' })
const follower = await connectFollower({ brokers, clientId: 'log-dump', queueKilobytesMax: 4_096 })
const ends = new Map<string, number>()
const positions = []
for (const topic of topics) {
  for (let partition = 0; partition < ((await admin.partitionCount(topic)) ?? 0); partition++) {
    const { low, high } = await admin.watermarks(topic, partition)
    if (high > low) ends.set(`${topic}/${partition}`, high)
    positions.push({ topic, partition, offset: low })
  }
}
follower.assign(positions)
while (ends.size > 0) {
  for (const { topic, partition, offset, value } of await follower.read({
    max: READ_MAX,
    waitMs: READ_WAIT_MS,
  })) {
    const end = ends.get(`${topic}/${partition}`)
    if (end === undefined) continue
    if (offset + 1 >= end) ends.delete(`${topic}/${partition}`)
    const header = Buffer.alloc(7)
    header.writeUInt8(topics.indexOf(topic), 0)
    header.writeUInt16LE(partition, 1)
    header.writeUInt32LE(value.length, 3)
    if (!output.write(Buffer.concat([header, value]))) await once(output, 'drain')
  }
}
output.end()
await follower.close()
await admin.close()
