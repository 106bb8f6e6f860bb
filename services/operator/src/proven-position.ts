import { TOPICS } from '@bourse/platform/kafka/topics'
import { hashOf, sameHash } from '@bourse/protocol/stream-hash'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { CutPosition, InputPosition } from './core/cut-position.ts'
import type { RecordReader } from './record-reader.ts'
import type { ExchangeShape } from './topics.ts'

/** Where copies and cut are. */
export type CopiesAndCut = {
  readonly copies: RecordReader
  /** What the copies' names have before the originals'. */
  readonly prefix: string
  readonly cut: RecordReader
  readonly shape: ExchangeShape
}

/** The first of some positions whose last records are where it says, in the copies and in this region's inputs. */
export async function provenPosition(
  places: CopiesAndCut,
  positions: readonly CutPosition[],
): Promise<CutPosition | undefined> {
  for (const position of positions) if (await proves(places, position)) return position
  return undefined
}

async function proves(
  { copies, prefix, cut, shape }: CopiesAndCut,
  { inputs }: CutPosition,
): Promise<boolean> {
  if (!hasShape(inputs, shape)) return false
  for (const { topic, partition, next, last, kept } of inputs) {
    if (last === undefined) continue
    const copy = await copies.at({ topic: `${prefix}${topic}`, partition, offset: next - 1 })
    const written = await cut.at({ topic, partition, offset: kept.records - 1 })
    if (!isLast(last, copy) || !isLast(last, written)) return false
  }
  return true
}

const isLast = (
  { timestamp, hash }: NonNullable<InputPosition['last']>,
  found: Message | undefined,
): boolean => found !== undefined && found.timestamp === timestamp && sameHash(hashOf(found.value), hash)

function hasShape(inputs: readonly InputPosition[], shape: ExchangeShape): boolean {
  const { riskPartitions, matchingPartitions } = shape
  return (
    inputs.length === riskPartitions + matchingPartitions &&
    inputs.every(({ topic, partition }, i) =>
      i < riskPartitions
        ? topic === TOPICS.riskIn && partition === i
        : topic === TOPICS.ordersIn && partition === i - riskPartitions,
    )
  )
}
