import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VALUES_FOLDER, ValuesError, loadValues, merge } from './load.ts'
import { ENVIRONMENTS } from './schema.ts'

describe('values', () => {
  for (const environment of ENVIRONMENTS)
    it(`of ${environment} can be used`, () => {
      loadValues(environment)
    })

  it('of an environment lie over base, --set over all', () => {
    const set = ['gateway.scaling.minReplicas=4', 'gateway.idle.image=bourse:next']
    const values = loadValues('local', { set })
    assert.equal(values.gateway.scaling.minReplicas, 4)
    assert.equal(values.gateway.scaling.maxReplicas, 4)
    assert.equal(values.gateway.scaling.cooldownSeconds, 30)
    assert.deepEqual(values.gateway.idle, { image: 'bourse:next' })
  })

  it('of a recovery region are those that serve, in another place', () => {
    const [serving, recovered, standby] = (
      ['production', 'production-recovery', 'production-standby'] as const
    ).map((environment) => loadValues(environment))
    assert.deepEqual(standby, { ...recovered, standbyRegion: { alias: 'us-east-1' } })
    const { aws, archive, analytics, kafka, image, databaseConnections } = serving!
    const moved = { ...recovered, aws, archive, analytics, kafka, image, databaseConnections }
    assert.deepEqual(moved, serving)
    assert.equal(recovered!.aws?.region, 'us-west-2')
  })

  it('name images of ECR in the region of the cluster, by the digest that was promoted', () => {
    const digest = `sha256:${'b'.repeat(64)}`
    const images = ['image', 'gateway.image', 'gateway.idle.image'].map(
      (path) => `${path}=1.dkr.ecr.us-east-1.amazonaws.com/bourse@${digest}`,
    )
    images.push('gateway.idle.minReplicas=12')
    const { image, gateway } = loadValues('production-recovery', { set: images })
    for (const each of [image, gateway.image, gateway.idle?.image])
      assert.equal(each, `1.dkr.ecr.us-west-2.amazonaws.com/bourse@${digest}`)
    assert.equal(gateway.idle?.minReplicas, 12)
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
    for (const name of readdirSync(VALUES_FOLDER).filter((each) => each.endsWith('.yaml')))
      assert.match(
        readFileSync(join(VALUES_FOLDER, name), 'utf8'),
        /^# yaml-language-server: \$schema=\.\.\/values\.schema\.json\n/,
        name,
      )
  })
})

describe('values of a cluster', () => {
  let folder: string
  const says = (environment: string, text: string) =>
    writeFileSync(join(folder, `clusters/${environment}.yaml`), text)
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'values-'))
    cpSync(VALUES_FOLDER, folder, { recursive: true })
    rmSync(join(folder, 'clusters'), { recursive: true, force: true })
    mkdirSync(join(folder, 'clusters'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('lie over those of its environment, by their file being there', () => {
    const before = loadValues('production', { folder })
    says('production', 'tokens: { issuer: https://ours.example }')
    const values = loadValues('production', { folder })
    assert.equal(values.tokens.issuer, 'https://ours.example')
    assert.deepEqual({ ...values, tokens: before.tokens }, before)
    assert.equal(loadValues('staging', { folder }).tokens.issuer, before.tokens.issuer)
  })

  it('hold in the recovery region too, but for what is another there', () => {
    says('production', 'tokens: { issuer: https://ours.example }\nkafka: { brokers: east:9098 }')
    const { brokers: placeholders } = loadValues('production-recovery').kafka
    assert.equal(loadValues('production-recovery', { folder }).kafka.brokers, placeholders)
    says('production-recovery', 'kafka: { brokers: west:9098 }')
    for (const environment of ['production-recovery', 'production-standby'] as const) {
      const { tokens, kafka } = loadValues(environment, { folder })
      assert.deepEqual([tokens.issuer, kafka.brokers], ['https://ours.example', 'west:9098'])
    }
    assert.equal(loadValues('production', { folder }).kafka.brokers, 'east:9098')
  })

  it('are refused where they are none, with the name of their file', () => {
    says('production', 'kafka: { broker: x }\npartitions: { risk: 1 }')
    assert.throws(() => loadValues('production', { folder }), {
      name: 'ValuesError',
      message:
        /partitions\.risk: .*, says clusters\/production\.yaml\n.*kafka: broker is not a value.*, says clusters\/production\.yaml/,
    })
  })

  for (const released of ['image: x', 'gateway: { active: green }', 'gateway: { idle: null }'])
    it(`do not hide what is released: ${released}`, () => {
      says('dev', released)
      assert.throws(
        () => loadValues('dev', { folder }),
        /releases write it into the environment's file; clusters\/dev\.yaml may not say it/,
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
    ['archive.scaling.maxReplicas=25', /archive.* is 25, but the sum of partitions is 24/],
    ['analytics.scaling.maxReplicas=25', /analytics.* is 25, but the sum of partitions is 24/],
    ['riskEngine.scaling.minReplicas=1', /riskEngine\.scaling\.minReplicas: must be at least 2/],
    [
      'settlement.scaling.minReplicas=13',
      /settlement\.scaling\.minReplicas: is 13, more than maxReplicas 12/,
    ],
    ['gateway.terminationGraceSeconds=27', /gateway\.terminationGraceSeconds: is 27, but .* may take 27/],
    ['analytics.terminationGraceSeconds=35', /analytics\.termination.*: is 35, but .* may take 35/],
    ['standbyRegion.alias=us-east-1', /standbyRegion\.alias: is us-east-1, where this cluster is/],
    ['standbyRegion.alias=us-west-2.', /standbyRegion\.alias: must be the replicator's alias/],
    ['image=bourse:1.0.0', /image: bourse:1\.0\.0 must end in @sha256/],
    ['gateway.image=bourse:1.0.0', /gateway\.image: bourse:1\.0\.0 must end in @sha256/],
    ['gateway.idle.image=bourse:1.0.0', /gateway\.idle\.image: bourse:1\.0\.0 must end in @sha256/],
    [
      'gateway.idle={image: a@sha256:1, minReplicas: 201}',
      /minReplicas: is 201, more than .*maxReplicas 200/,
    ],
    [
      'gateway.idle={image: a@sha256:1, minReplicas: 151}',
      /gateway\.idle\.minReplicas: is 151: two slots of it need 604 cores, and the quota is 600/,
    ],
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

  it('are found in every part that is scaled', () => {
    const scaled = Object.entries(loadValues('production')).filter(
      ([, part]) => typeof part === 'object' && part !== null && 'scaling' in part,
    )
    assert.ok(scaled.length >= 7)
    for (const [name] of scaled)
      assert.throws(
        () => loadValues('production', { set: [`${name}.scaling.minReplicas=500`] }),
        new RegExp(`${name}\\.scaling\\.minReplicas: is 500, more than maxReplicas`),
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
