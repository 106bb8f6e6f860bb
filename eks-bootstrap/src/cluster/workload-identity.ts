import * as eks from 'aws-cdk-lib/aws-eks'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { OPERATORS, type Place, workloadsAt, workloadStatements } from './workload-policies.ts'

type WorkloadIdentityProps = {
  readonly place: Place
  readonly clusterName: string
  /** Where the exchange's service accounts live; they bear the services' names. */
  readonly namespace: string
}

/** A role for each service account through Pod Identity: no keys, no shared role, no instance credentials. */
export class WorkloadIdentity extends Construct {
  readonly #clusterName: string
  readonly #place: Place

  constructor(scope: Construct, id: string, { place, clusterName, namespace }: WorkloadIdentityProps) {
    super(scope, id)
    this.#clusterName = clusterName
    this.#place = place
    for (const [name, workload] of workloadsAt(place)) {
      this.#associate(namespace, name, workloadStatements(name, workload, place))
    }
    for (const { namespace: home, name, statements } of OPERATORS)
      this.#associate(home, name, statements(place))
  }

  #associate(namespace: string, serviceAccount: string, statements: readonly iam.PolicyStatement[]): void {
    const { environment, region } = this.#place
    const role = new iam.Role(this, `${serviceAccount}-role`, {
      roleName: workloadRoleName(environment.name, serviceAccount, region),
      description: `Pods of ${namespace}/${serviceAccount}`,
      assumedBy: new iam.SessionTagsPrincipal(
        new iam.ServicePrincipal('pods.eks.amazonaws.com', {
          conditions: { StringEquals: { 'aws:SourceAccount': environment.account } },
        }),
      ),
      inlinePolicies: { allowed: new iam.PolicyDocument({ statements: [...statements] }) },
    })
    new eks.CfnPodIdentityAssociation(this, serviceAccount, {
      clusterName: this.#clusterName,
      namespace,
      serviceAccount,
      roleArn: role.roleArn,
    })
  }
}

/** Role names are global to the account, and both regions have one of each. */
export function workloadRoleName(environmentName: string, serviceAccount: string, region: string): string {
  return `bourse-${environmentName}-${serviceAccount}-${region}`
}
