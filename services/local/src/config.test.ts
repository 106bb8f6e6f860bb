import { deepEqual, equal, throws } from 'node:assert/strict'
import { readHostConfig, readLocalConfig } from './config.ts'

describe('readLocalConfig', () => {
  it('has an answer for every setting', () => {
    const config = readLocalConfig({})
    equal(config.KAFKA_PORT, 19_092)
    equal(config.GATEWAY_PORT, 8080)
    equal(config.RISK_PARTITIONS, 1)
    equal(config.SERVICES.length, 5)
    equal(config.KAFKA_BROKERS, undefined)
  })

  it('reads ports, partitions, services and servers that run elsewhere', () => {
    const config = readLocalConfig({
      KAFKA_PORT: '9092',
      MATCHING_PARTITIONS: '3',
      SERVICES: 'gateway,settlement',
      REDIS_URL: 'redis://cache',
      BOURSE_HOME: '/data/../data/bourse',
    })
    equal(config.KAFKA_PORT, 9092)
    equal(config.MATCHING_PARTITIONS, 3)
    deepEqual(config.SERVICES, ['gateway', 'settlement'])
    equal(config.REDIS_URL, 'redis://cache')
    equal(config.BOURSE_HOME, '/data/bourse')
  })

  it('takes an empty setting for none', () => {
    equal(readLocalConfig({ KAFKA_BROKERS: '' }).KAFKA_BROKERS, undefined)
  })

  it('starts no service when asked for none', () => {
    deepEqual(readLocalConfig({ SERVICES: 'none' }).SERVICES, [])
  })

  it('names every setting that is wrong at once', () => {
    const read = () => readLocalConfig({ KAFKA_PORT: '70000', SERVICES: 'gatewy', RISK_PARTITIONS: '0' })
    throws(read, /KAFKA_PORT/)
    throws(read, /SERVICES/)
    throws(read, /RISK_PARTITIONS/)
  })
})

describe('readHostConfig', () => {
  it('looks for Java in JAVA_HOME first', () => {
    deepEqual(readHostConfig({ JAVA_HOME: '/java', PATH: '/bin:/usr/bin' }).path, [
      '/java/bin',
      '/bin',
      '/usr/bin',
    ])
  })

  it('keeps downloads in the cache folder of the user', () => {
    equal(readHostConfig({ XDG_CACHE_HOME: '/cache' }).cacheFolder, '/cache/bourse')
  })
})
