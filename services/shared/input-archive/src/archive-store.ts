/**
 * Where an archive's files are. Names have folders in them, between slashes, and are below the place that the store was
 * opened for. A store retries by itself, up to limits of its own; what it throws is final.
 */
export type ArchiveStore = {
  /** How people name the place: `s3://bucket/prefix/`. */
  readonly place: string
  /** The names in a folder (without it, and without what is in folders below), ascending, from the one after `after` on. */
  list(folder: string, after?: string): AsyncIterable<string>
  /** The names of the folders in a folder (without it and without a slash), ascending. */
  folders(folder: string): AsyncIterable<string>
  read(name: string): Promise<Buffer>
  /** Writes a file that is whole and durable when this resolves. One that exists is left as it is. */
  writeOnce(name: string, bytes: Buffer): Promise<'written' | 'exists'>
  close(): void
}
