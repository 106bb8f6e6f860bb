import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceEnvironment } from '@bourse/platform/config'

const REPOSITORY = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8')

describe('The image', () => {
  const runtime =
    read('services/Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? ''
  const declared = [...runtime.matchAll(/^ARG (\w+)/gm)].map(([, name]) => name)

  it('tells its services which commit it was made of, by a variable that they read', () => {
    const [, variable = '', argument] = /^ENV (\w+)=\$\{(\w+):-unreleased\}$/m.exec(runtime) ?? []
    assert(variable in serviceEnvironment, `services do not read ${variable}`)
    assert(declared.includes(argument), `${argument} is no argument of the image's last stage`)
    assert.match(read('k8s/delivery/image.sh'), new RegExp(`--build-arg "${argument}=`))
  })

  it('declares every argument that it is built with', () => {
    const given = [...read('k8s/delivery/image.sh').matchAll(/--build-arg "(\w+)=/g)].map(([, name]) => name)
    assert.deepEqual(given.toSorted(), declared.toSorted())
  })
})
