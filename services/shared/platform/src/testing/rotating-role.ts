import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'

/** A role whose password changes as in a rotation: first in PostgreSQL, later in the file. */
export type RotatingRole = {
  /** With the first password. */
  readonly url: string
  readonly passwordFile: string
  /** Another password, and the end of every connection of the role: from now on only new ones are of use. */
  readonly rotate: () => Promise<void>
  readonly updateFile: () => void
  readonly drop: () => Promise<void>
}

/** Makes a role in the server that `databaseUrl` names, with all rights of that URL's own role. */
export async function makeRotatingRole(databaseUrl: string): Promise<RotatingRole> {
  const name = `rotating_${randomBytes(6).toString('hex')}`
  const folder = mkdtempSync(join(tmpdir(), 'bourse-role-'))
  const passwordFile = join(folder, 'password')
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  let password = randomPassword()
  const updateFile = () => writeFileSync(passwordFile, password)
  updateFile()
  const [owner] = await admin`select current_user as name`
  await admin.unsafe(`create role ${name} login password '${password}' in role ${owner?.['name']}`)
  const url = new URL(databaseUrl)
  url.username = name
  url.password = password
  return {
    ...{ url: url.href, passwordFile, updateFile },
    rotate: async () => {
      password = randomPassword()
      await admin.unsafe(`alter role ${name} password '${password}'`)
      await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = ${name}`
    },
    drop: async () => {
      await admin.unsafe(`drop owned by ${name}; drop role ${name}`)
      await admin.end()
      rmSync(folder, { recursive: true })
    },
  }
}

const randomPassword = () => randomBytes(12).toString('hex')
