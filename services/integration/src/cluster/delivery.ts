import { join } from 'node:path'
import { REPOSITORY } from '@bourse/local/config'
import { command, type CommandOptions } from './kubectl.ts'

/** `folder` is the checkout whose script it is. */
type DeliveryOptions = CommandOptions & { readonly folder?: string }

/**
 * Runs a script of k8s/delivery. Who releases sits at another machine than the exchange: what renders the charts there
 * must not be measured, and gets what the exchange leaves.
 */
export const delivery = (
  script: string,
  args: readonly string[],
  { folder = REPOSITORY, ...options }: DeliveryOptions,
): Promise<string> =>
  command('nice', ['-n', '19', 'bash', join(folder, 'k8s/delivery', script), ...args], options)
