import { ACCOUNT_COUNTER_SPAN, CUSTOMER_FIRST } from '@bourse/domain/ids'

type AccountRange = { readonly from: number; readonly customersFrom: number; readonly to: number }

/** A shard's accounts are [from, to): first the exchange's own, then its customers' from `customersFrom`. */
export const accountsOf = (shard: number): AccountRange => ({
  from: shard * ACCOUNT_COUNTER_SPAN,
  customersFrom: shard * ACCOUNT_COUNTER_SPAN + CUSTOMER_FIRST,
  to: (shard + 1) * ACCOUNT_COUNTER_SPAN,
})
