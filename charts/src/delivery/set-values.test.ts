import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VALUES_FOLDER } from '../values/load.ts'
import { ENVIRONMENTS } from '../values/schema.ts'
import { formatted, withValue } from './set-values.ts'

describe('set-values', () => {
  it('says a value and leaves every other line alone', () => {
    const before = '# ours\nimage: old # why\ngateway:\n  # slots\n  active: blue\n'
    const after = withValue(withValue(before, 'image=new'), 'gateway.active=green')
    assert.equal(after, '# ours\nimage: new # why\ngateway:\n  # slots\n  active: green\n')
  })

  it('adds what was not said, and takes it away by null', () => {
    const added = withValue('gateway:\n  active: blue\n', 'gateway.idle.image=registry/bourse@sha256:1')
    assert.equal(added, 'gateway:\n  active: blue\n  idle:\n    image: registry/bourse@sha256:1\n')
    assert.equal(withValue(added, 'gateway.idle=null'), 'gateway:\n  active: blue\n')
    assert.equal(withValue('image: old\n', 'gateway.idle=null'), 'image: old\n')
  })

  it('says something within what was nothing', () => {
    assert.equal(
      withValue('gateway:\n  idle: null\n', 'gateway.idle.image=x'),
      'gateway:\n  idle:\n    image: x\n',
    )
  })

  it('refuses what is no assignment', () => {
    assert.throws(() => withValue('image: old\n', 'image'), /must be a\.b=value/)
  })

  // What runs in a recovery region has production's image.
  for (const environment of ENVIRONMENTS.filter((name) => !/-(?:recovery|standby)$/.test(name))) {
    it(`changes one line of ${environment}.yaml`, async () => {
      const file = join(VALUES_FOLDER, `${environment}.yaml`)
      const text = await formatted(file, readFileSync(file, 'utf8'))
      const before = text.split('\n')
      const after = (await formatted(file, withValue(text, 'image=registry/other'))).split('\n')
      assert.deepEqual(
        after.filter((line, index) => line !== before[index]),
        ['image: registry/other'],
      )
    })
  }
})
