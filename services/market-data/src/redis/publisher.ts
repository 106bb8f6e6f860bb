import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { StreamPosition } from '@bourse/protocol/streams'
import type { MarketFeed } from '../core/market-feed.ts'
import type { Script } from './scripts.ts'
import { markKey, markWrite, symbolWrites, type Write } from './writes.ts'

/** How long a quiet market may go on before its cache is looked at. */
const LOOK_INTERVAL_MS = 500
/** Between attempts while the cache does not answer. */
const RETRY_MS = 500

/** How the cache is reached. */
export type Cache = {
  readonly evaluate: (script: Script, key: string, args: readonly string[]) => Promise<unknown>
  readonly get: (key: string) => Promise<string | null>
}

/** What happens to publications, for counters and logs. */
export type PublisherEvents = {
  /** `conflated`: level changes that were never seen alone. */
  readonly published: (counts: { writes: number; conflated: number; stale: number }) => void
  /** The cache had lost what was written; everything is being written again. */
  readonly rewriting: () => void
  readonly failed: (error: Error) => void
}

export type PublisherOptions = {
  readonly cache: Cache
  readonly events: PublisherEvents
  /** From one publication to the next; what changes in between is published once. */
  readonly intervalMs: number
}

/** The cache belongs to another exchange's log: positions cannot be compared, and nothing here may guess. */
export class ForeignCacheError extends Error {
  override readonly name = 'ForeignCacheError'
}

const Found = z.tuple([z.number(), z.number()])
const Mark = z.object({ log: z.string() })

type Member = { readonly feed: MarketFeed; readonly written: Map<string, StreamPosition>; checked: boolean }

/**
 * Writes what feeds have changed into the cache, at a steady pace at most, one pipeline a publication. It never makes a
 * feed wait: while the cache is away changes pile up in the feeds, and what is lost is written again from there.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #members = new Map<MarketFeed, Member>()
  #wake = () => {}
  #woken = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Publishes a feed from now on, beginning with everything. */
  add(feed: MarketFeed): void {
    feed.changeAll()
    this.#members.set(feed, { feed, written: new Map(), checked: false })
    this.wake()
  }

  remove(feed: MarketFeed): void {
    this.#members.delete(feed)
  }

  /** Says that feeds may have changed. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  /** Publishes until `signal` is aborted. Throws a ForeignCacheError; whatever else fails is tried again. */
  async run(signal: AbortSignal): Promise<void> {
    // Whoever ends does not wait for a cache that is away.
    const ended = once(signal, 'abort').then(() => this.wake())
    while (!signal.aborted) {
      this.#woken = false
      const published = await Promise.race([this.#publish(), ended])
      const pause = published ? this.#options.intervalMs : RETRY_MS
      await sleep(pause, undefined, { signal }).catch(() => {})
      await this.#change()
    }
  }

  /** Resolves when something may have changed, or when it is time to look after the cache. */
  async #change(): Promise<void> {
    if (this.#woken) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_INTERVAL_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = () => {}
  }

  async #publish(): Promise<boolean> {
    const members = [...this.#members.values()].filter(({ feed }) => feed.log !== '')
    try {
      await Promise.all(members.map((member) => this.#checkLog(member)))
      const kept = await Promise.all(members.map((member) => this.#publishFeed(member)))
      if (kept.every(Boolean)) return true
      this.#rewrite(members)
      this.#options.events.rewriting()
      return true
    } catch (error) {
      if (error instanceof ForeignCacheError) throw error
      this.#rewrite(members)
      this.#options.events.failed(error as Error)
      return false
    }
  }

  /** Begins anew: what the cache holds is not known. */
  #rewrite(members: readonly Member[]): void {
    for (const { feed, written } of members) {
      feed.changeAll()
      written.clear()
    }
    this.wake()
  }

  /** Whether the cache still had everything that was written into it. */
  async #publishFeed({ feed, written }: Member): Promise<boolean> {
    if (feed.withinCommand) return true
    const changes = feed.takeChanges()
    const position = feed.streamPosition
    // Before and after: the first mark tells what was lost until now, the second what is lost in between.
    const mark = markWrite(feed)
    const writes = [mark, ...changes.flatMap((each) => symbolWrites(each, position)), mark]
    const found = await Promise.all(writes.map((write) => this.#write(write)))
    const results = writes.map((write, i) => settle(write, found[i] ?? NOWHERE, written))
    const conflated = changes.reduce((sum, { updates }) => sum + Math.max(0, updates - 1), 0)
    const stale = results.filter((result) => result === 'stale').length
    this.#options.events.published({ writes: writes.length, conflated, stale })
    return !results.includes('lost')
  }

  async #write({ script, key, args }: Write): Promise<StreamPosition> {
    const [epoch, sequence] = Found.parse(await this.#options.cache.evaluate(script, key, args))
    return { epoch, sequence }
  }

  async #checkLog(member: Member): Promise<void> {
    if (member.checked) return
    const { log, partition } = member.feed
    const mark = await this.#options.cache.get(markKey(partition))
    const found = mark === null ? log : Mark.parse(JSON.parse(mark)).log
    if (found !== log) {
      throw new ForeignCacheError(
        `the cache holds the market data of log ${found}, this is log ${log}: empty the cache, all of it is rebuilt`,
      )
    }
    member.checked = true
  }
}

const NOWHERE: StreamPosition = { epoch: 0, sequence: 0 }

/** What an answer means, and what the key has from now on. */
function settle(
  { key, position }: Write,
  found: StreamPosition,
  written: Map<string, StreamPosition>,
): 'written' | 'stale' | 'lost' {
  const before = written.get(key)
  written.set(key, isBefore(found, position) ? position : found)
  if (before !== undefined && isBefore(found, before)) return 'lost'
  return isBefore(position, found) ? 'stale' : 'written'
}

const isBefore = (a: StreamPosition, b: StreamPosition): boolean =>
  a.epoch < b.epoch || (a.epoch === b.epoch && a.sequence < b.sequence)
