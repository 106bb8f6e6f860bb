import { hashOf } from '@bourse/protocol/stream-hash'

/** Where an owner's account is opened. For ever: another answer would open a second account. */
export const shardOfOwner = (owner: string, shards: number): number =>
  hashOf(Buffer.from(owner)).high % shards
