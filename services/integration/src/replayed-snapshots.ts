import assert from 'node:assert/strict'
import { MatchingMachine } from '@bourse/matching-engine/core/matching-machine'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { Database } from '@bourse/platform/postgres'
import { decodeFrame } from '@bourse/protocol/frame'
import { Shard } from '@bourse/protocol/shard'
import { RiskMachine } from '@bourse/risk-engine/core/risk-machine'
import type { InputCopy } from './copied-region.ts'

/**
 * Every snapshot of what was read of the inputs is, byte for byte, the state that its input leads to when it is read once from its first
 * record: balances, holds, books and all.
 *
 * @returns how many were compared
 */
export async function assertSnapshotsReplay(sql: Database, inputs: readonly InputCopy[]): Promise<number> {
  const count = (topic: string): number => inputs.filter((input) => input.topic === topic).length
  const topology = { riskShards: count('risk.in'), matchingShards: count('orders.in') }
  let compared = 0
  for (const { topic, partition, records } of inputs) {
    const machine = topic === 'risk.in' ? 'risk' : 'matching'
    const create = machine === 'risk' ? RiskMachine.create : MatchingMachine.create
    const shard = new Shard<RiskMachine | MatchingMachine>(create(partition, topology), partition, topology)
    const snapshots = await sql<{ offset: bigint; state: Buffer }[]>`
      select log_offset as offset, state from snapshots
      where machine = ${machine} and shard = ${partition} and log_offset <= ${records.length}
      order by log_offset`
    let next = 0
    for (const { offset, state } of snapshots) {
      apply(shard, records.slice(next, Number(offset)))
      next = Number(offset)
      assert.ok(shard.encode().equals(state), `${machine}/${partition} at ${offset}`)
      compared++
    }
  }
  return compared
}

function apply(shard: Shard<RiskMachine | MatchingMachine>, records: readonly Message[]): void {
  for (const { value, timestamp } of records) shard.apply(decodeFrame(value), timestamp)
}
