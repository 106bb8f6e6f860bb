import type { InputName } from './core/largest-cut.ts'
import type { CopiedRecord } from './core/recent-records.ts'

/** A record of a lost exchange's input, as its copy has it. */
export type SourceRecord = InputName & CopiedRecord

/** Where a cut reads the inputs of a lost exchange: each in order, from where it was told to begin. */
export type InputSource = {
  /** Names an input's copy for people. */
  readonly nameOf: (input: InputName) => string
  /** What is there now is what `isRead` asks about. */
  readonly mark: () => Promise<void>
  /** Whether everything up to the mark has been read. */
  readonly isRead: (input: InputName) => boolean
  /** Some records of any inputs, at most a few thousand; none when none came within a moment. */
  readonly read: () => Promise<readonly SourceRecord[]>
  /** None of an input's records is read until `resume`, but for those that `read` has returned. */
  readonly pause: (input: InputName) => void
  readonly resume: (input: InputName) => void
  readonly close: () => Promise<void>
}
