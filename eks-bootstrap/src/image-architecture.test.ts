import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { aws_ec2 as ec2 } from 'aws-cdk-lib'
import { ENVIRONMENTS } from './environments.ts'

/** What a runner of GitHub builds without emulation. */
const architectureOf = (runner: string) => (runner.endsWith('-arm') ? 'arm64' : 'amd64')

describe('The image that the workflow builds', () => {
  const ci = readFileSync(new URL('../../.github/workflows/ci.yml', import.meta.url), 'utf8')
  const [, runner = ''] = /^ {2}image:\n {4}runs-on: (\S+)$/m.exec(ci) ?? []

  for (const { name, cluster } of ENVIRONMENTS)
    it(`starts on every node of ${name}`, () => {
      assert.deepEqual(cluster.stateless.architectures, [architectureOf(runner)])
      const { architecture } = new ec2.InstanceType(cluster.engines.instanceType)
      assert.equal(architecture.replace('x86_64', 'amd64'), architectureOf(runner))
    })
})
