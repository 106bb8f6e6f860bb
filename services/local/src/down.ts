import { existsSync } from 'node:fs'
import { lstat, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalConfig } from './config.ts'
import { forgetRunState, isAlive, readRunState, type ProcessId } from './run-state.ts'

const STOP_WITHIN_MS = 120_000
const ORPHAN_GRACE_MS = 15_000
const POLL_MS = 100

/** Stops everything that runs and keeps the data. */
export async function down({ BOURSE_HOME: home }: LocalConfig): Promise<void> {
  const state = readRunState(home)
  if (state === undefined || !isAlive(state.supervisor)) {
    const ended = await endOrphans(home)
    console.log(
      ended === 0 ? 'Bourse does not run.' : `Stopped ${ended} processes that had lost their supervisor.`,
    )
    return
  }
  process.kill(state.supervisor.pid, 'SIGTERM')
  if (!(await endedWithin(state.supervisor, STOP_WITHIN_MS))) process.kill(state.supervisor.pid, 'SIGKILL')
  await endOrphans(home)
  console.log('Bourse is stopped; its data is kept.')
}

/** Stops everything and forgets all data, keys and logs. */
export async function reset(config: LocalConfig): Promise<void> {
  await down(config)
  const home = config.BOURSE_HOME
  const postgres = join(home, 'postgres')
  const link = await lstat(postgres).catch(() => undefined)
  if (link?.isSymbolicLink()) await rm(await readlink(postgres), { recursive: true, force: true })
  for (const folder of ['kafka', 'postgres', 'redis', 'keys', 'log']) {
    await rm(join(home, folder), { recursive: true, force: true })
  }
  console.log(existsSync(home) ? `The data in ${home} is forgotten.` : 'There was no data.')
}

/** Ends what a supervisor left behind that was killed. Returns how many processes that were. */
export async function endOrphans(home: string): Promise<number> {
  const state = readRunState(home)
  const orphans = (state?.parts ?? []).flatMap((part) => part.process ?? []).filter(isAlive)
  for (const { pid } of orphans) process.kill(pid, 'SIGTERM')
  for (const orphan of orphans) {
    if (await endedWithin(orphan, ORPHAN_GRACE_MS)) continue
    process.kill(orphan.pid, 'SIGKILL')
    await endedWithin(orphan, ORPHAN_GRACE_MS)
  }
  forgetRunState(home)
  return orphans.length
}

async function endedWithin(id: ProcessId, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms
  while (isAlive(id)) {
    if (Date.now() > deadline) return false
    await sleep(POLL_MS)
  }
  return true
}
