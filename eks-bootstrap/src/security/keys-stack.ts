import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as kms from 'aws-cdk-lib/aws-kms'
import { type Construct } from 'constructs'
import { BourseStack, type SiteProps } from '../stack.ts'

/** What is encrypted together is opened together: one key for each kind of reader. */
const PURPOSES = ['data', 'logs', 'cluster', 'backup', 'messages'] as const
export type Purpose = (typeof PURPOSES)[number]

/** Deletion of a key waits this long, so that a mistake can be taken back. */
const PENDING_WINDOW_DAYS = 30

/** The customer-managed keys of one site. They outlive every stack that uses them. */
export class KeysStack extends BourseStack {
  /** The keys as others may use them: who may is said here and in roles, never added from afar. */
  readonly keys: Readonly<Record<Purpose, kms.IKey>>
  readonly #owned: Readonly<Record<Purpose, kms.Key>>

  constructor(scope: Construct, props: SiteProps) {
    super(scope, 'Keys', {
      ...props,
      description: 'Customer-managed encryption keys',
      dataClassification: 'restricted',
    })
    const entries = PURPOSES.map((purpose) => [purpose, this.#key(purpose)])
    this.#owned = Object.fromEntries(entries) as Record<Purpose, kms.Key>
    const fixed = PURPOSES.map((purpose) => [
      purpose,
      kms.Key.fromKeyArn(this, `${purpose}Fixed`, this.#owned[purpose].keyArn),
    ])
    this.keys = Object.fromEntries(fixed) as Record<Purpose, kms.IKey>
    this.#allowServices()
  }

  #key(purpose: Purpose): kms.Key {
    return new kms.Key(this, `${purpose}Key`, {
      alias: keyAlias(this.config.name, purpose),
      description: `Bourse ${this.config.name}: ${purpose}`,
      enableKeyRotation: true,
      pendingWindow: Duration.days(PENDING_WINDOW_DAYS),
      removalPolicy: this.config.data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
  }

  #allowServices(): void {
    const logs = new iam.ServicePrincipal(`logs.${this.regionName}.amazonaws.com`)
    this.#allow('logs', logs, {
      ArnLike: {
        'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${this.regionName}:${this.account}:log-group:*`,
      },
    })
    const fromHere = { StringEquals: { 'aws:SourceAccount': this.account } }
    for (const service of ['cloudtrail', 'config', 'delivery.logs']) {
      this.#allow('logs', new iam.ServicePrincipal(`${service}.amazonaws.com`), fromHere)
    }
    for (const service of [
      'cloudwatch',
      'events',
      'budgets',
      'costalerts',
      'sns',
      'backup',
      's3',
      'rds',
      'elasticache',
    ]) {
      this.#allow('messages', new iam.ServicePrincipal(`${service}.amazonaws.com`), fromHere)
    }
  }

  #allow(purpose: Purpose, principal: iam.IPrincipal, conditions: iam.Conditions): void {
    this.#owned[purpose].addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [principal],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions,
      }),
    )
  }
}

/** Aliases are the same in every region, so that one site can name the other's key. */
export function keyAlias(environmentName: string, purpose: Purpose): string {
  return `alias/bourse-${environmentName}-${purpose}`
}
