import { execa, ExecaError } from 'execa'
import { existsSync, readdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './command.ts'
import { readHostConfig, readLocalConfig, REPOSITORY } from './config.ts'
import { examine } from './doctor-check.ts'
import { CLUSTER_CHECKS, type Cluster } from './doctor-cluster.ts'
import { MACHINE_CHECKS, type Machine } from './doctor-machine.ts'
import { readManifests, type Manifest } from './doctor-manifests.ts'
import { lastLines, messageOf, StepFailure } from './failure.ts'
import { isPortFree, PORT_SETTINGS, portHolder } from './ports.ts'
import { isAlive, readRunState } from './run-state.ts'

const KUBECTL_TIMEOUT_SECONDS = 10

/** Examines this machine. Returns whether nothing is missing. */
export function examineMachine(): Promise<boolean> {
  console.log('This machine, to run and test the exchange:\n')
  return examine(MACHINE_CHECKS, thisMachine(), console.log)
}

/** Examines the cluster of the current context, for an environment of `k8s/`. Returns whether nothing is missing. */
export async function examineCluster(environment: string): Promise<boolean> {
  const manifests = readEnvironment(environment)
  console.log(`The cluster of context ${await currentContext()}, for k8s/${environment}:\n`)
  const cluster: Cluster = { environment, manifests, read: readFromCluster, nowMs: Date.now }
  return examine(CLUSTER_CHECKS, cluster, console.log)
}

function thisMachine(): Machine {
  const local = readLocalConfig()
  const { path } = readHostConfig()
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian)
    ? readdirSync(debian).map((version) => join(debian, version, 'bin'))
    : []
  const folders = [...path, ...versions]
  return {
    has: (program) => findProgram(program, folders) !== undefined,
    output: async (program, ...args) => {
      const file = findProgram(program, folders)
      return file === undefined ? undefined : (await execa(file, args, { all: true, reject: false })).all
    },
    fileExists: (file) => existsSync(join(REPOSITORY, file)),
    portHolder: async (port) => ((await isPortFree(port)) ? undefined : portHolder(port)),
    isExchangeUp: () => {
      const state = readRunState(local.BOURSE_HOME)
      return state !== undefined && isAlive(state.supervisor)
    },
    ports: Object.fromEntries(PORT_SETTINGS.map((setting) => [setting, local[setting]])),
    freeDiskBytes: async () => {
      const { bavail, bsize } = await statfs(REPOSITORY)
      return bavail * bsize
    },
    memoryBytes: totalmem,
    openFilesMax: async () => {
      const { stdout } = await execa('sh', ['-c', 'ulimit -n'])
      return stdout === 'unlimited' ? Infinity : Number(stdout)
    },
  }
}

function readEnvironment(environment: string): readonly Manifest[] {
  const manifests = readManifests(join(REPOSITORY, 'k8s', environment))
  if (manifests.length > 0) return manifests
  throw new StepFailure(`k8s/${environment} has no manifests`, {
    advice: 'Name another with --environment, or run `make manifests`.',
  })
}

/** Asked once before everything else: a cluster that does not answer lacks nothing in particular. */
async function currentContext(): Promise<string> {
  try {
    const context = await kubectl('config', 'current-context')
    await kubectl('get', '--raw', '/version')
    return context.trim()
  } catch (cause) {
    const why = cause instanceof ExecaError ? lastLines(String(cause.stderr)).at(-1) : messageOf(cause)
    throw new StepFailure(`no cluster answers: ${why}`, {
      cause,
      advice:
        'Start one (`kind create cluster --config k8s/kind/cluster.yaml`, `minikube start`) or choose it with `kubectl config use-context`.',
    })
  }
}

async function readFromCluster(path: string): Promise<unknown> {
  try {
    return JSON.parse(await kubectl('get', '--raw', path))
  } catch (error) {
    if (
      error instanceof ExecaError &&
      /NotFound|could not find the requested resource/.test(String(error.stderr))
    )
      return undefined
    throw error instanceof ExecaError
      ? new Error(String(error.stderr) || error.shortMessage, { cause: error })
      : error
  }
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await execa('kubectl', [...args, `--request-timeout=${KUBECTL_TIMEOUT_SECONDS}s`])
  return stdout
}
