import type { Cut } from '@bourse/protocol/shard'
import type { Snapshot } from '@bourse/protocol/replica'
import { hashFromText, hashOf, hashText, sameHash } from '@bourse/protocol/stream-hash'
import type { Database } from '../postgres.ts'

/** A kind of machine and the number of its shard: `risk`, 0. */
export type ShardName = { readonly machine: 'risk' | 'matching'; readonly shard: number }

/** Where snapshots and reconciliation's cuts are kept. */
export interface SnapshotStore {
  /** Keeps a snapshot by its offset. One that is there already stays as it is. */
  save(name: ShardName, snapshot: Snapshot): Promise<void>
  /** The newest sound snapshot at or below an offset. */
  newest(name: ShardName, offsetMax: number): Promise<Snapshot | undefined>
  /** The oldest sound snapshot: where to begin when nothing says how far the outputs have come. */
  oldest(name: ShardName): Promise<Snapshot | undefined>
  /** The offset of the newest snapshot, sound or not. */
  newestOffset(name: ShardName): Promise<number | undefined>
  /** Deletes what no recovery can need any more. */
  prune(name: ShardName): Promise<void>
  saveCut(name: ShardName, cut: Cut): Promise<void>
}

/** Snapshots of a shard that stay even when newer ones cover everything. */
export const SNAPSHOTS_KEPT = 3

/** A shard's older cuts are deleted when it makes a new one. */
const CUTS_KEPT = 16

/** Snapshots in PostgreSQL. A snapshot whose bytes do not have the recorded hash is passed over for an older one. */
export class PostgresSnapshotStore implements SnapshotStore {
  readonly #sql: Database
  /** Hashes of the segments that this process has stored, by shard: they are neither hashed nor sent again. */
  readonly #segments = new Map<string, ReadonlyMap<number, string>>()
  readonly #onUnsound: (name: ShardName, offset: number, cause: Error) => void

  constructor(sql: Database, onUnsound: (name: ShardName, offset: number, cause: Error) => void) {
    this.#sql = sql
    this.#onUnsound = onUnsound
  }

  async save({ machine, shard }: ShardName, snapshot: Snapshot): Promise<void> {
    const { offset, lastRecord, state, segments, hash, log, read, written } = snapshot
    const kept = this.#kept(machine, shard)
    const isNew = segments.filter(({ id }) => !kept.has(id))
    const hashes = new Map([...kept, ...isNew.map(({ id, body }) => [id, hashText(hashOf(body))] as const)])
    const references = segments.map(({ id }) => ({ id, hash: hashes.get(id) ?? '' }))
    const sql = this.#sql
    await sql`insert into snapshots (machine, shard, log_offset, last_record, log, state, hash, segments, read, written)
      values (${machine}, ${shard}, ${offset}, ${hashText(lastRecord)}, ${log}, ${state}, ${hashText(hash)},
        ${sql.json(references)}, ${sql.json(read)}, ${sql.json(written)})
      on conflict do nothing`
    // After the row that refers to them, so that nobody prunes them; until they are there the snapshot is not sound.
    for (const { id, body } of isNew) {
      await sql`insert into snapshot_segments (machine, shard, id, hash, body)
        values (${machine}, ${shard}, ${id}, ${hashes.get(id) ?? ''}, ${body}) on conflict do nothing`
    }
    this.#segments.set(`${machine}/${shard}`, new Map(references.map(({ id, hash }) => [id, hash])))
  }

  newest(name: ShardName, offsetMax: number): Promise<Snapshot | undefined> {
    const { machine, shard } = name
    return this.#firstSound(
      name,
      this.#sql<Row[]>`select * from snapshots where machine = ${machine} and shard = ${shard}
        and log_offset <= ${offsetMax} order by log_offset desc`,
    )
  }

  oldest(name: ShardName): Promise<Snapshot | undefined> {
    const { machine, shard } = name
    return this.#firstSound(
      name,
      this.#sql<
        Row[]
      >`select * from snapshots where machine = ${machine} and shard = ${shard} order by log_offset`,
    )
  }

  async newestOffset({ machine, shard }: ShardName): Promise<number | undefined> {
    const [row] = await this.#sql<{ log_offset: bigint | null }[]>`
      select max(log_offset) as log_offset from snapshots where machine = ${machine} and shard = ${shard}`
    return row?.log_offset === undefined || row.log_offset === null ? undefined : Number(row.log_offset)
  }

  /**
   * A snapshot goes when three newer ones exist and a newer one's outputs have all reached every receiver's durable
   * position (settlement's offsets, the other engines' newest snapshots): then nothing before the newer one is ever
   * emitted again.
   */
  async prune({ machine, shard }: ShardName): Promise<void> {
    const source = `${machine}/${shard}`
    await this.#sql`
      with mine as (
        select log_offset, written, row_number() over (order by log_offset desc) as age
        from snapshots where machine = ${machine} and shard = ${shard}
      ),
      covered as (
        select max(log_offset) as log_offset from mine where not exists (
          select 1 from jsonb_each_text(written) as stream (destination, sequence)
          where sequence::bigint > coalesce(
            (select min(last_sequence) from offsets where topic || '/' || partition = stream.destination),
            (select min((s.read ->> ${source})::bigint) from (
              select distinct on (o.machine, o.shard) o.read from snapshots o
              where case o.machine::text when 'risk' then 'risk.in/' else 'orders.in/' end || o.shard = stream.destination
              order by o.machine, o.shard, o.log_offset desc) s),
            0)
        )
      )
      delete from snapshots where machine = ${machine} and shard = ${shard}
        and log_offset in (select log_offset from mine where age > ${SNAPSHOTS_KEPT})
        and log_offset < (select log_offset from covered)`
    await this.#sql`
      delete from snapshot_segments g where machine = ${machine} and shard = ${shard} and not exists (
        select 1 from snapshots s, jsonb_to_recordset(s.segments) as r (id bigint)
        where s.machine = g.machine and s.shard = g.shard and r.id = g.id)`
  }

  async saveCut({ machine, shard }: ShardName, { marker, state, inFlight }: Cut): Promise<void> {
    const json = JSON.stringify({ state: state ?? null, inFlight }, amountsAsText)
    const source = `${machine}/${shard}`
    await this.#sql`insert into cuts (marker, source, state)
      values (${marker}, ${source}, ${json}::text::jsonb) on conflict do nothing`
    await this.#sql`delete from cuts where source = ${source} and marker not in (
      select marker from cuts where source = ${source} order by marker desc limit ${CUTS_KEPT})`
  }

  #kept(machine: string, shard: number): ReadonlyMap<number, string> {
    return this.#segments.get(`${machine}/${shard}`) ?? new Map()
  }

  async #firstSound(name: ShardName, rows: Promise<Row[]>): Promise<Snapshot | undefined> {
    for (const row of await rows) {
      try {
        return await this.#load(name, row)
      } catch (cause) {
        this.#onUnsound(
          name,
          Number(row.log_offset),
          cause instanceof Error ? cause : new Error(String(cause)),
        )
      }
    }
    return undefined
  }

  async #load({ machine, shard }: ShardName, row: Row): Promise<Snapshot> {
    const hash = hashFromText(row.hash)
    if (!sameHash(hashOf(row.state), hash)) throw new Error('the state does not have its hash')
    const segments = []
    for (const reference of row.segments) {
      const [stored] = await this.#sql<{ body: Buffer }[]>`select body from snapshot_segments
        where machine = ${machine} and shard = ${shard} and id = ${reference.id}`
      if (stored === undefined || hashText(hashOf(stored.body)) !== reference.hash) {
        throw new Error(`segment ${reference.id} is missing or does not have its hash`)
      }
      segments.push({ id: reference.id, body: stored.body })
    }
    const { state, log, read, written } = row
    return {
      offset: Number(row.log_offset),
      lastRecord: hashFromText(row.last_record),
      state,
      segments,
      hash,
      log,
      read,
      written,
    }
  }
}

type Row = {
  readonly log_offset: bigint
  readonly last_record: string
  readonly log: string
  readonly state: Buffer
  readonly hash: string
  readonly segments: readonly { id: number; hash: string }[]
  readonly read: Record<string, number>
  readonly written: Record<string, number>
}

const amountsAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value
