import { execa, ExecaError } from 'execa'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { lastLines, StepFailure } from './failure.ts'

type CommandOptions = {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly advice?: string
}

/** Runs a command to its end and returns what it printed; a failure carries its last lines. */
export async function runCommand(
  command: readonly [string, ...string[]],
  { cwd, env, advice }: CommandOptions = {},
): Promise<string> {
  const [file, ...args] = command
  try {
    const { all } = await execa(file, args, {
      all: true,
      stdin: 'ignore',
      ...(cwd && { cwd }),
      ...(env && { env }),
    })
    return all
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error
    throw new StepFailure(error.shortMessage, {
      cause: error,
      logTail: lastLines(typeof error.all === 'string' ? error.all : ''),
      ...(advice !== undefined && { advice }),
    })
  }
}

/** Finds an executable file called `name` in the first of `folders` that has one. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

export function requireProgram(name: string, packageName: string, folders: readonly string[]): string {
  const program = findProgram(name, folders)
  if (program !== undefined) return program
  throw new StepFailure(`${name} is not installed`, { advice: `Install ${packageName} and run it again.` })
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
