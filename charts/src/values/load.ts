import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { type EnvironmentName, type Values, valuesSchema, valuesShape } from './schema.ts'

export const VALUES_FOLDER = resolve(import.meta.dirname, '../../values')

/** A part of the values, not checked yet. */
export type Tree = Readonly<Record<string, unknown>>

/** Values that cannot be used. The message has one line for each that is wrong. */
export class ValuesError extends Error {
  override readonly name = 'ValuesError'
}

export type Overrides = {
  /** Where files of values are. */
  readonly folder?: string
  /** `gateway.active=green`, over everything. */
  readonly set?: readonly string[] | undefined
  /** A part of the values, over everything. */
  readonly over?: Tree
}

/** What lies under an environment's own files; a recovery region is production in another place. */
const UNDER: Partial<Record<EnvironmentName, readonly EnvironmentName[]>> = {
  'production-recovery': ['production'],
  'production-standby': ['production', 'production-recovery'],
}

/** What a promotion and a release write into an environment's file. In a cluster's it would lie over that. */
const RELEASED = ['image', 'gateway.active', 'gateway.image', 'gateway.idle'].map((path) => path.split('.'))

/** Values, and who says them. */
type Layer = { readonly from: string; readonly said: unknown }

/** base < environment < its cluster's file < `--set`; where environments lie over each other, so do their pairs. */
export function loadValues(
  environment: EnvironmentName,
  { folder = VALUES_FOLDER, set = [], over = {} }: Overrides = {},
): Values {
  const files = ['base.yaml', ...[...(UNDER[environment] ?? []), environment].flatMap(filesOf(folder))]
  const layers: readonly Layer[] = [
    ...files.map((name) => ({ from: name, said: read(join(folder, name)) })),
    ...set.map((text) => ({ from: `--set ${text}`, said: assignment(text) })),
    { from: 'what is given', said: over },
  ]
  return checkValues(environment, layers)
}

const CLUSTERS = 'clusters'

const filesOf = (folder: string) => (environment: string) => {
  const ofCluster = join(CLUSTERS, `${environment}.yaml`)
  return [`${environment}.yaml`, ...(existsSync(join(folder, ofCluster)) ? [ofCluster] : [])]
}

const read = (path: string): unknown => parse(readFileSync(path, 'utf8'), { merge: true })

/** @throws ValuesError naming every wrong value and who says it, and for an unknown one what is allowed in its place. */
function checkValues(environment: EnvironmentName, layers: readonly Layer[]): Values {
  const parsed = valuesSchema(environment).safeParse(layers.map(({ said }) => said).reduce(merge))
  const problems = [
    ...layers.flatMap(releasedByCluster),
    ...(parsed.error?.issues ?? []).map((issue) => {
      const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path
      const from = layers.findLast(({ said }) => says(said, path))?.from
      return `${issue.path.join('.') || '(top)'}: ${explain(issue)}${from === undefined ? '' : `, says ${from}`}`
    }),
  ]
  if (parsed.success && problems.length === 0) return withImagesOfRegion(parsed.data)
  const lines = problems.map((problem) => `  ${problem}`)
  throw new ValuesError(`values of ${environment} cannot be used:\n${lines.join('\n')}`)
}

const releasedByCluster = ({ from, said }: Layer): string[] =>
  from.startsWith(CLUSTERS)
    ? RELEASED.filter((path) => says(said, path)).map(
        (path) => `${path.join('.')}: releases write it into the environment's file; ${from} may not say it`,
      )
    : []

const says = (said: unknown, [head, ...rest]: readonly PropertyKey[]): boolean =>
  head === undefined || (isTree(said) && String(head) in said && says(said[String(head)], rest))

/** ECR copies images between the regions of an environment: a cluster pulls from its own. */
function withImagesOfRegion(values: Values): Values {
  const { aws, image, gateway } = values
  if (aws === null) return values
  const here = <Image extends string | null>(each: Image) =>
    (each?.replace(/(?<=\.dkr\.ecr\.)[a-z0-9-]+(?=\.amazonaws\.com\/)/, aws.region) ?? null) as Image
  const idle = gateway.idle === null ? null : { ...gateway.idle, image: here(gateway.idle.image) }
  return { ...values, image: here(image), gateway: { ...gateway, image: here(gateway.image), idle } }
}

/** Objects are merged, everything else is replaced: a list is given whole, and null takes something away. */
export function merge(under: unknown, over: unknown): unknown {
  if (over === undefined) return under
  if (!isTree(under) || !isTree(over)) return over
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) merged[key] = merge(under[key], value)
  return merged
}

function assignment(text: string): unknown {
  const [, path, value] = /^([\w.-]+)=(.*)$/s.exec(text) ?? []
  if (path === undefined || value === undefined) throw new ValuesError(`--set ${text}: must be a.b=value`)
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), parse(value))
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message
  const allowed = keysAt(z.toJSONSchema(valuesShape), issue.path)
  return `${issue.keys.join(', ')} is not a value; allowed are ${allowed.join(', ')}`
}

type JsonSchema = z.core.JSONSchema.BaseSchema

function keysAt(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  const object = [schema, ...((schema.anyOf ?? []) as JsonSchema[])].find(({ properties }) => properties)
  const properties = (object?.properties ?? {}) as Record<string, JsonSchema>
  const [head, ...rest] = path
  if (head === undefined) return Object.keys(properties)
  const next = properties[String(head)]
  return next === undefined ? [] : keysAt(next, rest)
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
