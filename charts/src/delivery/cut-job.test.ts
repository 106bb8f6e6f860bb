import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parse } from 'yaml'
import { rendered } from '../testing/rendered.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
const OPTIONS = ['--from-archive', 's3://bucket/epoch-1', '--open']

/** The gates hold it to their rules, with the environment that it belongs to. */
for (const environment of ['dev', 'staging', 'production', 'production-standby', 'local'] as const)
  describe(`The Job that makes a cut in ${environment}`, () => {
    let text: string
    before(() => {
      const command = ['--conditions=@bourse/source', '--import', 'tsx', 'charts/src/delivery/cut-job.ts']
      const manifests = `k8s/${environment}/30-operator.yaml`
      const options = { cwd: REPOSITORY, encoding: 'utf8' } as const
      text = JSON.stringify(
        parse(execFileSync(process.execPath, [...command, manifests, ...OPTIONS], options)),
      )
    })

    it('has its settings itself: nothing of the operator is applied before it', () => {
      assert.doesNotMatch(text, /envFrom/)
      assert.match(text, /\{"name":"KAFKA_BROKERS","value":"\S+:\d+"\}/)
      assert.match(text, /"name":"DATABASE_URL","valueFrom"/)
    })

    it('runs the command with its options, once, and has time and memory', () => {
      assert.match(
        text,
        /"services\/operator\/dist\/main.js","cut","--from-archive","s3:\/\/bucket\/epoch-1","--open"\]/,
      )
      assert.match(text, /"backoffLimit":0/)
      assert.doesNotMatch(text, /activeDeadlineSeconds|argocd|"prepare"|STANDBY_REGION/)
      assert.equal(text.match(/"memory":"3Gi"/g)?.length, 2)
    })

    if (environment !== 'local' && environment !== 'production-standby')
      it('may reach S3', () => {
        const policy = rendered(environment).find(
          ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'cut',
        )
        assert.match(
          JSON.stringify(policy),
          /\{"ports":\[\{"port":443,"protocol":"TCP"\}\],"to":\[\{"ipBlock":\{"cidr":"0.0.0.0\/0"\}\}\]\}/,
        )
      })
  })
