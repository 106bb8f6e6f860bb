/** What Cognito asks before it signs tokens, version 2: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html */
export type TokenEvent = {
  readonly callerContext: { readonly clientId: string }
  readonly request: { readonly groupConfiguration: { readonly groupsToOverride?: readonly string[] } }
  readonly response: object
}

/**
 * Gives access tokens what the gateway reads: for whom they are, which Cognito allows to be the client alone, and the roles
 * of their owner, which are the groups of the user pool.
 */
export async function handler(event: TokenEvent) {
  const { clientId: aud } = event.callerContext
  const roles = event.request.groupConfiguration.groupsToOverride ?? []
  const accessTokenGeneration = { claimsToAddOrOverride: { aud, roles } }
  return { ...event, response: { claimsAndScopeOverrideDetails: { accessTokenGeneration } } }
}
