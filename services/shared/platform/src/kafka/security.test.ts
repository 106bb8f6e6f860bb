import { equal, match, ok, throws } from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import { ConfigError, readConfig } from '../config.ts'
import { awsToken, kafkaConnection, kafkaEnvironment } from './security.ts'

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

describe('kafkaConnection', () => {
  const connection = (env: Record<string, string>) =>
    kafkaConnection(readConfig(kafkaEnvironment, { KAFKA_BROKERS: 'kafka:9092', ...env }), {
      clientId: 'test',
    })

  it('is in the clear unless it is told otherwise', () => {
    equal(connection({}).settings, undefined)
  })

  it('trusts the public authorities without any of the operating system', () => {
    const { settings } = connection({ KAFKA_SECURITY: 'tls' })
    equal(settings?.['security.protocol'], 'ssl')
    equal(settings?.['ssl.ca.pem'], rootCertificates.join('\n'))
  })

  it('identifies itself by an AWS role over TLS', () => {
    const { settings, accessToken } = connection({ KAFKA_SECURITY: 'aws-iam', AWS_REGION: 'eu-central-1' })
    equal(settings?.['security.protocol'], 'sasl_ssl')
    equal(settings?.['sasl.mechanisms'], 'OAUTHBEARER')
    ok(accessToken)
  })

  it('refuses what it does not know, and AWS without a region', () => {
    throws(() => connection({ KAFKA_SECURITY: 'none' }), ConfigError)
    throws(() => connection({ KAFKA_SECURITY: 'aws-iam' }), /AWS_REGION: is not set/)
  })
})

describe('awsToken', () => {
  before(() => Object.assign(process.env, CREDENTIALS))
  after(() => {
    for (const name of Object.keys(CREDENTIALS)) delete process.env[name]
  })

  it('is signed without asking anybody, for a quarter of an hour', async () => {
    const { token, expiresAt } = await awsToken('eu-central-1')
    const url = new URL(Buffer.from(token, 'base64url').toString())
    equal(url.host, 'kafka.eu-central-1.amazonaws.com')
    equal(url.searchParams.get('Action'), 'kafka-cluster:Connect')
    match(
      url.searchParams.get('X-Amz-Credential') ?? '',
      /^AKIDEXAMPLE\/\d{8}\/eu-central-1\/kafka-cluster\//,
    )
    match(url.searchParams.get('X-Amz-Signature') ?? '', /^[0-9a-f]{64}$/)
    ok(Math.abs(expiresAt - Date.now() - 900_000) < 5_000)
  })
})
