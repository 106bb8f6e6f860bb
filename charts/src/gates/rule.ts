import type { Manifest } from './manifest.ts'

/** What is wrong, and where: `Deployment/gateway-blue`, or a container of it. */
export type Violation = { readonly at: string; readonly problem: string }

/** Something that must hold for the objects of an environment. Pure: what it needs beside the objects is in `site`. */
export type Rule = {
  readonly name: string
  readonly check: (objects: readonly Manifest[], site: Site) => readonly Violation[]
}

/** What a rule may know of where the objects go. */
export type Site = {
  readonly environment: string
  readonly namespace: string
  /** Staging and production: images by digest, Ingress with TLS. */
  readonly strict: boolean
  /** A cluster of one's own on one machine. */
  readonly isLocal: boolean
  /** An exchange that follows another region's: nobody may come in. */
  readonly inStandbyRegion: boolean
  /** What the database takes; one without a reader of its own is read at the writer. */
  readonly databaseConnections: { readonly writer: number; readonly reader: number | null }
  /** Services to which a load balancer outside the manifests is bound. */
  readonly boundServices: readonly string[]
}

/** A violation that is meant: in a local environment only, and with its reason. */
export type Waiver = {
  readonly rule: string
  readonly at: RegExp
  readonly environments: readonly ('minimal' | 'local')[]
  readonly reason: string
}

/** The violations that no waiver covers, in words. */
export function violations(
  rules: readonly Rule[],
  objects: readonly Manifest[],
  site: Site,
  waivers: readonly Waiver[] = [],
): readonly string[] {
  const isWaived = (rule: string, at: string): boolean =>
    waivers.some((waiver) => covers(waiver, rule, at, site))
  return rules.flatMap(({ name, check }) =>
    check(objects, site)
      .filter(({ at }) => !isWaived(name, at))
      .map(({ at, problem }) => `${at}: ${problem} (${name})`),
  )
}

/** Waivers that cover nothing any more: they would hide the next mistake. */
export function idleWaivers(
  rules: readonly Rule[],
  sites: readonly { readonly objects: readonly Manifest[]; readonly site: Site }[],
  waivers: readonly Waiver[],
): readonly Waiver[] {
  const found = sites.flatMap(({ objects, site }) =>
    rules.flatMap(({ name, check }) => check(objects, site).map(({ at }) => ({ name, at, site }))),
  )
  return waivers.filter((waiver) => !found.some(({ name, at, site }) => covers(waiver, name, at, site)))
}

function covers(
  { rule, at, environments }: Waiver,
  name: string,
  where: string,
  { environment }: Site,
): boolean {
  return rule === name && at.test(where) && environments.some((each) => each === environment)
}
