/** The exchange's services in the order in which they start. */
export const SERVICES = ['risk-engine', 'matching-engine', 'settlement', 'market-data', 'gateway'] as const
export type ServiceName = (typeof SERVICES)[number]
