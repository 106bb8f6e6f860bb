/** What stands in front of a frame's entries, as far as the simulation asks; read without the entries. */
export function headerOf(frame: Buffer): {
  readonly kind: 'gateway' | 'risk' | 'matching' | 'genesis'
  readonly shard: number
  readonly sequence: number
  readonly entries: number
} {
  const kinds = ['gateway', 'risk', 'matching', 'genesis'] as const
  return {
    kind: kinds[frame.readUInt8(4)] ?? 'gateway',
    shard: frame.readUInt16LE(6),
    sequence: Number(frame.readBigUInt64LE(12)),
    entries: frame.readUInt16LE(28),
  }
}
