import {
  DescribeReplicationGroupsCommand,
  ElastiCacheClient,
  ModifyReplicationGroupCommand,
} from '@aws-sdk/client-elasticache'
import {
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { rotationConfig } from './rotation-config.ts'
import { type RotationEvent, rotate, type Token } from './token-rotation.ts'

const POLL_MS = 10_000

/** The entry of the rotation function: wires the steps to AWS. */
export async function handler(event: RotationEvent): Promise<void> {
  await rotate(event, awsToken(rotationConfig(process.env).replicationGroupId))
}

function awsToken(replicationGroupId: string): Token {
  const secrets = new SecretsManagerClient()
  const cache = new ElastiCacheClient()
  const read = async (SecretId: string, VersionStage: string) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString
  return {
    stages: async (SecretId) =>
      (await secrets.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages ?? {},
    random: async () =>
      (await secrets.send(new GetRandomPasswordCommand({ PasswordLength: 64, ExcludePunctuation: true })))
        .RandomPassword ?? '',
    put: async (SecretId, ClientRequestToken, SecretString) => {
      const VersionStages = ['AWSPENDING']
      await secrets.send(
        new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString, VersionStages }),
      )
    },
    pending: async (secretId) => (await read(secretId, 'AWSPENDING')) ?? '',
    promote: async (SecretId, MoveToVersionId, RemoveFromVersionId) => {
      const VersionStage = 'AWSCURRENT'
      const move = { SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }
      await secrets.send(new UpdateSecretVersionStageCommand(move))
    },
    modify: async (AuthToken, AuthTokenUpdateStrategy) => {
      const change = { ReplicationGroupId: replicationGroupId, AuthToken, AuthTokenUpdateStrategy }
      await cache.send(new ModifyReplicationGroupCommand({ ...change, ApplyImmediately: true }))
    },
    status: async () => {
      const asked = new DescribeReplicationGroupsCommand({ ReplicationGroupId: replicationGroupId })
      return (await cache.send(asked)).ReplicationGroups?.[0]?.Status ?? 'unknown'
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, POLL_MS)),
  }
}
