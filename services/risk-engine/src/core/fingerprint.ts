import { hashOf } from '@bourse/protocol/stream-hash'
import { ByteWriter } from '@bourse/protocol/bytes'
import { writeEntry, type EntryOf } from '@bourse/protocol/entries'
import type { Fingerprint } from './command-ids.ts'

const scratch = new ByteWriter(512)
const nobody = { partition: 0, instance: 0, request: 0 }

/** Stands for an account and its command id. Never 0, 0. */
export function keyOf(account: number, commandId: string): Fingerprint {
  const { high, low } = hashOf(Buffer.from(`${account}\n${commandId}`))
  return { high, low: high === 0 && low === 0 ? 1 : low }
}

type IdentifiedCommand =
  | EntryOf<'placeOrder'>
  | EntryOf<'cancelOrder'>
  | EntryOf<'cancelAll'>
  | EntryOf<'deposit'>
  | EntryOf<'withdraw'>
  | EntryOf<'listAsset'>
  | EntryOf<'listSymbol'>
  | EntryOf<'setSymbolState'>
  | EntryOf<'setFees'>

/** Stands for what a command asks; where it is answered, by when, and in what detail are no part of that. */
export function contentOf(command: IdentifiedCommand): number {
  scratch.clear()
  const plain = { ...command, replyTo: nobody }
  if ('deadline' in plain) plain.deadline = 0
  if ('wantResult' in plain) plain.wantResult = false
  writeEntry(scratch, plain as IdentifiedCommand)
  return hashOf(scratch.take()).high
}
