import type { Random } from './random.ts'

/**
 * Every kind of fault. `drawn` says how often it was injected, `bit` how often it was seen to have an effect that the
 * exchange had to mend; the words say which one.
 */
export const faultKinds = {
  lost_frame: 'a sender ended by a frame that never reached the log',
  lost_acknowledgement: 'a sender ended by a frame that did reach the log',
  repeated_record: 'repeated entries dropped because a record was appended twice',
  gap: 'entries beyond a lost frame ignored',
  crash: 'entries emitted again after a crash',
  zombie: "a zombie's entries dropped",
  handover: 'partitions given up in order and taken over',
  takeover: 'partitions taken over by a process that was already warm',
  lost_commit: 'commits of X that never arrived or never were answered',
  forgotten_x: 'shards restored from the oldest snapshot, as no X was committed',
  torn_snapshot: 'unsound snapshots passed over',
  snapshot: 'shards restored from a snapshot',
  silent_replay: 'records replayed in silence between S and X',
  held_snapshot: 'snapshots that had to wait for X',
  kept_snapshot: 'more snapshots kept than three, as receivers had not come so far',
  clock_leap: 'leaps of the clock that raised an alarm',
  clock_back: 'records older than the one before them',
  settlement_fenced: 'transactions refused because another writer was ahead',
  settlement_crash: 'writers of the ledger started again',
  settlement_unknown: 'transactions committed whose writer never heard of it',
  lost_reply: 'commands asked again after no answer came',
  gateway_crash: 'commands whose gateway went away',
  repeated_command: 'commands answered from memory',
  other_content: 'ids refused because they came with other content',
  expired: 'orders refused because their deadline had passed',
  refused_by_matching: 'orders closed by matching: halted, cancel only, post-only, fill or kill',
  mass_cancel: 'orders cancelled all at once',
  segment: 'segments of command ids restored with a snapshot',
  marker_cut: 'cuts of the whole exchange that added up',
} as const

export type FaultKind = keyof typeof faultKinds
export type FaultCounts = Record<FaultKind, { drawn: number; bit: number }>

export const noFaults = (): FaultCounts =>
  Object.fromEntries(Object.keys(faultKinds).map((kind) => [kind, { drawn: 0, bit: 0 }])) as FaultCounts

/** How likely each fault is in one run, in thousandths of its occasions. */
export type Weather = {
  readonly lostFrame: number
  readonly lostAcknowledgement: number
  readonly repeatedRecord: number
  readonly lostCommit: number
  readonly lostReply: number
  readonly tornSnapshot: number
  /** Mean simulated time between two, 0: never. */
  readonly crashMs: number
  readonly pauseMs: number
  readonly restartMs: number
  readonly clockMs: number
  readonly gatewayCrashMs: number
  readonly forgottenXMs: number
}

export const fairWeather: Weather = {
  ...{
    lostFrame: 0,
    lostAcknowledgement: 0,
    repeatedRecord: 0,
    lostCommit: 0,
    lostReply: 0,
    tornSnapshot: 0,
  },
  ...{ crashMs: 0, pauseMs: 0, restartMs: 0, clockMs: 0, gatewayCrashMs: 0, forgottenXMs: 0 },
}

/** Each kind of fault is in every second run or so: what hides behind one fault shows without it. */
export function drawWeather(random: Random): Weather {
  const sometimes = (low: number, high: number): number =>
    random.perMille(550) ? random.between(low, high) : 0
  return {
    lostFrame: sometimes(1, 6),
    lostAcknowledgement: sometimes(1, 6),
    repeatedRecord: sometimes(10, 150),
    lostCommit: sometimes(50, 500),
    lostReply: sometimes(20, 200),
    tornSnapshot: sometimes(50, 400),
    crashMs: sometimes(800, 4_000),
    pauseMs: sometimes(800, 4_000),
    restartMs: sometimes(1_500, 5_000),
    clockMs: sometimes(500, 4_000),
    gatewayCrashMs: sometimes(1_000, 4_000),
    forgottenXMs: random.perMille(200) ? random.between(2_000, 6_000) : 0,
  }
}
