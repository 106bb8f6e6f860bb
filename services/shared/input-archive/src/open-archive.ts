import { fileURLToPath } from 'node:url'
import type { ArchiveStore } from './archive-store.ts'
import { DirectoryStore } from './directory-store.ts'
import { InputArchive } from './input-archive.ts'
import { S3Store, type S3Place } from './s3-store.ts'

/** An archive by its URL: `s3://bucket/prefix`, or `file:///path`. */
export function openArchive(url: string): InputArchive {
  return new InputArchive(openStore(url))
}

/** Where files are, by the same URL. */
export function openStore(place: string): ArchiveStore {
  const url = new URL(place)
  switch (url.protocol) {
    case 'file:':
      return new DirectoryStore(fileURLToPath(url))
    case 's3:':
      return new S3Store(s3PlaceOf(url))
    default:
      throw new TypeError(`${url.href} is no place for an archive: s3: or file: is wanted`)
  }
}

/** `s3://bucket/a/b` and `s3://bucket/a/b/` are one place. */
export function s3PlaceOf(url: URL): S3Place {
  const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  return { bucket: url.hostname, prefix: path === '' ? '' : `${path}/` }
}
