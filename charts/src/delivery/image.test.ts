import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { serviceEnvironment } from '@bourse/platform/config'
import { environmentProblems } from '../gates/service-environments.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8')

describe('The image', () => {
  const runtime =
    read('services/Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? ''
  const declared = [...runtime.matchAll(/^ARG (\w+)/gm)].map(([, name]) => name)

  it('tells its services which commit it was made of, by a variable that they read', () => {
    const [, variable = '', argument] = /^ENV (\w+)=\$\{(\w+):-unreleased\}$/m.exec(runtime) ?? []
    assert(variable in serviceEnvironment, `services do not read ${variable}`)
    assert(declared.includes(argument), `${argument} is no argument of the image's last stage`)
    assert.match(read('k8s/delivery/image.sh'), new RegExp(`--build-arg "${argument}=`))
  })

  it('declares every argument that it is built with', () => {
    const given = [...read('k8s/delivery/image.sh').matchAll(/--build-arg "(\w+)=/g)].map(([, name]) => name)
    assert.deepEqual(given.toSorted(), declared.toSorted())
  })
})

/** They run on a developer's machine, and in no cluster. */
const TOOLS = ['local', 'simulation']

describe('A service', () => {
  const services = readdirSync(join(REPOSITORY, 'services')).filter(
    (name) => !TOOLS.includes(name) && existsSync(join(REPOSITORY, 'services', name, 'src/main.ts')),
  )
  const dockerfile = read('services/Dockerfile')
  const compiled = /^RUN npx tsc -b (.*)$/m.exec(dockerfile)?.[1]?.split(' ')
  const listed = /^for service in (.*); do$/m.exec(read('k8s/delivery/sbom.sh'))?.[1]?.split(' ')

  for (const service of services) {
    it(`${service} has its packages in the image, is compiled for it, and is listed with what is in it`, () => {
      const manifest = `services/${service}/package.json`
      assert(dockerfile.includes(`\nCOPY ${manifest} services/${service}/\n`), `no COPY of ${manifest}`)
      assert(compiled?.includes(`services/${service}`), 'not compiled in services/Dockerfile')
      assert(listed?.includes(service), 'not in k8s/delivery/sbom.sh')
    })

    it(`${service} has an environment that the gates know`, () => {
      const command = [
        'node',
        `services/${service}/dist/main.js`,
        ...(service === 'operator' ? ['prepare'] : []),
      ]
      const problems = environmentProblems({ name: service, image: '', command }, [])
      assert.deepEqual(
        problems.filter((problem) => problem.includes('is no process of ours')),
        [],
      )
    })
  }

  it('is looked for where services are', () => assert(services.length >= 8))
})
