/** The logs of an exchange. Partitions of `risk.*` are risk shards, those of `orders.*` matching shards. */
export const TOPICS = {
  riskIn: 'risk.in',
  ordersIn: 'orders.in',
  ordersOut: 'orders.out',
  riskOut: 'risk.out',
  /** Answers to gateways; a gateway reads the one partition that its commands name. */
  replies: 'replies',
} as const
