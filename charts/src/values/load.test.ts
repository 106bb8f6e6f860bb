import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VALUES_FOLDER, ValuesError, loadValues, merge } from './load.ts'
import { ENVIRONMENTS } from './schema.ts'

describe('values', () => {
  for (const environment of ENVIRONMENTS)
    it(`of ${environment} can be used`, () => {
      loadValues(environment)
    })

  it('of the inner loop can be used over local', () => {
    assert.equal(loadValues('local', { file: join(VALUES_FOLDER, 'development.yaml') }).development, true)
  })

  it('of an environment lie over base, a cluster file over them, --set over all', () => {
    const folder = mkdtempSync(join(tmpdir(), 'values-'))
    const file = join(folder, 'cluster.yaml')
    writeFileSync(file, 'logLevel: warn\ngateway: { scaling: { minReplicas: 3 } }\n')
    assert.equal(loadValues('production').gateway.scaling.minReplicas, 10)
    assert.equal(loadValues('production', { file }).gateway.scaling.minReplicas, 3)
    assert.equal(loadValues('production', { file }).gateway.scaling.maxReplicas, 200)
    const set = ['gateway.scaling.minReplicas=4', 'gateway.idle.image=bourse:next']
    const values = loadValues('local', { file, set })
    assert.equal(values.gateway.scaling.minReplicas, 4)
    assert.equal(values.logLevel, 'warn')
    assert.deepEqual(values.gateway.idle, { image: 'bourse:next' })
    rmSync(folder, { recursive: true })
  })

  it('of a recovery region are those that serve, in another place', () => {
    const [serving, recovered, standby] = (
      ['production', 'production-recovery', 'production-standby'] as const
    ).map((environment) => loadValues(environment))
    assert.deepEqual(standby, { ...recovered, standbyRegion: { alias: 'us-east-1' } })
    const { aws, archive, analytics, kafka, image } = serving!
    const moved = { ...recovered, aws, archive, analytics, kafka, image }
    assert.deepEqual(moved, serving)
    assert.equal(recovered!.aws?.region, 'us-west-2')
  })

  it('name images of ECR in the region of the cluster, by the digest that was promoted', () => {
    const digest = `sha256:${'b'.repeat(64)}`
    const images = ['image', 'gateway.image', 'gateway.idle.image'].map(
      (path) => `${path}=1.dkr.ecr.us-east-1.amazonaws.com/bourse@${digest}`,
    )
    const { image, gateway } = loadValues('production-recovery', { set: images })
    for (const each of [image, gateway.image, gateway.idle?.image])
      assert.equal(each, `1.dkr.ecr.us-west-2.amazonaws.com/bourse@${digest}`)
    const elsewhere = `registry.example/us-east-1/bourse@${digest}`
    assert.equal(loadValues('production-recovery', { set: [`image=${elsewhere}`] }).image, elsewhere)
  })

  it('are merged by key; a list is replaced and null takes away', () => {
    assert.deepEqual(merge({ a: { b: 1, c: [1, 2] }, d: { e: 1 } }, { a: { c: [3] }, d: null }), {
      a: { b: 1, c: [3] },
      d: null,
    })
  })

  it('name the schema that editors check them with', () => {
    for (const name of readdirSync(VALUES_FOLDER))
      assert.match(
        readFileSync(join(VALUES_FOLDER, name), 'utf8'),
        /^# yaml-language-server: \$schema=\.\.\/values\.schema\.json\n/,
        name,
      )
  })
})

describe('values that cannot be used', () => {
  const refusals: readonly (readonly [set: string, message: RegExp])[] = [
    ['gateway.replicas=3', /gateway: replicas is not a value; allowed are .*scaling/],
    ['aws.bucket=x', /aws: bucket is not a value; allowed are region, secretStore/],
    ['partitions.risk=1', /partitions\.risk: .*>=2/],
    [
      'riskEngine.scaling.maxReplicas=13',
      /riskEngine\.scaling\.maxReplicas: is 13, but partitions\.risk is 12/,
    ],
    ['matchingEngine.scaling.maxReplicas=13', /matchingEngine.* is 13, but partitions\.matching is 12/],
    ['marketData.scaling.maxReplicas=13', /marketData.* is 13, but partitions\.matching is 12/],
    ['settlement.scaling.maxReplicas=25', /settlement.* is 25, but the sum of partitions is 24/],
    ['riskEngine.scaling.minReplicas=1', /riskEngine\.scaling\.minReplicas: must be at least 2/],
    [
      'settlement.scaling.minReplicas=13',
      /settlement\.scaling\.minReplicas: is 13, more than maxReplicas 12/,
    ],
    ['gateway.terminationGraceSeconds=27', /gateway\.terminationGraceSeconds: is 27, but .* may take 27/],
    ['standbyRegion.alias=us-east-1', /standbyRegion\.alias: is us-east-1, where this cluster is/],
    ['standbyRegion.alias=us-west-2.', /standbyRegion\.alias: must be the replicator's alias/],
    ['image=bourse:1.0.0', /image: bourse:1\.0\.0 must end in @sha256/],
    ['gateway.image=bourse:1.0.0', /gateway\.image: bourse:1\.0\.0 must end in @sha256/],
    ['gateway.idle.image=bourse:1.0.0', /gateway\.idle\.image: bourse:1\.0\.0 must end in @sha256/],
    ['aws=null', /inCluster: exactly one of inCluster and aws/],
    ['tokens.jwksUrl=null', /tokens\.jwksUrl: must be given/],
    ['prometheusUrl=null', /prometheusUrl: must be given/],
    ['kafka.minInsyncReplicas=4', /minInsyncReplicas: is more than replicationFactor 3/],
    ['gateway.resources.limits.memory=4GB', /must be in Mi or Gi/],
    ['network.datastores=[]', /network\.datastores: must name/],
  ]
  for (const [set, message] of refusals)
    it(`are refused: ${set}`, () => {
      assert.throws(
        () => loadValues('production', { set: [set] }),
        (error: Error) => error instanceof ValuesError && message.test(error.message),
      )
    })

  it('are all told at once', () => {
    const set = ['gateway.replicas=3', 'partitions.risk=1', 'quota.pods=0']
    assert.throws(() => loadValues('local', { set }), /partitions\.risk: [^]*gateway: [^]*quota\.pods: /)
  })

  it('may be tags where nothing is promoted', () => {
    assert.equal(loadValues('dev', { set: ['image=bourse:1.0.0'] }).image, 'bourse:1.0.0')
  })
})
