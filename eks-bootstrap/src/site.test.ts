import assert from 'node:assert/strict'
import { Stack, Stage } from 'aws-cdk-lib'
import { buildApp } from './app.ts'
import { flat, resources } from './testing/resources.ts'
import { environment, templates, TEST_CONTEXT } from './testing/templates.ts'

describe('What one command destroys', () => {
  it('leaves nothing behind in dev whose name would be in the way of the next bootstrap', () => {
    const NAMES = ['BucketName', 'RepositoryName', 'LogGroupName', 'RoleName', 'TableName', 'DomainName']
    for (const [id, made] of templates('dev')) {
      const all = made.toJSON()['Resources'] as Record<string, Kept>
      for (const [logicalId, { Type, DeletionPolicy, Properties = {} }] of Object.entries(all)) {
        if (DeletionPolicy !== 'Retain') continue
        const named = NAMES.filter((name) => Properties[name] !== undefined)
        assert.deepEqual(named, [], `${id}/${logicalId}`)
        assert.notEqual(Type, 'AWS::SecurityHub::Hub')
      }
    }
  })

  it('empties the buckets of dev, and none of production that anybody would miss', () => {
    const emptied = (stage: 'dev' | 'production') =>
      [...templates(stage)].flatMap(([, made]) => resources(made, 'Custom::S3AutoDeleteObjects'))
    const buckets = [...templates('dev')].flatMap(([, made]) => resources(made, 'AWS::S3::Bucket'))
    assert.equal(emptied('dev').length, buckets.length)
    for (const { properties } of emptied('production'))
      assert.match(flat(properties['BucketName']), /QueryResults/)
  })
})

type Kept = {
  readonly Type: string
  readonly DeletionPolicy?: string
  readonly Properties?: Readonly<Record<string, unknown>>
}

describe('The order of stacks', () => {
  let production: Stage

  before(() => {
    const { children } = buildApp([environment('production')], { context: TEST_CONTEXT }).node
    production = children
      .filter((child) => Stage.isStage(child))
      .find(({ stageName }) => stageName === 'production')!
    // What follows from references is known only then.
    production.synth()
  })

  /** Everything that is deployed before a stack. */
  function deployedBefore(id: string): Set<string> {
    const found = new Set<string>()
    const visit = (stack: Stack) => {
      for (const dependency of stack.dependencies) {
        if (found.has(dependency.node.id)) continue
        found.add(dependency.node.id)
        visit(dependency)
      }
    }
    visit(production.node.findChild(id) as Stack)
    return found
  }

  for (const [first, second, why] of [
    ['StandbyKeys', 'Data', 'secrets and sessions are copied under its keys'],
    ['StandbyStorage', 'Storage', 'objects and images are copied into it'],
    ['StandbyBackup', 'Backup', 'backups are copied into its vault'],
    ['Data', 'StandbyData', 'the log and the database are copied out of it'],
    ['StandbyData', 'StandbyAddons', 'the exchange that follows is told where its stores are'],
    ['Cluster', 'Edge', 'target groups are bound inside it'],
    ['Cluster', 'Addons', 'releases run inside it'],
  ] as const) {
    it(`has ${first} before ${second}: ${why}`, () => assert(deployedBefore(second).has(first)))
  }
})
