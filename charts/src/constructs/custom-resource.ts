import { ApiObject } from 'cdk8s'
import type { Construct } from 'constructs'

type CustomResource = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata?: { readonly name?: string }
}

/** An object whose kind Kubernetes does not know by itself; its type says what it may hold. */
export function customResource<Resource extends CustomResource>(
  scope: Construct,
  id: string,
  resource: Resource,
): void {
  new ApiObject(scope, id, resource as Resource & { metadata: object })
}
