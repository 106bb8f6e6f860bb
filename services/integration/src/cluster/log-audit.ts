import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { decodeFrame } from '@bourse/protocol/frame'
import { topics } from '@bourse/protocol/streams'
import ts from 'typescript'
import type { Cluster } from './cluster.ts'
import { StreamAudit, type AuditReport } from './stream-audit.ts'

const HEADER_BYTES = 7
const TIMEOUT_MS = 180_000

/** Reads the exchange's logs from beginning to end, from inside the cluster, and audits every stream in them. */
export async function auditLogs(cluster: Cluster): Promise<AuditReport> {
  const pod = (await cluster.pods('settlement')).find(({ ready }) => ready)
  if (pod === undefined) throw new Error('no settlement pod is ready')
  const dump = ['exec', '-i', pod.name, '--', 'node', '--input-type=module', '-', 'kafka:9092', ...topics]
  const packed = await cluster.kubectl.bytes(dump, { input: await dumpProgram(), timeoutMs: TIMEOUT_MS })
  const audit = new StreamAudit()
  for (const { partition, value } of recordsIn(await promisify(gunzip)(packed)))
    audit.add(partition, decodeFrame(value))
  return audit.report()
}

/** As JavaScript: pods have what was compiled, and no TypeScript. */
async function dumpProgram(): Promise<string> {
  const source = await readFile(join(import.meta.dirname, 'log-dump.ts'), 'utf8')
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  return ts.transpileModule(source, { compilerOptions }).outputText
}

function* recordsIn(dump: Buffer): Generator<{ partition: string; value: Buffer }> {
  for (let at = 0; at < dump.length;) {
    const topic = topics[dump.readUInt8(at)] ?? ''
    const partition = dump.readUInt16LE(at + 1)
    const end = at + HEADER_BYTES + dump.readUInt32LE(at + 3)
    yield { partition: `${topic}/${partition}`, value: dump.subarray(at + HEADER_BYTES, end) }
    at = end
  }
}
