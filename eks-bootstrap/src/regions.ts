import { z } from 'zod'

/** The two regions the organization allows: the first serves, the second recovers. */
export const Region = z.enum(['us-east-1', 'us-west-2'])
export type Region = z.infer<typeof Region>

export type RegionFacts = {
  /** Three zones that offer every instance type used here. Names are per account; the order is ours. */
  readonly zones: readonly [string, string, string]
  /** AWS-managed prefix lists: public facts of a region, so that synthesis asks nobody. */
  readonly prefixLists: { readonly s3: string; readonly dynamodb: string; readonly cloudfront: string }
}

export const REGIONS: Record<Region, RegionFacts> = {
  'us-east-1': {
    zones: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
    prefixLists: { s3: 'pl-63a5400a', dynamodb: 'pl-02cd2c6b', cloudfront: 'pl-3b927c52' },
  },
  'us-west-2': {
    zones: ['us-west-2a', 'us-west-2b', 'us-west-2c'],
    prefixLists: { s3: 'pl-68a54001', dynamodb: 'pl-00a54069', cloudfront: 'pl-82a045eb' },
  },
}
