import { archiveStoreSuite } from './testing/archive-store-suite.ts'
import { MemoryStore } from './testing/memory-store.ts'

describe('MemoryStore', () => {
  const shared = new MemoryStore()
  archiveStoreSuite(async () => shared)
})
