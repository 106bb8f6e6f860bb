import type { Redis } from '@bourse/platform/redis'
import { z } from 'zod'

const level = z.tuple([z.string(), z.string()])
const storedBook = z.object({
  symbol: z.string(),
  update: z.number(),
  time: z.number(),
  bids: z.array(level),
  asks: z.array(level),
})
const storedTrade = z.object({
  trade_id: z.number(),
  price: z.string(),
  quantity: z.string(),
  taker_side: z.enum(['buy', 'sell']),
  time: z.number(),
})

export type Depth = z.infer<typeof storedBook>
export type PublicTrade = z.infer<typeof storedTrade>

/** What market-data publishes. Every method throws when Redis does not answer. */
export type MarketCache = {
  /** Undefined when there is none now, such as after Redis was wiped. Best first, `limit` levels of each side. */
  readonly depth: (symbol: string, limit: number) => Promise<Depth | undefined>
  /** Newest first. */
  readonly trades: (symbol: string, limit: number) => Promise<readonly PublicTrade[]>
}

/** A command that Redis does not answer in time fails, as one that waits for a connection does. */
const COMMAND_TIMEOUT_MS = 1_000

type Commands = ReturnType<Redis['withCommandOptions']>

export class CacheError extends Error {
  override readonly name = 'CacheError'
}

/** Connects at first use, for a gateway has to take orders without Redis too. */
export function openMarketCache(connect: () => Promise<Redis>): MarketCache & { close(): Promise<void> } {
  let connecting: Promise<Redis> | undefined

  async function ask<Value>(command: (client: Commands) => Promise<Value>): Promise<Value> {
    try {
      connecting ??= connect().catch((error: unknown) => {
        connecting = undefined
        throw error
      })
      return await command((await connecting).withCommandOptions({ timeout: COMMAND_TIMEOUT_MS }))
    } catch (cause) {
      throw new CacheError('Redis does not answer', { cause })
    }
  }

  return {
    async depth(symbol, limit) {
      const text = await ask((client) => client.get(`orderbook:${symbol}`))
      if (text === null) return undefined
      const { bids, asks, ...book } = storedBook.parse(JSON.parse(text))
      return { ...book, bids: bids.slice(0, limit), asks: asks.slice(0, limit) }
    },
    async trades(symbol, limit) {
      const texts = await ask((client) => client.lRange(`trades:${symbol}`, 0, limit - 1))
      return texts.map((text) => storedTrade.parse(JSON.parse(text)))
    },
    async close() {
      await (await connecting?.catch(() => undefined))?.close()
    },
  }
}
