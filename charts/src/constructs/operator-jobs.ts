import { ApiObject, Cron, Duration, JsonPatch } from 'cdk8s'
import {
  ConcurrencyPolicy,
  ConfigMap,
  type ContainerProps,
  CronJob,
  Env,
  type ImagePullPolicy,
  type IServiceAccount,
  Job,
  type JobProps,
  RestartPolicy,
  Volume,
} from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import type { Resources } from '../values/schema.ts'
import { checksum } from './checksum.ts'
import { completePod, containerSecurity, podSecurity } from './hardening.ts'
import { type WAVE, inWave, labelsOf } from './labels.ts'
import {
  databaseCaVariable,
  mountDatabaseCa,
  mountPasswords,
  mountTmp,
  operatorCommand,
  passwordVariables,
} from './pod-parts.ts'
import { containerResources } from './quantities.ts'
import { type SecretReference, namedSecret, secretVariables } from './secret-reference.ts'
import type { Surroundings } from './surroundings.ts'

const DAY = Duration.days(1)
const RETRIES_MAX = 6
const HASH_LENGTH = 8

export type OperatorJobProps = {
  /** The operator's command, which is the Job's name too. */
  readonly command: string
  readonly image: string
  readonly pullPolicy: ImagePullPolicy
  readonly resources: Resources
  readonly serviceAccount: IServiceAccount
  readonly settings: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, SecretReference>>
  /** A Secret whose keys are files in a folder. */
  readonly secretFolder?: { readonly path: string; readonly secret: string; readonly keys: readonly string[] }
  /** With which authorities the database is verified. */
  readonly databaseCa?: Surroundings['databaseCa']
  /** The Job talks to the cluster's API. */
  readonly usesToken?: boolean
  readonly timeoutSeconds: number
}

/**
 * Runs a command of the operator once. Jobs cannot be changed, so the name carries a hash of the pod: another image or
 * setting is another Job.
 */
export class OperatorJob extends Construct {
  constructor(scope: Construct, id: string, props: OperatorJobProps & { readonly wave: keyof typeof WAVE }) {
    super(scope, id)
    const job = new Job(this, 'Job', {
      ...jobProps(props),
      ttlAfterFinished: DAY,
      metadata: {
        name: props.command,
        labels: labelsOf(props.command, 'job'),
        annotations: {
          ...inWave(props.wave),
          'argocd.argoproj.io/hook': 'Sync',
          'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
        },
      },
    })
    addCommand(this, job, props)
    completePod(job, { priorityClassName: 'bourse-jobs' }, props.resources)
    const object = ApiObject.of(job)
    const { spec } = object.toJson() as { spec: { template: unknown } }
    const hash = checksum(spec.template).slice(0, HASH_LENGTH)
    object.addJsonPatch(JsonPatch.replace('/metadata/name', `${props.command}-${hash}`))
  }
}

/** Runs a command of the operator again and again, never twice at a time. */
export class OperatorCronJob extends Construct {
  constructor(scope: Construct, id: string, props: OperatorJobProps & { readonly schedule: string }) {
    super(scope, id)
    const [minute, hour, day, month, weekDay] = props.schedule.split(' ')
    const labels = labelsOf(props.command, 'job')
    const job = new CronJob(this, 'CronJob', {
      ...jobProps(props),
      metadata: { name: props.command, labels, annotations: inWave('services') },
      schedule: Cron.schedule({ minute, hour, day, month, weekDay }),
      concurrencyPolicy: ConcurrencyPolicy.FORBID,
      startingDeadline: Duration.minutes(5),
      // A Job that somebody makes from it counts too, and has to be there until its log is read.
      successfulJobsRetained: 3,
      failedJobsRetained: 3,
    })
    addCommand(this, job, props)
    const podSpec = '/spec/jobTemplate/spec/template/spec'
    completePod(job, { priorityClassName: 'bourse-jobs' }, props.resources, podSpec)
  }
}

function dataOf({ settings, databaseCa = null, secrets = {} }: OperatorJobProps): Record<string, string> {
  return {
    NODE_ENV: 'production',
    UV_THREADPOOL_SIZE: '16',
    ...settings,
    ...databaseCaVariable(databaseCa),
    ...passwordVariables(secrets),
  }
}

function jobProps(props: OperatorJobProps): JobProps {
  const { command, serviceAccount, usesToken = false, timeoutSeconds } = props
  return {
    podMetadata: {
      labels: labelsOf(command, 'job'),
      annotations: { 'bourse.dev/config-checksum': checksum(dataOf(props)) },
    },
    ...{ serviceAccount, automountServiceAccountToken: usesToken },
    securityContext: podSecurity,
    restartPolicy: RestartPolicy.ON_FAILURE,
    backoffLimit: RETRIES_MAX,
    activeDeadline: Duration.seconds(timeoutSeconds),
  }
}

function addCommand(scope: Construct, job: Job | CronJob, props: OperatorJobProps): void {
  const { command, image, pullPolicy, resources, secrets = {}, secretFolder, databaseCa = null } = props
  const config = new ConfigMap(scope, 'Config', {
    metadata: { name: command, labels: labelsOf(command, 'job'), annotations: inWave('foundation') },
    data: dataOf(props),
  })
  const container: ContainerProps = {
    name: command,
    image,
    imagePullPolicy: pullPolicy,
    command: operatorCommand(command),
    envFrom: [Env.fromConfigMap(config)],
    envVariables: secretVariables(scope, secrets),
    resources: containerResources(resources),
    securityContext: containerSecurity,
  }
  const added = job.addContainer(container)
  mountTmp(scope, added)
  mountDatabaseCa(scope, databaseCa, added)
  mountPasswords(scope, secrets, added)
  if (secretFolder === undefined) return
  const { path, secret, keys } = secretFolder
  const items = Object.fromEntries(keys.map((key) => [key, { path: key }]))
  const source = namedSecret(scope, secret)
  added.mount(path, Volume.fromSecret(scope, 'Folder', source, { name: secret, items }), { readOnly: true })
}
