import { type Environment } from '../environment.ts'
import { ENVIRONMENTS } from '../environments.ts'
import {
  ASKED_PER_RATE,
  ASKED_PLANS,
  ASKED_RESERVED,
  ASKED_SAVING_PERCENT,
  ASKED_TOTAL,
  compare,
} from './comparison.ts'
import { estimate, type Line, type TemplateResources, total } from './estimate.ts'
import { PRICES, PRICES_DATED } from './prices.ts'
import { COVERAGE_PERCENT, savings } from './savings.ts'
import { TWELVE_MILLION, type Workload, workload } from './workload.ts'

export type StageTemplates = ReadonlyMap<string, TemplateResources>

const RATE = 500
const PROMISED_RATE = 5000
/** What an environment carries, for its estimate. */
const RATES: Readonly<Record<Environment['name'], number>> = { dev: 10, staging: 100, production: RATE }
const SMALL_SHARE = 0.25

/** The page a reviewer sees change when a change costs money. */
export function costReport(templatesOf: (name: Environment['name']) => StageTemplates): string {
  const production = environmentNamed('production')
  const templates = templatesOf('production')
  const primaryOnly = new Map([...templates].filter(([id]) => !id.startsWith('Standby')))
  const lines = (load: Workload) =>
    estimate({ environment: production, templates: primaryOnly, workload: load })
  return [
    '# Costs',
    '',
    `Monthly, in US dollars, before tax: the templates × list prices written down on ${PRICES_DATED} from the pages`,
    'named below (not fetched live) × a load. `npm run cost` writes this page; a test fails when it is out of date, so',
    'every change of cost is a line in a review.',
    '',
    ...environmentsSection(templatesOf),
    ...comparisonSection(lines(workload(RATE, TWELVE_MILLION)), lines(workload(RATE))),
    ...growthSection(lines),
    ...savingsSection(
      estimate({ environment: production, templates: primaryOnly, workload: workload(PROMISED_RATE) }),
    ),
    ...standbySection(
      estimate({ environment: production, templates, workload: workload(RATE) }),
      lines(workload(RATE)),
    ),
    ...linesSection(estimate({ environment: production, templates, workload: workload(RATE) })),
    ...pricesSection(),
  ].join('\n')
}

function environmentsSection(templatesOf: (name: Environment['name']) => StageTemplates): string[] {
  const rows = ENVIRONMENTS.map((environment) => {
    const { name } = environment
    const load = workload(RATES[name], name === 'production' ? 1 : SMALL_SHARE)
    const usd = total(estimate({ environment, templates: templatesOf(name), workload: load }))
    const budget = environment.operations.budgetUsdMonthly
    return `| ${name} | ${RATES[name]} | ${dollars(usd)} | ${dollars(budget)} |`
  })
  return [
    '## Environments',
    '',
    '| environment | requests/s | estimate | budget |',
    '| --- | ---: | ---: | ---: |',
    ...rows,
    '',
    "Production includes the standby region; dev and staging run a quarter of the time's load.",
    '',
  ]
}

function comparisonSection(twelveMillion: readonly Line[], allDay: readonly Line[]): string[] {
  const [first, second] = [compare(twelveMillion), compare(allDay)]
  const rows = first.rows.map(
    ({ asked, usd, oursUsd, why }, index) =>
      `| ${asked} | ${dollars(usd)} | ${dollars(oursUsd)} | ${dollars(second.rows[index]?.oursUsd ?? 0)} | ${why} |`,
  )
  const answered = (rowsOf: typeof first) => rowsOf.rows.reduce((sum, { oursUsd }) => sum + oursUsd, 0)
  const besides = [...new Set(first.besides.map(({ service }) => service))].join(', ')
  return [
    `## Against the table that was asked for, ${RATE} requests/s`,
    '',
    'Its 12 million requests a month are not 500 a second: that is 1.3 billion. Both readings:',
    '',
    '| asked | asked for | 12M a month | 500/s all day | answered by |',
    '| --- | ---: | ---: | ---: | --- |',
    ...rows,
    `| **total of these** | **${dollars(ASKED_TOTAL)}** | **${dollars(answered(first))}** | **${dollars(answered(second))}** | |`,
    `| not in that table | | ${dollars(total(first.besides))} | ${dollars(total(second.besides))} | ${besides} |`,
    `| **all of the primary region** | | **${dollars(total(twelveMillion))}** | **${dollars(total(allDay))}** | |`,
    `| per request/s | $${ASKED_PER_RATE} | $${(total(twelveMillion) / RATE).toFixed(2)} | $${(total(allDay) / RATE).toFixed(2)} | |`,
    ...commitmentRows(twelveMillion, allDay),
    '',
  ]
}

function commitmentRows(twelveMillion: readonly Line[], allDay: readonly Line[]): string[] {
  const [a, b] = [savings(twelveMillion), savings(allDay)]
  return [
    `| with reservations | ${dollars(ASKED_RESERVED)} | ${dollars(a.withReservationsUsd)} | ${dollars(b.withReservationsUsd)} | databases and caches, one year |`,
    `| with Savings Plans | ${dollars(ASKED_PLANS)} | ${dollars(a.withPlansUsd)} | ${dollars(b.withPlansUsd)} | and ${COVERAGE_PERCENT} % of the steady nodes, one year |`,
  ]
}

function growthSection(lines: (load: Workload) => readonly Line[]): string[] {
  const rates = [100, 500, 1000, 2000, PROMISED_RATE]
  const rows = rates.map((rate) => {
    const now = total(lines(workload(rate)))
    const more = total(lines(workload(rate + 100))) - now
    return `| ${rate} | ${dollars(now)} | ${dollars((now / rate) * 100)} | ${dollars(more)} |`
  })
  return [
    '## As the load grows',
    '',
    'Orders at this rate all day, primary region:',
    '',
    '| orders/s | a month | per 100 orders/s | the next 100 orders/s |',
    '| ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ]
}

function savingsSection(lines: readonly Line[]): string[] {
  const { onDemandUsd, withSpotUsd, withReservationsUsd, withPlansUsd, withLongPlansUsd, commitUsdPerHour } =
    savings(lines)
  const row = (what: string, usd: number) => `| ${what} | ${dollars(usd)} | ${percentOff(usd, onDemandUsd)} |`
  const compute = lines.filter(({ service }) => service === 'Stateless nodes' || service === 'Engine nodes')
  const computeSavings = savings(compute)
  return [
    `## Paying less, at the promised ${PROMISED_RATE} orders/s`,
    '',
    '| | a month | off |',
    '| --- | ---: | ---: |',
    row('every node on demand, nothing committed', onDemandUsd),
    row('Spot above the on-demand base (as configured)', withSpotUsd),
    row('and one-year reservations of databases and caches', withReservationsUsd),
    row(`and a one-year Savings Plan over ${COVERAGE_PERCENT} % of the steady nodes`, withPlansUsd),
    row('or three years over all steady nodes', withLongPlansUsd),
    '',
    `Of the nodes alone, Spot and the one-year plan take ${percentOff(computeSavings.withPlansUsd, computeSavings.onDemandUsd)} off; the asked ${ASKED_SAVING_PERCENT} % is met there, and not by`,
    'the whole bill: requests, transfer, MSK and logs have no commitment to buy.',
    `Commit $${commitUsdPerHour.toFixed(2)} an hour. Let Compute Optimizer size the nodes first, and raise the part slowly.`,
    '',
  ]
}

/** What both regions cost and the primary one alone does not. */
function standbySection(both: readonly Line[], primary: readonly Line[]): string[] {
  const services = [...new Set(both.map(({ service }) => service))]
  const of = (lines: readonly Line[], service: string) =>
    total(lines.filter((each) => each.service === service))
  const added = services
    .map((service) => ({ service, usd: of(both, service) - of(primary, service) }))
    .filter(({ usd }) => Math.round(usd) > 0)
    .sort((a, b) => b.usd - a.usd)
  const follows = total(both.filter(({ price }) => price === 'aurora capacity unit'))
  return [
    `## The second region, at ${RATE} requests/s`,
    '',
    'An exchange that follows the primary one and can serve within a quarter of an hour. Of Aurora its own database is',
    `${dollars(follows)} at its floor; the rest is the copy of the primary's.`,
    '',
    '| service | a month |',
    '| --- | ---: |',
    ...added.map(({ service, usd }) => `| ${service} | ${dollars(usd)} |`),
    `| **all** | **${dollars(total(both) - total(primary))}** |`,
    '',
  ]
}

function linesSection(lines: readonly Line[]): string[] {
  const sorted = [...lines].sort((a, b) => b.usdMonthly - a.usdMonthly)
  return [
    `## Every line of production at ${RATE} requests/s, both regions`,
    '',
    '| service | price | quantity | a month |',
    '| --- | --- | ---: | ---: |',
    ...sorted.map(
      ({ service, price, quantity, usdMonthly }) =>
        `| ${service} | ${price} | ${quantity.toFixed(quantity < 10 ? 2 : 0)} | $${usdMonthly.toFixed(2)} |`,
    ),
    '',
  ]
}

function pricesSection(): string[] {
  return [
    '## Prices',
    '',
    '| name | $ | per | page below aws.amazon.com |',
    '| --- | ---: | --- | --- |',
    ...Object.entries(PRICES).map(
      ([name, { usd, per, source }]) => `| ${name} | ${usd} | ${per} | ${source} |`,
    ),
    '',
  ]
}

function environmentNamed(name: Environment['name']): Environment {
  const found = ENVIRONMENTS.find((environment) => environment.name === name)
  if (found === undefined) throw new Error(`no environment ${name}`)
  return found
}

function dollars(usd: number): string {
  return `$${Math.round(usd).toLocaleString('en-US')}`
}

function percentOff(usd: number, from: number): string {
  return `${Math.round((1 - usd / from) * 100)} %`
}
