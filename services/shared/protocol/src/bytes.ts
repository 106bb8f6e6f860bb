/** A value that does not fit the format, at a byte position of what was read. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
  readonly position: number
  constructor(reason: string, position: number) {
    super(`malformed at byte ${position}: ${reason}`)
    this.position = position
  }
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const HIGH_WORD_MAX = 2 ** 21 - 1

/** Appends little-endian values to a buffer that grows. */
export class ByteWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    const at = this.#grow(1)
    this.#bytes.writeUInt8(value, at)
  }

  u16(value: number): void {
    const at = this.#grow(2)
    this.#bytes.writeUInt16LE(value, at)
  }

  u32(value: number): void {
    const at = this.#grow(4)
    this.#bytes.writeUInt32LE(value, at)
  }

  /** A safe integer, at least 0, in 8 bytes. */
  safe(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} is no safe unsigned integer`)
    const at = this.#grow(8)
    this.#bytes.writeUInt32LE(value % 2 ** 32, at)
    this.#bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
  }

  /** A signed integer: a length of 8 or 16, then as many bytes; the shorter form wherever it fits. */
  amount(value: bigint): void {
    const short = value >= INT64_MIN && value <= INT64_MAX
    const at = this.#grow(short ? 9 : 17)
    this.#bytes.writeUInt8(short ? 8 : 16, at)
    this.#bytes.writeBigInt64LE(BigInt.asIntN(64, value), at + 1)
    if (!short) this.#bytes.writeBigInt64LE(value >> 64n, at + 9)
  }

  /** UTF-8 behind its length in bytes. */
  text(value: string, bytesMax: number): void {
    const size = Buffer.byteLength(value)
    if (size > bytesMax) throw new RangeError(`text of ${size} bytes, at most ${bytesMax} are allowed`)
    this.u16(size)
    const at = this.#grow(size)
    this.#bytes.write(value, at, 'utf8')
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
  }

  /** Overwrites a u32 written earlier, such as a length that is known only now. */
  patchU32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, at)
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.#length = 0
  }

  /** Makes room and returns where. May replace `#bytes`: call it before reading the field. */
  #grow(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}

/** Reads little-endian values; whatever does not fit is refused with its position, nothing is guessed. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get position(): number {
    return this.#at
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1))
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  safe(): number {
    const at = this.#advance(8)
    const high = this.#bytes.readUInt32LE(at + 4)
    if (high > HIGH_WORD_MAX) throw new MalformedError('integer beyond 2^53', at)
    return high * 2 ** 32 + this.#bytes.readUInt32LE(at)
  }

  amount(): bigint {
    const size = this.u8()
    if (size !== 8 && size !== 16) throw new MalformedError(`amount of ${size} bytes`, this.#at - 1)
    const at = this.#advance(size)
    const low = this.#bytes.readBigInt64LE(at)
    if (size === 8) return low
    return (this.#bytes.readBigInt64LE(at + 8) << 64n) | BigInt.asUintN(64, low)
  }

  text(bytesMax: number): string {
    const size = this.u16()
    if (size > bytesMax) throw new MalformedError(`text of ${size} bytes, at most ${bytesMax}`, this.#at - 2)
    const at = this.#advance(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  bytes(size: number): Buffer {
    const at = this.#advance(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Refuses bytes left over: a reader that stops early has misread. */
  finish(): void {
    if (this.#at !== this.#end) throw new MalformedError(`${this.#end - this.#at} bytes too many`, this.#at)
  }

  #advance(size: number): number {
    const at = this.#at
    if (size > this.#end - at) throw new MalformedError(`${size} bytes wanted, ${this.#end - at} left`, at)
    this.#at = at + size
    return at
  }
}
