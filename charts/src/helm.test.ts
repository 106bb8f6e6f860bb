import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { helmChart } from './helm.ts'
import { renderFiles, type KubernetesObject } from './render.ts'
import { loadValues } from './values/load.ts'
import { writeFiles } from './write-manifests.ts'

const hasHelm = spawnSync('helm', ['version']).status === 0
const chartOf = (environment: 'local' | 'production') =>
  helmChart({ environment, values: loadValues(environment), render: renderFiles })

describe('the Helm chart', function () {
  this.timeout(60_000)

  it('has what Helm asks for, and no namespace of its own', () => {
    const files = chartOf('local')
    assert.match(files.get('Chart.yaml') ?? '', /^apiVersion: v2$/m)
    assert.match(files.get('values.yaml') ?? '', /^image: bourse:dev$/m)
    for (const [name, text] of files) assert.doesNotMatch(text, /^kind: Namespace$/m, name)
  })

  it('takes the image and the namespace from the one who installs', () => {
    const text = [...chartOf('local').values()].join('\n')
    assert.doesNotMatch(
      text,
      /image: bourse:dev\n\s+imagePullPolicy|(?:namespace|NAMESPACE|replacement): bourse$|namespace="bourse"|\.bourse\.svc/m,
    )
    assert.match(text, /image: \{\{ \.Values\.image \}\}/)
    assert.match(text, /kafka\.\{\{ \.Release\.Namespace \}\}\.svc/)
  })

  it('leaves what is no template of Helm as it is', () => {
    const text = chartOf('production').get('templates/20-external-secrets.yaml') ?? ''
    assert.match(text, /\{\{ `\{\{` \}\} \.username \}\}/)
  })

  it('gives every revision Jobs of its own, since a Job cannot be changed', () => {
    const text = chartOf('local').get('templates/30-operator.yaml') ?? ''
    assert.match(text, /name: prepare-[0-9a-f]{8}-\{\{ \.Release\.Revision \}\}$/m)
  })

  for (const environment of ['local', 'production'] as const)
    it(`renders the manifests of ${environment} again`, function () {
      if (!hasHelm) this.skip()
      const folder = mkdtempSync(join(tmpdir(), 'helm-'))
      writeFiles(folder, chartOf(environment))
      const { status, stdout, stderr } = spawnSync(
        'helm',
        ['template', 'bourse', folder, '--namespace', 'bourse', '--kube-version', '1.34.0'],
        { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
      )
      rmSync(folder, { recursive: true })
      assert.equal(status, 0, stderr)
      const fromHelm = parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject | null)
      const direct = [...renderFiles(loadValues(environment)).values()].flat()
      assert.deepEqual(comparable(fromHelm), comparable(direct))
    })
})

/** By kind and name; Jobs without their hash, which is of a pod with another image, and without Helm's revision. */
const comparable = (objects: readonly (KubernetesObject | null)[]) =>
  Object.fromEntries(
    objects
      .filter((object) => object !== null && object.kind !== 'Namespace')
      .map((object) => {
        const { metadata, ...rest } = object as KubernetesObject
        const name = metadata.name.replace(/-[0-9a-f]{8}(?:-1)?$/, '')
        return [`${rest.kind}/${name}`, { ...rest, metadata: { ...metadata, name } }]
      }),
  )
