import { z } from 'zod'

const environment = z.object({
  /** A context whose name does not look like a cluster on this machine is used only when it is named here. */
  BOURSE_K8S_CONTEXT: z.string().optional(),
  /** Where the public API answers, if neither 127.0.0.1 nor a node's own address does. */
  BOURSE_K8S_URL: z.url().optional(),
})

export const config = (): z.infer<typeof environment> => environment.parse(process.env)

/** What a program started from here has in its environment. */
export const environmentWith = (additions: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  ...additions,
})
