import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { config, environmentWith } from './config.ts'
import { testableContext } from './context.ts'

const TIMEOUT_MS = 120_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

export type CommandOptions = {
  /** What the command reads from its standard input. */
  readonly input?: string | Buffer
  readonly timeoutMs?: number
  /** Beside what this process has. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and returns what it printed; an error has what it complained about. */
export async function command(
  file: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<string> {
  return (await commandBytes(file, args, options)).toString()
}

export function commandBytes(
  file: string,
  args: readonly string[],
  { input, timeoutMs = TIMEOUT_MS, env }: CommandOptions = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: timeoutMs,
      maxBuffer: OUTPUT_BYTES_MAX,
      encoding: 'buffer',
      env: environmentWith(env),
    } as const
    const child = execFile(file, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const said = stderr.toString().trim() || stdout.toString().trim() || error.message
      reject(new Error(`${file} ${args.join(' ')}: ${said.slice(-4_000)}`, { cause: error }))
    })
    child.stdin?.on('error', () => undefined) // it ended without reading: its own error says why
    child.stdin?.end(input)
  })
}

/** Commands that would outlive the tests, which end by process.exit. */
const staying = new Set<ChildProcess>()
process.once('exit', () => staying.forEach((child) => child.kill()))

/** kubectl with a context and a namespace. */
export class Kubectl {
  readonly context: string
  readonly namespace: string

  constructor(context: string, namespace: string) {
    this.context = context
    this.namespace = namespace
  }

  /** @throws when the current context is not one to do harm to */
  static async current(namespace: string): Promise<Kubectl> {
    const current = (await command('kubectl', ['config', 'current-context'])).trim()
    return new Kubectl(testableContext(current, config().BOURSE_K8S_CONTEXT), namespace)
  }

  in(namespace: string): Kubectl {
    return new Kubectl(this.context, namespace)
  }

  run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return command('kubectl', this.#global(args), options)
  }

  bytes(args: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
    return commandBytes('kubectl', this.#global(args), options)
  }

  /** Runs a command that stays, such as a port-forward, until it prints a line that matches. */
  stay(
    args: readonly string[],
    ready: RegExp,
  ): Promise<{ readonly child: ChildProcess; readonly match: RegExpExecArray }> {
    const child = spawn('kubectl', this.#global(args), { stdio: ['ignore', 'pipe', 'pipe'] })
    staying.add(child)
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-1_000)))
    return new Promise((resolve, reject) => {
      // Read on for ever, or it would stand still once nobody takes what it prints.
      createInterface(child.stdout).on('line', (line) => {
        const match = ready.exec(line)
        if (match !== null) resolve({ child, match })
      })
      child.once('error', reject)
      child.once('exit', () => {
        staying.delete(child)
        reject(new Error(`kubectl ${args.join(' ')}: ${complaint.trim()}`))
      })
    })
  }

  #global(args: readonly string[]): string[] {
    return ['--context', this.context, '--namespace', this.namespace, ...args]
  }
}
