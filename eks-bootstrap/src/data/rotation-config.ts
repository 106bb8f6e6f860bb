import { z } from 'zod'

const Variables = z.object({ REPLICATION_GROUP_ID: z.string().min(1) })

/** The rotation function's environment. */
export function rotationConfig(variables: NodeJS.ProcessEnv): { readonly replicationGroupId: string } {
  return { replicationGroupId: Variables.parse(variables).REPLICATION_GROUP_ID }
}
