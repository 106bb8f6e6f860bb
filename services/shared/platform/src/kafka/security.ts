import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { z } from 'zod'
import { brokers, ConfigError } from '../config.ts'
import type { Logger } from '../log.ts'
import type { KafkaConnection } from './client.ts'

/** What every process reads that speaks to Kafka. */
export const kafkaEnvironment = {
  KAFKA_BROKERS: brokers(),
  /** `tls` verifies the brokers' certificates; `aws-iam` does too, and identifies itself by the pod's AWS role. */
  KAFKA_SECURITY: z.enum(['plaintext', 'tls', 'aws-iam']).default('plaintext'),
  /** Authorities of the brokers' certificates, beside the public ones. */
  KAFKA_CA_FILE: z.string().min(1).optional(),
  /** Of the brokers, for `aws-iam`. */
  AWS_REGION: z.string().min(1).optional(),
} as const

export type KafkaEnvironment = Readonly<z.output<z.ZodObject<typeof kafkaEnvironment>>>

/** An access token and the time at which it ends, in milliseconds since 1970. */
export type AccessToken = { readonly token: string; readonly expiresAt: number }

/** How a process reaches Kafka. @throws ConfigError */
export function kafkaConnection(
  { KAFKA_BROKERS, KAFKA_SECURITY, KAFKA_CA_FILE, AWS_REGION }: KafkaEnvironment,
  { clientId, log }: { readonly clientId: string; readonly log?: Logger },
): KafkaConnection {
  const connection = { brokers: KAFKA_BROKERS, clientId, ...(log !== undefined && { log }) }
  switch (KAFKA_SECURITY) {
    case 'plaintext':
      return connection
    case 'tls':
      return { ...connection, settings: { 'security.protocol': 'ssl', ...trust(KAFKA_CA_FILE) } }
    case 'aws-iam': {
      if (AWS_REGION === undefined)
        throw new ConfigError('the environment cannot be used:\n  AWS_REGION: is not set, aws-iam needs it')
      const settings = { 'security.protocol': 'sasl_ssl', 'sasl.mechanisms': 'OAUTHBEARER' }
      const accessToken = () => awsToken(AWS_REGION)
      return { ...connection, settings: { ...settings, ...trust(KAFKA_CA_FILE) }, accessToken }
    }
  }
}

/** Node's own list of public authorities: an image need not have one. */
function trust(caFile: string | undefined): Record<string, string> {
  const own = caFile === undefined ? [] : [readFileSync(caFile, 'utf8')]
  return { 'ssl.ca.pem': [...own, ...rootCertificates].join('\n') }
}

/** Signed offline with the credentials that the pod's role gives; the brokers ask AWS whose they are. */
export async function awsToken(region: string): Promise<AccessToken> {
  const { generateAuthToken } = await import('aws-msk-iam-sasl-signer-js')
  const { token, expiryTime } = await generateAuthToken({ region })
  return { token, expiresAt: expiryTime }
}
