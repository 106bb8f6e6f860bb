import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A virtual environment of Python with pinned tools, in `.venv` of a package. */
export class PythonEnvironment {
  readonly #folder: string
  readonly #requirements: string

  /** @param requirements path of the file that pins the tools */
  constructor(packageFolder: string, requirements: string) {
    this.#folder = join(packageFolder, '.venv')
    this.#requirements = requirements
  }

  /** Makes it once, and again when the pinned versions change. */
  install(): void {
    const wanted = readFileSync(this.#requirements, 'utf8')
    const stamp = join(this.#folder, 'installed.txt')
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
    rmSync(this.#folder, { recursive: true, force: true })
    execFileSync('python3', ['-m', 'venv', this.#folder], { stdio: 'inherit' })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', this.#requirements]
    execFileSync(this.tool('python'), pip, { stdio: 'inherit' })
    writeFileSync(stamp, wanted)
  }

  /** The path of one of its programs. */
  tool(name: string): string {
    return join(this.#folder, 'bin', name)
  }
}
