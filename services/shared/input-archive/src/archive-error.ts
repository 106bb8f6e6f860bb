/**
 * What is wrong with an archive, by a code that is stable:
 *
 * - `archive_of_another_log`: its files are of a log, or of a history of it, that is not the one that is read now
 * - `file_differs`: a file that another writer made has other records than the log
 * - `file_damaged`: a file is not what its name and its metadata say
 * - `input_incomplete`: records are missing where the log is read
 */
export type ArchiveFault = 'archive_of_another_log' | 'file_differs' | 'file_damaged' | 'input_incomplete'

/** The archive cannot be written or read on. The message begins with the code; nothing that is there was changed. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly code: ArchiveFault
  /** The message without the code. */
  readonly detail: string

  constructor(code: ArchiveFault, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options)
    this.code = code
    this.detail = detail
  }
}
