import { ACCOUNT_COUNTER_SPAN } from '@bourse/domain/ids'

/** A shard's accounts, the exchange's own among them: ids in the half-open range [from, to). */
export const accountsOf = (shard: number): { readonly from: number; readonly to: number } => ({
  from: shard * ACCOUNT_COUNTER_SPAN,
  to: (shard + 1) * ACCOUNT_COUNTER_SPAN,
})
