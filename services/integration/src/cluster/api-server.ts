import type { ChildProcess } from 'node:child_process'
import type { z } from 'zod'
import type { Kubectl } from './kubectl.ts'

const TIMEOUT_MS = 15_000
const SERVING = /^Starting to serve on 127\.0\.0\.1:(\d+)/

/** The API server through `kubectl proxy`: reading by HTTP costs a hundredth of a kubectl started for each look. */
export class ApiServer {
  readonly #url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.#url = url
    this.#child = child
  }

  static async open(kubectl: Kubectl): Promise<ApiServer> {
    const { child, match } = await kubectl.stay(['proxy', '--port=0'], SERVING)
    return new ApiServer(`http://127.0.0.1:${match[1]}`, child)
  }

  async read<Value>(schema: z.ZodType<Value>, path: string): Promise<Value> {
    const response = await fetch(this.#url + path, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return schema.parse(await response.json())
  }

  /** Creates an object; a refusal is an answer like another. */
  async create(path: string, object: unknown): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(this.#url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return { status: response.status, text: await response.text() }
  }

  close(): void {
    this.#child.kill()
  }
}
