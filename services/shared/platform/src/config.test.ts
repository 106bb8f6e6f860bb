import assert from 'node:assert/strict'

import { bool, brokers, int, list, logLevel, milliseconds, port, readConfig, secret, url } from './config.ts'

describe('readConfig', () => {
  it('parses what is set and takes defaults for the rest', () => {
    const shape = {
      PORT: port().default(8080),
      GRACE_MS: milliseconds().default(500),
      LOG_LEVEL: logLevel(),
      KAFKA_BROKERS: brokers(),
      ORIGINS: list(),
      VERBOSE: bool().default(false),
      DATABASE_URL: url('postgres', 'postgresql'),
    }
    const env = {
      KAFKA_BROKERS: 'a:9092,b:9092',
      ORIGINS: 'x, y',
      DATABASE_URL: 'postgres://u:p@h/d',
      PORT: '',
      OTHER: 'ignored',
    }
    assert.deepEqual(readConfig(shape, env), {
      PORT: 8080,
      GRACE_MS: 500,
      LOG_LEVEL: 'info',
      KAFKA_BROKERS: 'a:9092,b:9092',
      ORIGINS: ['x', 'y'],
      VERBOSE: false,
      DATABASE_URL: 'postgres://u:p@h/d',
    })
  })

  it('names every variable that is missing or wrong, and no value', () => {
    const shape = {
      PORT: port(),
      KAFKA_BROKERS: brokers(),
      ORIGINS: list(),
      VERBOSE: bool(),
      DATABASE_URL: url('postgres'),
      SESSION_KEY: secret(),
      TOPIC: secret(1),
    }
    const env = {
      PORT: '80800',
      KAFKA_BROKERS: 'a:9092,',
      ORIGINS: 'x,,y',
      VERBOSE: 'yes',
      DATABASE_URL: 'mysql://hunter2@h',
      SESSION_KEY: 'hunter2',
    }
    assert.throws(() => readConfig(shape, env), {
      name: 'ConfigError',
      message: [
        'the environment cannot be used:',
        '  PORT: must be from 0 to 65535',
        '  KAFKA_BROKERS: must be host:port, separated by commas',
        '  ORIGINS: has an empty part',
        '  VERBOSE: must be true or false',
        '  DATABASE_URL: must be a URL with postgres',
        '  SESSION_KEY: must have at least 16 characters',
        '  TOPIC: is not set',
      ].join('\n'),
    })
  })

  for (const text of ['8080ms', '1e3', '0x10', '1.5', ' 8', '', '9007199254740993', 'NaN']) {
    it(`refuses ${JSON.stringify(text)} as a whole number`, () => {
      assert.throws(() => readConfig({ COUNT: int({ min: 0, max: 10_000 }) }, { COUNT: text }), /COUNT: /)
    })
  }
})
