import { shardOfOwner } from '../core/owner-shard.ts'
import type { Submit } from '../kafka/order-entry.ts'
import { AccountBook } from './account-book.ts'
import type { Books, Position } from './books.ts'
import { Directory } from './directory.ts'

export type LookupOptions = {
  readonly submit: Submit
  readonly books: Books
  readonly riskShards: number
  readonly now: () => number
}

/** Numbers of symbols, assets and accounts. What is not known yet is read at the position that risk names on asking. */
export function openLookups({ submit, books, riskShards, now }: LookupOptions) {
  const askPosition = async (shard: number): Promise<Position> => {
    const { position } = await submit(shard, { type: 'ping' })
    return { shard, sequence: position }
  }
  return {
    directory: new Directory({ read: books.listed, askPosition: () => askPosition(0), now }),
    accounts: new AccountBook({
      read: books.accountOf,
      askPosition: (owner) => askPosition(shardOfOwner(owner, riskShards)),
    }),
  }
}
