/** What Secrets Manager sends four times, once a step. */
export type RotationEvent = {
  readonly SecretId: string
  readonly ClientRequestToken: string
  readonly Step: string
}

/** What rotation asks of AWS. */
export type Token = {
  readonly stages: (secretId: string) => Promise<Readonly<Record<string, readonly string[]>>>
  readonly random: () => Promise<string>
  readonly put: (secretId: string, version: string, value: string) => Promise<void>
  readonly pending: (secretId: string) => Promise<string>
  readonly promote: (secretId: string, to: string, from: string) => Promise<void>
  readonly modify: (value: string, strategy: 'ROTATE' | 'SET') => Promise<void>
  readonly status: () => Promise<string>
  readonly pause: () => Promise<void>
}

/** 14 minutes of pauses: the function itself stops at 15. */
export const POLLS_MAX = 84

/**
 * One step of rotating Redis's AUTH token. ROTATE makes Redis accept the new token beside the old; the old one dies
 * at the next rotation, so every client has read the new one long before. Each step may be repeated.
 */
export async function rotate(
  { SecretId, ClientRequestToken, Step }: RotationEvent,
  token: Token,
): Promise<void> {
  const stages = await token.stages(SecretId)
  if (stages[ClientRequestToken]?.includes('AWSCURRENT')) return
  switch (Step) {
    case 'createSecret':
      if (stages[ClientRequestToken]?.includes('AWSPENDING') && (await hasPending(token, SecretId))) return
      return token.put(SecretId, ClientRequestToken, await token.random())
    case 'setSecret':
      await available(token)
      return token.modify(await token.pending(SecretId), 'ROTATE')
    case 'testSecret':
      // ElastiCache is available again only once every node took the token.
      return available(token)
    case 'finishSecret':
      return token.promote(SecretId, ClientRequestToken, currentVersion(stages))
    default:
      throw new Error(`unknown rotation step ${Step}`)
  }
}

async function available(token: Token): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    if ((await token.status()) === 'available') return
    await token.pause()
  }
  throw new Error(`the replication group is not available after ${POLLS_MAX} polls`)
}

async function hasPending(token: Token, secretId: string): Promise<boolean> {
  try {
    return (await token.pending(secretId)) !== ''
  } catch {
    return false
  }
}

function currentVersion(stages: Readonly<Record<string, readonly string[]>>): string {
  const current = Object.entries(stages).find(([, names]) => names.includes('AWSCURRENT'))
  if (current === undefined) throw new Error('the secret has no current version')
  return current[0]
}
