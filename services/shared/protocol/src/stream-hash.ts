/**
 * The running hash of a stream: two 32-bit lanes, mixed word by word. It tells whether two replicas wrote the same
 * bytes; it guards against divergence, not against forgers. The multipliers are MurmurHash3's
 * (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp).
 */
export type StreamHash = { readonly high: number; readonly low: number }

export const emptyHash: StreamHash = { high: 0, low: 0 }

/** The hash after `bytes[start, end)` followed what `before` stands for. */
export function extendHash(before: StreamHash, bytes: Buffer, start: number, end: number): StreamHash {
  let high = before.high | 0
  let low = before.low | 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = bytes.readInt32LE(at)
    high = Math.imul((high ^ word) | 0, 0xcc9e2d51)
    high = (high << 15) | (high >>> 17)
    low = Math.imul((low + word) | 0, 0x1b873593) ^ (high >>> 7)
    low = (low << 13) | (low >>> 19)
  }
  for (; at < end; at++) {
    const byte = bytes.readUInt8(at)
    high = Math.imul(high ^ byte, 0x85ebca6b)
    low = Math.imul(low + byte, 0xc2b2ae35) ^ (high >>> 11)
  }
  high = Math.imul(high ^ (high >>> 16) ^ (end - start), 0x85ebca6b)
  low = Math.imul(low ^ (low >>> 13) ^ high, 0xc2b2ae35)
  return { high: (high ^ low) >>> 0, low: (low ^ (high >>> 15)) >>> 0 }
}

export const hashOf = (bytes: Buffer): StreamHash => extendHash(emptyHash, bytes, 0, bytes.length)

export const sameHash = (a: StreamHash, b: StreamHash): boolean => a.high === b.high && a.low === b.low

/** 16 hexadecimal digits, for people and for the database. */
export const hashText = ({ high, low }: StreamHash): string =>
  high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')

export const hashFromText = (text: string): StreamHash => ({
  high: Number.parseInt(text.slice(0, 8), 16),
  low: Number.parseInt(text.slice(8, 16), 16),
})
