/** Contexts of kind and minikube: clusters on this machine, where a test may stop nodes. */
const ON_THIS_MACHINE = /^(?:kind-.+|minikube(?:-.+)?)$/

/**
 * The context to test on: the current one. The tests delete pods and stop nodes, so any other than kind's and
 * minikube's has to be asked for by name.
 */
export function testableContext(current: string, asked: string | undefined): string {
  if (asked !== undefined && asked !== current)
    throw new Error(`BOURSE_K8S_CONTEXT is ${asked}, but the current context is ${current}`)
  if (asked === undefined && !ON_THIS_MACHINE.test(current))
    throw new Error(
      `the context ${current} is neither kind's nor minikube's: these tests delete pods and stop nodes. ` +
        `BOURSE_K8S_CONTEXT=${current} allows it`,
    )
  return current
}
