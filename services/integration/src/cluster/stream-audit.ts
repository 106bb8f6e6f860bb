import { hashAfter, type Frame } from '@bourse/protocol/frame'
import { hashText, sameHash, type StreamHash } from '@bourse/protocol/stream-hash'

/** What one stream holds: who wrote, and into which partition. */
type Stream = { readonly hashes: StreamHash[]; repeats: number; gaps: number; differences: string[] }

export type AuditReport = {
  readonly streams: number
  /** Entries that their receivers took: each sequence number once. */
  readonly accepted: number
  /** Entries of a second owner, or written again: same number, same content. Receivers drop them. */
  readonly repeats: number
  /** Entries beyond the next one, which receivers ignore until their sender has written what is missing. */
  readonly gaps: number
  readonly differences: readonly string[]
}

/**
 * Reads logs as their receivers do, and keeps every hash. One accepted owner means: a stream's entries have one sequence
 * without a hole, and whatever was written twice under one number is the same.
 */
export class StreamAudit {
  readonly #streams = new Map<string, Stream>()

  add(partition: string, { source, sequence, hashBefore, entries }: Frame): void {
    // Gateways' commands have no sequence: each has an id of its own.
    if (sequence === 0) return
    const name = `${source.kind}/${source.shard} in ${partition}`
    const stream = this.#stream(name)
    let before = hashBefore
    for (const { bytes, sequence: number } of entries) {
      const after = hashAfter(before, bytes)
      const known = stream.hashes[number - 1]
      if (known !== undefined) {
        stream.repeats++
        if (!sameHash(known, after))
          stream.differences.push(`${name}: entry ${number} came again with other content`)
      } else if (number !== stream.hashes.length + 1) stream.gaps++
      else {
        const last = stream.hashes.at(-1)
        if (last !== undefined && !sameHash(last, before))
          stream.differences.push(
            `${name}: entry ${number} follows ${hashText(before)}, not ${hashText(last)}`,
          )
        stream.hashes.push(after)
      }
      before = after
    }
  }

  report(): AuditReport {
    const streams = [...this.#streams.values()]
    const sum = (value: (stream: Stream) => number): number =>
      streams.reduce((total, stream) => total + value(stream), 0)
    return {
      streams: streams.length,
      accepted: sum(({ hashes }) => hashes.length),
      repeats: sum(({ repeats }) => repeats),
      gaps: sum(({ gaps }) => gaps),
      differences: streams.flatMap(({ differences }) => differences),
    }
  }

  #stream(name: string): Stream {
    const found = this.#streams.get(name)
    if (found !== undefined) return found
    const stream: Stream = { hashes: [], repeats: 0, gaps: 0, differences: [] }
    this.#streams.set(name, stream)
    return stream
  }
}
