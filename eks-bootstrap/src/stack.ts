import { Stack, type StackProps, Tags } from 'aws-cdk-lib'
import { type Construct, type IConstruct } from 'constructs'
import { type Environment } from './environment.ts'
import { REGIONS, type Region, type RegionFacts } from './regions.ts'

/** What a stack's data is: the fourth mandatory tag. */
export type DataClassification = 'public' | 'internal' | 'confidential' | 'restricted'

/** Where a stack stands: the site that serves, or the one in the second region that waits. */
export type Role = 'primary' | 'standby'

export type SiteProps = { readonly environment: Environment; readonly role: Role }

type BourseStackProps = SiteProps & {
  /** What the stack is for, in one sentence: CloudFormation shows it. */
  readonly description: string
  readonly dataClassification: DataClassification
}

/** A stack of one environment in one region, with its names and its mandatory tags. */
export abstract class BourseStack extends Stack {
  readonly config: Environment
  readonly role: Role
  readonly regionName: Region
  readonly facts: RegionFacts

  constructor(scope: Construct, noun: string, props: BourseStackProps) {
    const { environment, role, description, dataClassification } = props
    const region = role === 'primary' ? environment.primaryRegion : environment.recoveryRegion
    const base: StackProps = {
      env: { account: environment.account, region },
      stackName: `bourse-${environment.name}-${noun.toLowerCase()}`,
      description,
      terminationProtection: environment.data.immutable,
      crossRegionReferences: environment.features.standbyRegion,
    }
    super(scope, role === 'primary' ? noun : `Standby${noun}`, base)
    this.config = environment
    this.role = role
    this.regionName = region
    this.facts = REGIONS[region]
    tag(this, { ...environment, dataClassification })
  }

  /** A name unique in the world for things that share one namespace, such as buckets. */
  globalName(noun: string): string {
    return `bourse-${this.config.name}-${noun}-${this.config.account}-${this.regionName}`
  }

  /** A name unique in the account and region. */
  localName(noun: string): string {
    return `bourse-${this.config.name}-${noun}`
  }
}

type MandatoryTags = {
  readonly name: string
  readonly project: string
  readonly costCenter: string
  readonly dataClassification: DataClassification
}

/** Puts the four mandatory tags on everything inside `scope` that can carry tags. */
export function tag(scope: IConstruct, values: MandatoryTags): void {
  for (const [key, value] of Object.entries(mandatoryTags(values))) Tags.of(scope).add(key, value)
}

/** For what AWS makes later in our name, out of CloudFormation's sight. */
export function mandatoryTags(values: MandatoryTags): Readonly<Record<string, string>> {
  const { name, project, costCenter, dataClassification } = values
  return {
    Environment: name,
    Project: project,
    CostCenter: costCenter,
    DataClassification: dataClassification,
  }
}
