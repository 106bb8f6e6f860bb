import { BASE, QUOTE, ScriptedShard } from './scripted-shard.ts'

/** A repeatable sequence of numbers in [0, 1) (mulberry32, public domain, Tommy Ettinger). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A shard with `steps` random things done to it, in records of random length, some repeated and some beyond a gap that
 * closes later. The same seed gives the same entries; `frames` decides about the records alone.
 */
export function randomShard({
  seed,
  steps,
  frames,
}: {
  seed: number
  steps: number
  frames: () => number
}): ScriptedShard {
  const random = randomNumbers(seed)
  const upTo = (n: number) => Math.floor(random() * n)
  const shard = new ScriptedShard()
  for (let i = 0; i < 4; i++) {
    const account = shard.openAccount()
    shard.deposit(account, BASE, 10n ** 30n)
    shard.deposit(account, QUOTE, 10n ** 30n)
  }
  for (let step = 0; step < steps; step++) {
    const draw = random()
    const open = [...shard.open.keys()]
    const id = open[upTo(open.length)]
    const account = shard.accounts[upTo(shard.accounts.length)]
    if (draw < 0.02) shard.checkpoint()
    else if (draw < 0.03) shard.marker(step + 1)
    else if (draw < 0.05 && account !== undefined) shard.deposit(account, QUOTE, BigInt(1 + upTo(1_000_000)))
    else if ((draw < 0.5 || id === undefined) && account !== undefined) {
      const side = random() < 0.5 ? 'buy' : 'sell'
      shard.place({ account, side, price: 1_000 + upTo(100), quantity: 1 + upTo(5_000) })
    } else if (id !== undefined && draw < 0.8) {
      const { left, price } = shard.open.get(id) ?? { left: 1, price: 1 }
      shard.fill(id, 1 + upTo(left), price)
    } else if (id !== undefined) shard.close(id)
    if (random() < 0.01) shard.time += 40 * 24 * 60 * 60_000
  }
  shard.checkpoint()
  writeRecords(shard, frames)
  return shard
}

/** Cuts the entries into records; now and then one comes early and again, or for a second time. */
function writeRecords({ log }: ScriptedShard, frames: () => number): void {
  let from = 1
  while (from <= log.sequence) {
    const to = Math.min(log.sequence, from + Math.floor(frames() * 40))
    if (frames() < 0.1 && to < log.sequence) log.record(to + 1, Math.min(log.sequence, to + 3))
    log.record(from, to)
    if (frames() < 0.2) log.record(Math.max(1, from - Math.floor(frames() * 30)), to)
    from = to + 1
  }
}
