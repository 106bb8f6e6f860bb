import type { Snapshot } from '@bourse/protocol/replica'
import { PingMachine, ticks, topology } from '@bourse/protocol/testing/ping-machine'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '../kafka/inbox.ts'
import { createLog } from '../log.ts'
import { untilDone } from '../until-done.ts'
import { Engine } from './engine.ts'
import type { ShardName, SnapshotStore } from './snapshot-store.ts'

const TOPIC = 'risk.in'
const RECORDS = 3
const refused = Object.assign(new Error('refused'), { code: '28P01' })

describe('Engine', () => {
  it('restores when PostgreSQL takes its password again, and then saves the snapshot that was refused', async () => {
    const saved: number[] = []
    let refusals = 0
    const once = <Value>(kind: string, value: Value): Promise<Value> => {
      if (asked.has(kind)) return Promise.resolve(value)
      asked.add(kind)
      refusals++
      return Promise.reject(refused)
    }
    const asked = new Set<string>()
    const engine = standby({
      newest: () => once('newest', undefined),
      save: async ({ shard }, { offset }: Snapshot) => {
        await once('save', undefined)
        if (shard === 0) saved.push(offset)
      },
    })
    const ending = new AbortController()
    const { signal } = ending
    await untilDone(() => engine.restore(), { signal, onWait: () => {} })
    const running = engine.run(signal, () => new Promise<never>(() => {}))
    while (saved.length === 0) await sleep(5)
    ending.abort()
    await running
    assert.deepEqual([saved[0], refusals], [RECORDS, 2])
  })

  it('keeps the beginning where it stands by for another region, and nothing once that is opened here', async () => {
    const saved: number[] = []
    const save = async ({ shard }: ShardName, { offset }: Snapshot) => {
      if (shard === 0) saved.push(offset)
    }
    let opened = false
    let asked = 0
    const isOpened = async () => {
      asked++
      return opened
    }
    const ending = new AbortController()
    const follow = async () => {
      const engine = standby({ newest: async () => undefined, save }, isOpened)
      await engine.restore()
      return engine.run(ending.signal, () => new Promise<never>(() => {}))
    }
    void follow()
    while (saved.length < 2) await sleep(5)
    assert.deepEqual(saved, [0, RECORDS])
    opened = true
    asked = 0
    void follow()
    while (asked < 3) await sleep(5)
    ending.abort()
    assert.deepEqual(saved, [0, RECORDS, 0])
  })
})

/** An engine that follows a log of ticks, all of them acknowledged by its owner. */
function standby(
  store: Pick<SnapshotStore, 'newest' | 'save'>,
  isOpened?: () => Promise<boolean>,
): Engine<PingMachine> {
  const nothing = () => Promise.resolve(undefined)
  let records: readonly Message[] = ticks(RECORDS).map((record) => ({
    ...record,
    topic: TOPIC,
    partition: 0,
  }))
  const read = async () => {
    const found = records
    records = []
    await sleep(1)
    return found
  }
  const counts: Record<string, number> = {
    'risk.in': topology.riskShards,
    'orders.in': topology.matchingShards,
  }
  const parts = {
    follower: { read, assign: () => {}, pause: () => {}, resume: () => {} },
    producer: { send: () => {} },
    admin: {
      partitionCount: async (topic: string) => counts[topic],
      watermarks: async (_: string, partition: number) => ({ low: 0, high: endOf(partition) }),
    },
    offsets: {
      of: async (partitions: readonly { topic: string; partition: number }[]) =>
        partitions.map((each) => ({ ...each, offset: endOf(each.partition) })),
    },
    store: {
      oldest: nothing,
      newestOffset: nothing,
      prune: async () => {},
      saveCut: async () => {},
      ...store,
    },
    log: createLog({ name: 'test', level: 'silent' }),
    onFatal: (error: Error) => assert.ifError(error),
    ...(isOpened !== undefined && { isOpened }),
  }
  const kind = {
    machine: 'risk',
    inputTopic: TOPIC,
    create: () => new PingMachine(),
    decode: PingMachine.decode,
  } as const
  return new Engine(kind, parts, { commitMs: 10, observeMs: 10, snapshotMs: 20, tickMs: 1_000 })
}

const endOf = (partition: number): number => (partition === 0 ? RECORDS : 0)
