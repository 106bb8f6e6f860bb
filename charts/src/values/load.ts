import { readFileSync } from 'node:fs'
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
  /** A file of one cluster's own values, over the environment's. */
  readonly file?: string | undefined
  /** `gateway.active=green`, over everything. */
  readonly set?: readonly string[] | undefined
  /** A part of the values, over everything. */
  readonly over?: Tree
}

/** What lies under an environment's own file; a recovery region is production in another place. */
const UNDER: Partial<Record<EnvironmentName, readonly EnvironmentName[]>> = {
  'production-recovery': ['production'],
  'production-standby': ['production', 'production-recovery'],
}

/** base < environment < cluster file < `--set`. */
export function loadValues(
  environment: EnvironmentName,
  { file, set = [], over = {} }: Overrides = {},
): Values {
  const files = ['base', ...(UNDER[environment] ?? []), environment].map((name) =>
    join(VALUES_FOLDER, `${name}.yaml`),
  )
  if (file !== undefined) files.push(file)
  const layers = [
    ...files.map((path) => parse(readFileSync(path, 'utf8'), { merge: true }) as unknown),
    ...set.map(assignment),
    over,
  ]
  return checkValues(environment, layers.reduce(merge))
}

/** @throws ValuesError naming every wrong value, and for an unknown one what is allowed in its place. */
export function checkValues(environment: EnvironmentName, merged: unknown): Values {
  const parsed = valuesSchema(environment).safeParse(merged)
  if (parsed.success) return withImagesOfRegion(parsed.data)
  const problems = parsed.error.issues.map(
    (issue) => `  ${issue.path.join('.') || '(top)'}: ${explain(issue)}`,
  )
  throw new ValuesError(`values of ${environment} cannot be used:\n${problems.join('\n')}`)
}

/** ECR copies images between the regions of an environment: a cluster pulls from its own. */
function withImagesOfRegion(values: Values): Values {
  const { aws, image, gateway } = values
  if (aws === null) return values
  const here = <Image extends string | null>(each: Image) =>
    (each?.replace(/(?<=\.dkr\.ecr\.)[a-z0-9-]+(?=\.amazonaws\.com\/)/, aws.region) ?? null) as Image
  const idle = gateway.idle === null ? null : { image: here(gateway.idle.image) }
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
