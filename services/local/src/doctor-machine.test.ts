import assert from 'node:assert/strict'
import { examine } from './doctor-check.ts'
import { MACHINE_CHECKS, type Machine } from './doctor-machine.ts'

const GIBIBYTE = 2 ** 30

const well: Machine = {
  has: () => true,
  output: async (program) => (program === 'java' ? 'openjdk version "21.0.4" 2024-07-16' : 'v20.19.0'),
  fileExists: () => true,
  portHolder: async () => undefined,
  isExchangeUp: () => false,
  ports: { KAFKA_PORT: 19_092 },
  freeDiskBytes: async () => 50 * GIBIBYTE,
  memoryBytes: () => 16 * GIBIBYTE,
  openFilesMax: async () => 65_536,
}

async function lines(machine: Machine): Promise<{ readonly isWell: boolean; readonly text: string }> {
  const printed: string[] = []
  const isWell = await examine(MACHINE_CHECKS, machine, (line) => printed.push(line))
  return { isWell, text: printed.join('\n') }
}

describe('The doctor of a machine', () => {
  it('finds nothing missing where nothing is', async () => {
    const { isWell, text } = await lines(well)
    assert(isWell)
    assert.match(text, /Nothing is missing/)
    assert.doesNotMatch(text, /✗/)
  })

  const ILLS: readonly (readonly [what: string, ill: Partial<Machine>, said: RegExp, mended: RegExp])[] = [
    [
      'no Java',
      { output: async (program) => (program === 'java' ? undefined : 'v22.1.0') },
      /java is not installed/,
      /bootstrap/,
    ],
    [
      'an old Java',
      { output: async (program) => (program === 'java' ? 'version "11.0.2"' : 'v22.1.0') },
      /11, needed is 17/,
      /Install Java 17/,
    ],
    [
      'an old Node.js',
      { output: async (program) => (program === 'node' ? 'v20.18.9' : 'version "17"') },
      /20\.18, needed is 20\.19/,
      /Install Node/,
    ],
    [
      'a Node.js that is not one',
      { output: async (program) => (program === 'node' ? '?' : 'version "17"') },
      /unknown version/,
      /Install Node/,
    ],
    [
      'no Redis',
      { has: (program) => program !== 'redis-server' },
      /redis-server is not installed/,
      /bootstrap/,
    ],
    ['no compiled Kafka client', { fileExists: () => false }, /not compiled/, /bootstrap/],
    [
      'a port in use',
      { portHolder: async () => 'nginx (pid 7)' },
      /19092 \(KAFKA_PORT\) is held by nginx/,
      /SETTING=port/,
    ],
    ['a full disk', { freeDiskBytes: async () => GIBIBYTE }, /1\.0 GiB, needed is 5/, /space/],
    ['little memory', { memoryBytes: () => GIBIBYTE }, /1\.0 GiB, needed is 3/, /Close/],
    ['few open files', { openFilesMax: async () => 1_024 }, /only 1024/, /ulimit -n 4096/],
    [
      'what cannot be asked',
      { openFilesMax: () => Promise.reject(new Error('no shell')) },
      /no shell/,
      /run it again/,
    ],
  ]
  for (const [what, ill, said, mended] of ILLS) {
    it(`finds ${what}, says how to mend it, and fails`, async () => {
      const { isWell, text } = await lines({ ...well, ...ill })
      assert(!isWell)
      assert.equal(text.match(/✗/g)?.length, 1, text)
      assert.match(text, said)
      assert.match(text, mended)
    })
  }

  it('leaves ports alone that the running exchange holds', async () => {
    const { isWell, text } = await lines({
      ...well,
      isExchangeUp: () => true,
      portHolder: async () => 'kafka (pid 7)',
    })
    assert(isWell)
    assert.match(text, /the exchange runs/)
  })

  it('notes the programs for clusters that are absent, and does not fail', async () => {
    const { isWell, text } = await lines({ ...well, has: (program) => program !== 'kind' })
    assert(isWell)
    assert.match(text, /not here: kind/)
  })
})
