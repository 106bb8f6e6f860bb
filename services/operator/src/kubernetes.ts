import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request, type Dispatcher } from 'undici'

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const TIMEOUT_MS = 10_000
const NOT_FOUND = 404
const CONFLICT = 409

/** What a pod is given to reach its cluster's API. */
export type ClusterAccess = { readonly url: string; readonly token: string; readonly ca: string }

export type NewSecret = {
  readonly namespace: string
  readonly name: string
  readonly data: Readonly<Record<string, string>>
}

/** The access of the pod's service account. */
export async function podAccess(
  { host, port }: { readonly host: string; readonly port: number },
  folder = SERVICE_ACCOUNT,
): Promise<ClusterAccess> {
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  const [token, ca] = await Promise.all([read('token'), read('ca.crt')])
  return { url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, token: token.trim(), ca }
}

/** The API of the cluster, whose certificate must be signed by its own authority. */
export class ClusterApi {
  readonly #access: ClusterAccess
  readonly #dispatcher: Dispatcher

  constructor(access: ClusterAccess) {
    this.#access = access
    const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
    this.#dispatcher = new Agent({ ...timeouts, connect: { ca: access.ca, timeout: TIMEOUT_MS } })
  }

  async hasSecret(namespace: string, name: string): Promise<boolean> {
    const answer = await this.#send('GET', `${pathOf(namespace)}/${name}`)
    if (answer.status === NOT_FOUND) return false
    requireSuccess(answer, `look for secret ${name}`)
    return true
  }

  /** False when somebody else was faster. */
  async createSecret({ namespace, name, data }: NewSecret): Promise<boolean> {
    const labels = { 'app.kubernetes.io/part-of': 'bourse' }
    const metadata = { name, namespace, labels }
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', stringData: data }
    const answer = await this.#send('POST', pathOf(namespace), secret)
    if (answer.status === CONFLICT) return false
    requireSuccess(answer, `create secret ${name}`)
    return true
  }

  close(): Promise<void> {
    return this.#dispatcher.close()
  }

  async #send(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
    const { url, token } = this.#access
    const { statusCode, body: answer } = await request(url + path, {
      method,
      dispatcher: this.#dispatcher,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: statusCode, text: await answer.text() }
  }
}

type Answer = { readonly status: number; readonly text: string }

const pathOf = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`

/** An error's text is a Status, which says what is forbidden and why; it never holds a secret. */
function requireSuccess({ status, text }: Answer, doing: string): void {
  if (status >= 300) throw new Error(`the cluster's API did not ${doing}: ${status} ${text.trim()}`)
}
