import { containersOf, nameOf, pods, type Container, type PodSpec } from './manifest.ts'
import type { Rule } from './rule.ts'
import { variablesOf } from './service-environments.ts'

/** Addresses that stand in a Secret with the password of their server. */
const ADDRESS = /^(DATABASE|REDIS)_(?:READ_)?URL$/

/** A variable stays as it was when the process began; a password does not. */
export const passwordRules: readonly Rule[] = [
  {
    name: 'passwords-follow-their-secret',
    check: (objects) =>
      pods(objects).flatMap(({ owner, spec }) =>
        containersOf(spec).flatMap((container) =>
          addressesOf(container)
            .filter(
              ({ secret, file }) =>
                !follows(spec, container, secret, variablesOf(container, objects).get(file)),
            )
            .map(({ secret, file }) => ({
              at: nameOf(owner),
              problem: `${container.name}: ${file} names no file of Secret/${secret} that the kubelet keeps current`,
            })),
        ),
      ),
  },
]

/** The Secret of each address, and the variable that should name the file of its password. */
function addressesOf({ env = [] }: Container): readonly { readonly secret: string; readonly file: string }[] {
  return env.flatMap(({ name, valueFrom }) => {
    const secret = valueFrom?.secretKeyRef?.name
    const server = ADDRESS.exec(name)?.[1]
    return secret === undefined || server === undefined ? [] : [{ secret, file: `${server}_PASSWORD_FILE` }]
  })
}

/** Whether a file is of a Secret's volume. What is mounted by `subPath` is never replaced. */
function follows(
  { volumes = [] }: PodSpec,
  { volumeMounts = [] }: Container,
  secretName: string,
  file: string | undefined,
): boolean {
  return volumeMounts.some(({ name, mountPath, subPath }) => {
    const secret = volumes.find((volume) => volume.name === name)?.secret
    if (secret?.secretName !== secretName || subPath !== undefined) return false
    return (secret.items ?? []).some(({ path }) => `${mountPath}/${path}` === file)
  })
}
