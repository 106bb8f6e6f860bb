import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type ServerCertificate = {
  readonly certificate: string
  readonly key: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** A certificate for 127.0.0.1 and localhost that is its own authority, made by openssl in `folder`. */
export function makeServerCertificate(folder: string, name = 'server'): ServerCertificate {
  const certificateFile = join(folder, `${name}.crt`)
  const keyFile = join(folder, `${name}.key`)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certificateFile, '-days', '2', ...names], {
    stdio: 'pipe',
  })
  const [certificate, keyText] = [readFileSync(certificateFile, 'utf8'), readFileSync(keyFile, 'utf8')]
  return { certificate, key: keyText, certificateFile, keyFile }
}
