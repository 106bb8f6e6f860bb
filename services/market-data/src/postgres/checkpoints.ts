import type { Database } from '@bourse/platform/postgres'
import { hashFromText, hashOf, hashText, sameHash } from '@bourse/protocol/stream-hash'
import { z } from 'zod'
import { MarketFeed } from '../core/market-feed.ts'

const HASH = /^[0-9a-f]{16}$/

const Row = z.object({
  next_offset: z.coerce.number().int().min(0),
  last_record: z.string().regex(HASH),
  state: z.instanceof(Buffer),
  state_hash: z.string().regex(HASH),
})

/** Where feeds begin again after a restart: one row per partition, which only ever moves forward. */
export class Checkpoints {
  readonly #sql: Database
  readonly #topic: string

  constructor(sql: Database, topic: string) {
    this.#sql = sql
    this.#topic = topic
  }

  /** The feed as it was saved last; undefined where it never was. */
  async load(partition: number): Promise<MarketFeed | undefined> {
    const rows = await this.#sql`
      select next_offset, last_record, state, state_hash from market_data_checkpoints
      where topic = ${this.#topic} and partition = ${partition}`
    if (rows[0] === undefined) return undefined
    const row = Row.parse(rows[0])
    if (!sameHash(hashOf(row.state), hashFromText(row.state_hash))) {
      throw new Error(`the checkpoint of ${this.#topic}/${partition} at offset ${row.next_offset} is damaged`)
    }
    return MarketFeed.decode(row.state, {
      offset: row.next_offset,
      lastRecord: hashFromText(row.last_record),
    })
  }

  /** Saves the feed as it is now, unless a later state is there already: a zombie takes nothing back. */
  async save(feed: MarketFeed): Promise<void> {
    const { offset, lastRecord } = feed.logPosition
    const { epoch, sequence } = feed.streamPosition
    const state = feed.encode()
    await this.#sql`
      insert into market_data_checkpoints as present
        (topic, partition, log, epoch, next_offset, last_record, last_sequence, last_hash, state, state_hash)
      values
        (${this.#topic}, ${feed.partition}, ${feed.log}, ${epoch}, ${offset}, ${hashText(lastRecord)}, ${sequence},
        ${hashText(feed.streamHash)}, ${state}, ${hashText(hashOf(state))})
      on conflict (topic, partition) do update set
        log = excluded.log, epoch = excluded.epoch, next_offset = excluded.next_offset,
        last_record = excluded.last_record, last_sequence = excluded.last_sequence,
        last_hash = excluded.last_hash, state = excluded.state, state_hash = excluded.state_hash, taken_at = now()
      where present.next_offset < excluded.next_offset`
  }
}
