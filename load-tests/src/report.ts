import type { Pace, ReplayReport } from './replay.ts'
import type { Tally } from './tally.ts'
import { TIMELINE_HEAD } from './timeline.ts'

export type ReportOptions = { readonly speed: Pace; readonly warmUp: number; readonly timeline: boolean }

/** What a replay prints when it is over. */
export function reportLines(report: ReplayReport, { speed, warmUp, timeline }: ReportOptions): string[] {
  const { orders, cancels, cancelsOfRefused, loops, seconds, warmUpCommands } = report
  const sent = orders.sent + cancels.sent
  const rate = (commands: number, over: number): string => (commands / over).toFixed(0)
  const from =
    speed.kind === 'max' ? 'from sending (full speed: nothing was planned)' : 'from the planned time'
  return [
    ...(timeline ? [TIMELINE_HEAD, ...report.timeline.lines()] : []),
    `${loops} loops in ${seconds.toFixed(1)} s: ${sent} commands, ${rate(sent, seconds)} a second`,
    ...(warmUp > 0
      ? [
          `warm-up: ${warmUpCommands} commands of the first ${warmUp} s are not in the latencies below; ${rate(sent - warmUpCommands, Math.max(1, seconds - warmUp))} a second after it`,
        ]
      : []),
    `orders   ${outcomes(orders)}`,
    `cancels  ${outcomes(cancels)}; not sent ${cancelsOfRefused}`,
    `latency of orders, ${from}: ${orders.latencies()}`,
    `latency of cancels, ${from}: ${cancels.latencies()}`,
  ]
}

function outcomes(tally: Tally): string {
  return `sent ${tally.sent}, accepted ${tally.accepted}, refused: ${tally.refusals()}; asked again after: ${tally.askedAgain()}; outcome unknown ${tally.unknown}`
}
