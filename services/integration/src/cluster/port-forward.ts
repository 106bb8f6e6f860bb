import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kubectl } from './kubectl.ts'

const AGAIN_MS = 500
const FORWARDING = /^Forwarding from 127\.0\.0\.1:(\d+)/

/**
 * A port of a pod or Service on this machine. It goes through the API server and the kubelet, so no NetworkPolicy has
 * to allow it. One that breaks is opened again, on the same port.
 */
export class PortForward {
  readonly port: number
  readonly #kubectl: Kubectl
  readonly #target: string
  readonly #remotePort: number
  #child: ChildProcess
  #closed = false

  private constructor(
    kubectl: Kubectl,
    [target, remotePort]: readonly [string, number],
    { child, port }: { child: ChildProcess; port: number },
  ) {
    this.#kubectl = kubectl
    this.#target = target
    this.#remotePort = remotePort
    this.#child = child
    this.port = port
    this.#watch()
  }

  static async open(kubectl: Kubectl, target: string, remotePort: number): Promise<PortForward> {
    const { child, match } = await kubectl.stay(['port-forward', target, `:${remotePort}`], FORWARDING)
    return new PortForward(kubectl, [target, remotePort], { child, port: Number(match[1]) })
  }

  close(): void {
    this.#closed = true
    this.#child.kill()
  }

  #watch(): void {
    this.#child.once('exit', () => void this.#again())
  }

  async #again(): Promise<void> {
    while (!this.#closed) {
      try {
        const args = ['port-forward', this.#target, `${this.port}:${this.#remotePort}`]
        const { child } = await this.#kubectl.stay(args, FORWARDING)
        this.#child = child
        if (this.#closed) child.kill()
        return this.#watch()
      } catch {
        await sleep(AGAIN_MS)
      }
    }
  }
}
