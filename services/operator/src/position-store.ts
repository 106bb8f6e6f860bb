import type { Database } from '@bourse/platform/postgres'
import { hashOf, hashText } from '@bourse/protocol/stream-hash'
import { decodePosition, encodePosition, type CutPosition } from './core/cut-position.ts'

/** Positions that stay: when the newest does not prove itself, an older one may. */
const POSITIONS_KEPT = 3

/** Where cuts into this region note how far they have come. */
export class PositionStore {
  readonly #sql: Database

  constructor(sql: Database) {
    this.#sql = sql
  }

  /** @param opened the next epoch is begun here; from then on no engine that stands by publishes anything */
  async save(position: CutPosition, { opened }: { readonly opened: boolean }): Promise<void> {
    const state = encodePosition(position)
    await this.#sql`
      insert into cut_positions (state, hash, opened) values (${state}, ${hashText(hashOf(state))}, ${opened})`
    await this.#sql`
      delete from cut_positions where not opened and id not in (
        select id from cut_positions order by id desc limit ${POSITIONS_KEPT})`
  }

  /** Those that are sound, the newest first. */
  async newest(): Promise<readonly CutPosition[]> {
    const rows = await this.#sql<{ state: Buffer; hash: string }[]>`
      select state, hash from cut_positions order by id desc limit ${POSITIONS_KEPT}`
    return rows.flatMap(({ state, hash }) => {
      try {
        return hashText(hashOf(state)) === hash ? [decodePosition(state)] : []
      } catch {
        return []
      }
    })
  }
}
