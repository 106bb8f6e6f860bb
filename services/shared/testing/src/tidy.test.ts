import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import ts from 'typescript'

type Source = { readonly path: string; readonly text: string }
type Rule = {
  readonly name: string
  readonly where: RegExp
  readonly forbids: RegExp
  readonly instead: string
}

const FUNCTION_LINES_MAX = 70
const FILE_LINES_MAX = 500

const root = execFileSync('git', ['rev-parse', '--show-toplevel'], { encoding: 'utf8' }).trim()
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)))
const sources: readonly Source[] = tracked
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
const shipped = sources.filter(({ path }) => !/\.(test|itest|ktest|bench)\.ts$/.test(path))

/** Tools that people run in a terminal: they print and read the environment as such tools do. */
const TERMINAL = '(?:local|simulation|operator)'

const rules: readonly Rule[] = [
  {
    name: 'reads the environment only in config.ts',
    where: new RegExp(`^services/(?!${TERMINAL}/)(?!.*config\\.ts$)(?!.*migrate\\.ts$)`),
    forbids: /process\.env/,
    instead: 'take a value from config',
  },
  {
    name: 'keeps clocks, chance and I/O out of the cores and the protocol',
    where: /^services\/(?:[^/]+\/src\/core|shared\/(?:protocol|domain)\/src)\//,
    forbids: /Date\.now|new Date\(|Math\.random|performance\.now|setTimeout|from 'node:|process\./,
    instead: 'pass it in the command',
  },
  {
    name: 'logs through pino',
    where: new RegExp(`^services/(?!${TERMINAL}/)`),
    forbids: /console\.(log|info|warn|error)/,
    instead: 'use the service logger',
  },
  {
    name: 'reaches Kafka only through the platform',
    where: /^services\/(?!shared\/platform\/src\/kafka\/)(?!local\/)/,
    forbids: /from 'node-rdkafka'/,
    instead: "use '@bourse/platform/kafka/…'",
  },
  {
    name: 'ends processes only in the lifecycle',
    where: new RegExp(`^services/(?!${TERMINAL}/)(?!shared/platform/src/lifecycle\\.ts)`),
    forbids: /process\.exit\(/,
    instead: 'abort the shutdown controller',
  },
  {
    name: 'has no type that allows everything',
    where: /./,
    forbids: /(?:: any\b|<any>|as any\b|@ts-ignore)/,
    instead: 'say the type',
  },
]

/** Rooms without a name. */
const BANNED_NAMES = /^(?:utils?|helpers?|common|types|misc|index)\.ts$/

describe('the code', function () {
  // The compiler parses every file, and whatever else runs beside it takes its time.
  this.timeout(180_000)

  for (const { name, where, forbids, instead } of rules) {
    it(name, () => {
      const offenders = shipped
        .filter(({ path, text }) => where.test(path) && forbids.test(text))
        .map(({ path }) => path)
      assert.deepEqual(offenders, [], `${instead} in`)
    })
  }

  it('names every file after what is in it', () => {
    assert.deepEqual(
      tracked.filter((path) => BANNED_NAMES.test(basename(path))),
      [],
    )
  })

  it(`keeps functions within ${FUNCTION_LINES_MAX} lines`, () => {
    assert.deepEqual(shipped.flatMap(longFunctions), [])
  })

  it(`keeps files within ${FILE_LINES_MAX} lines`, () => {
    const long = shipped.filter(
      ({ path, text }) => path.startsWith('services/') && text.split('\n').length > FILE_LINES_MAX,
    )
    assert.deepEqual(
      long.map(({ path }) => path),
      [],
    )
  })

  it('declares every package it imports', () => {
    const undeclared = sources.flatMap(({ path, text }) => {
      const manifest = manifestOf(path)
      const known = new Set([
        manifest.name,
        ...Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }),
        ...Object.keys(rootManifest.devDependencies ?? {}),
      ])
      return importedPackages(text)
        .filter((name) => !known.has(name))
        .map((name) => `${path} imports ${name}`)
    })
    assert.deepEqual(undeclared, [])
  })

  it('lets no service import another, but for the tools that look at several', () => {
    const engines = ['risk-engine', 'matching-engine']
    const services = ['gateway', 'settlement', 'market-data', 'archive', 'analytics', ...engines]
    const offenders = sources.flatMap(({ path, text }) => {
      const own = /^services\/([^/]+)\//.exec(path)?.[1] ?? ''
      if (!services.includes(own)) return []
      return services
        .filter((other) => other !== own && importedPackages(text).includes(`@bourse/${other}`))
        .map((other) => `${path} imports ${other}`)
    })
    assert.deepEqual(offenders, [])
  })

  it('waits in every service for what it needs: whoever deploys needs no order', () => {
    const running = shipped.filter(({ text }) => text.includes('await runService('))
    assert.ok(running.length >= 4, 'the services are found')
    const offenders = running.filter(({ text }) => !text.includes('await untilPrepared('))
    assert.deepEqual(
      offenders.map(({ path }) => path),
      [],
    )
  })

  it('composes in main.ts within 60 lines', () => {
    const long = shipped.filter(
      ({ path, text }) => /^services\/[^/]+\/src\/main\.ts$/.test(path) && text.split('\n').length > 61,
    )
    assert.deepEqual(
      long.map(({ path }) => path).filter((path) => !new RegExp(TERMINAL).test(path)),
      [],
    )
  })
})

describe('the repository', () => {
  const TOP_LEVEL =
    /^(?:charts|k8s|services|eks-bootstrap|load-tests|package\.json|tsconfig\.json|Makefile|skaffold\.yaml)$/

  it('keeps its top-level entries: documents and dotfiles aside, they are fixed', () => {
    const entries = [...new Set(tracked.map((path) => path.split('/')[0] ?? ''))]
    const others = entries.filter(
      (entry) => !TOP_LEVEL.test(entry) && !entry.startsWith('.') && !/\.md$|^LICENSE$/.test(entry),
    )
    assert.deepEqual(others, ['package-lock.json'])
  })

  it('finds every file that a document links to', () => {
    const missing = tracked
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => {
        const text = readFileSync(join(root, path), 'utf8')
        return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
          .filter(([, target = '']) => !existsSync(join(root, dirname(path), target)))
          .map(([, target]) => `${path} links to ${target}`)
      })
    assert.deepEqual(missing, [])
  })
})

type Manifest = {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
}

const rootManifest = readManifest('.')

function manifestOf(path: string): Manifest {
  let folder = dirname(path)
  while (!existsSync(join(root, folder, 'package.json'))) folder = dirname(folder)
  return readManifest(folder)
}

/** Names of the packages that a file imports, Node's own left out. */
function importedPackages(text: string): string[] {
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
}

function longFunctions({ path, text }: Source): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = file.getLineAndCharacterOfPosition(node.getStart()).line
      const last = file.getLineAndCharacterOfPosition(node.end).line
      if (last - first + 1 > FUNCTION_LINES_MAX)
        found.push(`${path}:${first + 1} has ${last - first + 1} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
