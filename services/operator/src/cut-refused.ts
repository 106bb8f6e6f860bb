export type CutRefusal =
  'copies_incomplete' | 'target_differs' | 'already_open' | 'not_delivered' | 'another_cut' | 'lock_lost'

/** The cut cannot be made here. The message begins with its code; nothing that is there was changed. */
export class CutRefused extends Error {
  override readonly name = 'CutRefused'
  readonly code: CutRefusal

  constructor(code: CutRefusal, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options)
    this.code = code
  }
}
