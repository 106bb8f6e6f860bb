import assert from 'node:assert/strict'
import fc from 'fast-check'
import { contains, overlaps, parseCidr, usableAddresses } from './cidr.ts'

describe('CIDR arithmetic', () => {
  it('reads a block', () => {
    assert.deepEqual(parseCidr('10.0.1.0/24'), { text: '10.0.1.0/24', first: 167772416, size: 256 })
    assert.deepEqual(parseCidr('0.0.0.0/0'), { text: '0.0.0.0/0', first: 0, size: 2 ** 32 })
  })

  for (const text of ['10.0.1.0', '10.0.1/24', '10.0.1.0/33', '10.0.256.0/24', 'ten/8', '']) {
    it(`refuses ${text || 'nothing'}`, () => assert.throws(() => parseCidr(text), /not an IPv4 block/))
  }

  it('refuses host bits', () =>
    assert.throws(() => parseCidr('10.0.1.7/24'), /10\.0\.1\.7\/24 has host bits/))

  it('knows neighbours from overlaps', () => {
    assert(!overlaps(parseCidr('10.0.1.0/24'), parseCidr('10.0.2.0/24')))
    assert(overlaps(parseCidr('10.0.0.0/22'), parseCidr('10.0.3.0/24')))
    assert(contains(parseCidr('10.0.0.0/16'), parseCidr('10.0.255.0/24')))
    assert(!contains(parseCidr('10.0.0.0/16'), parseCidr('10.1.0.0/24')))
  })

  it('leaves AWS its five addresses', () => assert.equal(usableAddresses(parseCidr('10.0.1.0/24')), 251))

  it('overlaps in both directions, and a part always overlaps its whole', () => {
    const block = fc
      .tuple(fc.integer({ min: 8, max: 28 }), fc.nat({ max: 2 ** 24 - 1 }))
      .map(([prefix, seed]) => {
        const size = 2 ** (32 - prefix)
        const first = Math.floor((seed * 251) / size) * size
        return parseCidr([24, 16, 8, 0].map((shift) => (first / 2 ** shift) & 255).join('.') + `/${prefix}`)
      })
    fc.assert(
      fc.property(block, block, (a, b) => {
        assert.equal(overlaps(a, b), overlaps(b, a))
        if (contains(a, b)) assert(overlaps(a, b))
        if (overlaps(a, b)) assert(contains(a, b) || contains(b, a))
      }),
    )
  })
})
