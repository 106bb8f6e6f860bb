import { S3Store } from '@bourse/input-archive/s3-store'
import { archiveStoreSuite } from '@bourse/input-archive/testing/archive-store-suite'
import { S3Emulator } from '@bourse/testing/s3-emulator'

describe('S3Store', function () {
  this.timeout(180_000)
  let emulator: S3Emulator
  before(async () => {
    emulator = await S3Emulator.start()
  })
  after(() => emulator.stop())

  archiveStoreSuite(
    async () => new S3Store({ bucket: emulator.bucket, prefix: 'exchange/' }, emulator.settings),
  )
})
