import { readFileSync } from 'node:fs'

/** A password as it is now; asked for whenever a connection is opened. It never throws. */
export type AskPassword = () => string

/**
 * Reads a password from a file, without the end of its last line, whenever it is asked: who changes a password replaces
 * the file, and running clients connect with the new one. While the file cannot be read, or is empty, the password read
 * last counts: a client that waits for an answer from a server could not handle an error.
 *
 * @throws at once when the file cannot be read, or is empty
 */
export function passwordFile(path: string): AskPassword {
  let last = readPassword(path)
  return () => {
    try {
      last = readPassword(path)
    } catch {
      // It will be asked again.
    }
    return last
  }
}

function readPassword(path: string): string {
  const password = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  if (password === '') throw new Error(`${path} is empty`)
  return password
}
