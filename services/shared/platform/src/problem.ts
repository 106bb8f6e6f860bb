import { STATUS_CODES } from 'node:http'

/**
 * What a client did wrong, or what it has to know about a failure: RFC 9457 problem details.
 *
 * Throw it from a handler; the `problems` middleware answers with it. `code` is stable snake_case: clients read the
 * code, people the detail.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  /** More members of the answer, such as `issues`. */
  readonly fields: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    detail?: string,
    { cause, ...fields }: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail ?? '', cause === undefined ? {} : { cause })
    this.status = status
    this.code = code
    this.fields = fields
  }

  /** The answer's body. */
  toBody(requestId: string): ProblemBody {
    return {
      ...this.fields,
      type: `urn:bourse:problem:${this.code}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      code: this.code,
      ...(this.message !== '' && { detail: this.message }),
      request_id: requestId,
    }
  }
}

export type ProblemBody = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
  /** Also in the header `x-request-id`, and in the log. */
  readonly request_id: string
  readonly [field: string]: unknown
}
