import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MINUTE = 60_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

describe('The EKS modules, alpha and graduated', function () {
  this.timeout(8 * MINUTE)

  it('are named in one line of one file', () => {
    const lines = readFileSync(new URL('../eks.ts', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.includes("from '"))
    assert.deepEqual(lines, ["export * from '@aws-cdk/aws-eks-v2-alpha'"])
    const users = execFileSync(
      'grep',
      ['-rlE', "from '(@aws-cdk/aws-eks-v2-alpha|aws-cdk-lib/aws-eks-v2)'", 'src'],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    )
    assert.deepEqual(
      users
        .trim()
        .split('\n')
        .filter((file) => !file.includes('/checks/')),
      ['src/eks.ts'],
    )
  })

  it('make the same cluster', () => {
    // The alpha's every member is deprecated: where that is fatal, only the graduated module can print.
    assert.throws(() => print({ JSII_DEPRECATED: 'fail' }), /aws-eks-v2-alpha\.\S+ is deprecated/)
    const graduated = print({ JSII_DEPRECATED: 'fail' }, '--import', './src/checks/stable-eks.ts')
    const alpha = print({ JSII_DEPRECATED: 'quiet' })
    assert(alpha.includes('AWS::EKS::Cluster') && alpha.includes('Custom::AWSCDK-EKS-HelmChart'))
    assert.deepEqual(comparable(graduated), comparable(alpha))
  })

  it('type-check alike', () => {
    execFileSync('npx', ['tsc', '-p', 'tsconfig.eks-stable.json'], { cwd: ROOT, stdio: 'pipe' })
  })
})

function print(variables: Readonly<Record<string, string>>, ...preload: readonly string[]): string {
  const flags = ['--conditions=@bourse/source', '--import', 'tsx', ...preload]
  return execFileSync(process.execPath, [...flags, 'src/checks/print-cluster.ts'], {
    cwd: ROOT,
    env: { ...process.env, ...variables },
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: OUTPUT_BYTES_MAX,
  })
}

/** Without the hashes of the handlers' code, which each module ships for itself. */
function comparable(printed: string): unknown {
  return JSON.parse(printed.replaceAll(/[0-9a-f]{64}/g, 'hash'))
}
