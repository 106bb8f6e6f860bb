import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  type ListObjectsV2CommandOutput,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import type { ArchiveStore } from './archive-store.ts'

/** Attempts at one request, with growing pauses between them: about half a minute. */
const ATTEMPTS_MAX = 8
const CONNECT_TIMEOUT_MS = 5_000
/** Without a byte on the connection. */
const SILENT_MS_MAX = 30_000
/** Two writers of one name at the same time: the service refuses both, and who asks again learns who was first. */
const CONFLICTS_MAX = 5

const CONFLICT = 409
const PRECONDITION_FAILED = 412

export type S3Place = {
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
}

/** An archive in an S3 bucket. Credentials and region come from the environment, as the SDK finds them. */
export class S3Store implements ArchiveStore {
  readonly place: string
  readonly #bucket: string
  readonly #prefix: string
  readonly #client: S3Client

  /** @param overrides for emulators: endpoint, credentials */
  constructor({ bucket, prefix }: S3Place, overrides: S3ClientConfig = {}) {
    this.place = `s3://${bucket}/${prefix}`
    this.#bucket = bucket
    this.#prefix = prefix
    this.#client = new S3Client({
      maxAttempts: ATTEMPTS_MAX,
      // Whoever recovers an exchange may read a bucket of another region.
      followRegionRedirects: true,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENT_MS_MAX },
      ...overrides,
    })
  }

  async *list(folder: string, after?: string): AsyncGenerator<string> {
    const start = `${this.#prefix}${folder}`
    for await (const { Contents: contents = [] } of this.#pages(start, after))
      for (const { Key: key } of contents) if (key !== undefined) yield key.slice(start.length)
  }

  async *folders(folder: string): AsyncGenerator<string> {
    const start = `${this.#prefix}${folder}`
    for await (const { CommonPrefixes: below = [] } of this.#pages(start))
      for (const { Prefix: prefix } of below) if (prefix !== undefined) yield prefix.slice(start.length, -1)
  }

  async *#pages(start: string, after?: string): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          ...{ Bucket: this.#bucket, Prefix: start, Delimiter: '/' },
          ...(after === undefined ? {} : { StartAfter: `${start}${after}` }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      )
      yield page
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  async read(name: string): Promise<Buffer> {
    const where = { Bucket: this.#bucket, Key: `${this.#prefix}${name}` }
    const { Body: body } = await this.#client.send(new GetObjectCommand(where))
    if (body === undefined) throw new Error(`${this.place}${name} has no content`)
    return Buffer.from(await body.transformToByteArray())
  }

  async writeOnce(name: string, bytes: Buffer): Promise<'written' | 'exists'> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#put(name, bytes)
        return 'written'
      } catch (error) {
        const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
        // So it is too when a first attempt succeeded and its answer was lost.
        if (status === PRECONDITION_FAILED) return 'exists'
        if (status !== CONFLICT || conflicts >= CONFLICTS_MAX) throw error
      }
    }
  }

  async #put(name: string, bytes: Buffer): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        ...{ Bucket: this.#bucket, Key: `${this.#prefix}${name}`, Body: bytes },
        ...{ IfNoneMatch: '*', ChecksumAlgorithm: 'SHA256', ContentType: 'application/vnd.apache.parquet' },
      }),
    )
  }

  close(): void {
    this.#client.destroy()
  }
}
