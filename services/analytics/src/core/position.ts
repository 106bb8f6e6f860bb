/** A partition that a shard writes and the tables are made of. */
export type Output = { readonly topic: 'risk.out' | 'orders.out'; readonly partition: number }

export const outputKey = ({ topic, partition }: Output): string => `${topic}/${partition}`

/** What a listing says about decimals; it never changes. */
export type Listing = {
  readonly symbol: number
  readonly name: string
  readonly tickDecimals: number
  readonly lotDecimals: number
}

/** Where a file ends: all that is needed to go on behind it. */
export type Position = {
  /** The log's name, from its genesis record. */
  readonly log: string
  /** The next record to read. Where a file ends within a record, because a day does, it is this record again. */
  readonly nextOffset: number
  /** Hash of the record before `nextOffset`, as text. */
  readonly lastRecord: string
  /** Of the stream, with its last entry: epoch, number, running hash as text, log time in milliseconds. */
  readonly epoch: number
  readonly lastSequence: number
  readonly lastHash: string
  readonly lastTime: number
  /** Everything listed so far. Empty in `risk.out`, where nothing is converted. */
  readonly listings: readonly Listing[]
}

/** A row of `events`: an entry as it stands in the log, after repeats were dropped. */
export type EventRow = {
  /** Of the record that brought it. */
  readonly offset: number
  readonly sequence: number
  readonly type: string
  /** The entry's fields as JSON, by the names and in the units of the log; amounts are text, for they outgrow JSON's numbers. */
  readonly body: string
  /** Log time, in milliseconds since 1970. */
  readonly time: number
}

/** What one file of `events` has: at least one row, all of one day, and where that leads. */
export type EventsFile = { readonly rows: readonly EventRow[]; readonly after: Position }

const DAY_MS = 86_400_000

/** The UTC day of a log time, counted from 1970. */
export const dayOf = (time: number): number => Math.floor(time / DAY_MS)
