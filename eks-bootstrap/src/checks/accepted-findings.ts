/** A finding of the rule pack that is meant: which rule, where, and why it stays. */
export type AcceptedFinding = { readonly rule: RegExp; readonly path: RegExp; readonly reason: string }

/** Every exception there is. A row that nothing needs any more fails a test. */
export const ACCEPTED_FINDINGS: readonly AcceptedFinding[] = [
  {
    rule: /^AwsSolutions-EC23$/,
    path: /\/SecurityGroups\/loadBalancer\//,
    reason: 'The exchange is public: HTTPS alone is open.',
  },
  {
    rule: /^AwsSolutions-S1$/,
    path: /\/(AccessLogs|Content\/Logs)\/Resource$/,
    reason: 'A bucket that receives access logs would log itself.',
  },
  {
    rule: /^AwsSolutions-VPC3$/,
    path: /\/NetworkAcls\//,
    reason: 'Network ACLs are asked for: a denylist at the edge, an allowlist around the data.',
  },
  {
    rule: /^AwsSolutions-(AEC5|RDS11)$/,
    path: /\/Data\/(Redis\/Group|Aurora)|\/StandbyData\/(Redis\/Group|Aurora|StandbyExchange)/,
    reason: 'The table of ports asks for 5432 and 6379; no security group lets anyone but pods near them.',
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*Amazon(EKS|EC2ContainerRegistry|ElasticContainerRegistryPublic)/,
    path: /Cluster\/(Cluster\/(Role|KubectlProvider)|NodeRole|Engines\/Role)/,
    reason: 'EKS prescribes these policies for its control plane, its nodes and the kubectl handler.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:aws:ec2:/,
    path: /Cluster\/Cluster\/Role\//,
    reason:
      "Auto Mode makes machines and volumes whose ids nobody knows yet: bound to those tagged as this cluster's.",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AWSLambda(Basic|VPCAccess)Execution/,
    path: /KubectlProvider|\/AWS679f53fac002430cb0da5b7982bd2287\//,
    reason: "CDK's own handlers: they write their log, and the kubectl handler stands in the VPC.",
  },
  {
    rule: /^AwsSolutions-(IAM4\[Policy::.*AWSLambdaBasicExecution|IAM5\[Resource::(\*|<.*Arn>:\*)\]|SF[12])/,
    path: /\/Data\/ReplicationSource\//,
    reason:
      "CDK's waiter and its two functions, run once: subnets have no resource to name, versions of one function do.",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AWSFaultInjectionSimulator/,
    path: /\/Drills\/Zone\/Role\//,
    reason: "Fault injection's own policies for the actions of the zone drill.",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AWS_ConfigRole/,
    path: /\/Compliance\/RecorderRole\//,
    reason: 'Config must read every resource type there is; AWS keeps that list.',
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AmazonRDSEnhancedMonitoringRole/,
    path: /\/(Aurora|StandbyExchange)\/Cluster\/MonitoringRole\/|\/AuroraMonitoring\//,
    reason: 'RDS prescribes this policy for its enhanced metrics.',
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AWSBackupServiceRolePolicy/,
    path: /\/Backup\//,
    reason: "Backup's own policies: it reads and restores whatever the tag chose.",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AdministratorAccess/,
    path: /\/Organization\/BreakGlass$/,
    reason: 'Breaking the glass is for the day when nothing less would do; its use raises an alarm.',
  },
  {
    rule: /^AwsSolutions-IAM5\[(Action::(kms:(GenerateDataKey|ReEncrypt)|s3:Abort)\*|Resource::.*(AWSLogs|logs|stream)\/\*)/,
    path: /RecorderRole|RotationRole|DeliveryRole|TradeStream\/Role|Replication\/Role/,
    reason: 'Verbs of one kind on one key, and objects under one prefix of one bucket.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::/,
    path: /\/Storage\/Replication\/Role\//,
    reason: 'Replication copies every object of its three buckets, and nothing else.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:aws:(es|kafka|kms|logs|s3|secretsmanager|ssm|elasticfilesystem):/,
    path: /Addons\/Identity\//,
    reason:
      "A cluster's uuid, a key known by its alias, and what lies under one name: all bound by conditions.",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    path: /Addons\/Identity\/(collector|cloudwatch-agent|efs-csi-controller-sa)-role/,
    reason: 'X-Ray, metric data and zones have no resource to name; metrics are bound to one namespace.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    path: /RotationRole|\/Cost\/|\/Drills\/|Failover\/|\/Dax|Edge\/Api/,
    reason: 'Random passwords, enrolment, log delivery and traces have no resource to name.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    path: /\/Organization\/TrustCloudTrail\//,
    reason: 'The switch has no resource to name; it is bound to one service.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:aws:iam::\*:role\/aws-service-role/,
    path: /\/Cost\/ComputeOptimizer\//,
    reason: "Compute Optimizer's own service-linked role, by its name.",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::<.*Handler.*Arn>:\*\]$/,
    path: /KubectlProvider\/Provider/,
    reason: "CDK's provider calls the versions of its one handler.",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:aws:kafka:/,
    path: /\/StandbyData\/ReplicatorRole\//,
    reason: 'The replicator copies every topic and group of the log; that is its purpose.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::arn:aws:s3:::bourse-/,
    path: /\/Compliance\/RemediationRole\//,
    reason: 'Repairs whichever bucket of the exchange breaks the rule.',
  },
  {
    rule: /^AwsSolutions-RDS10$/,
    path: /^(dev|staging)\/Data\/Aurora\//,
    reason: 'These environments are torn down by one command; production is protected.',
  },
  {
    rule: /^AwsSolutions-COG2$/,
    path: /^(dev|staging)\/Identity\//,
    reason: 'A test user may do without a second factor; production requires one.',
  },
  {
    rule: /^AwsSolutions-L1$/,
    path: /KubectlProvider\/Handler/,
    reason: "CDK's own handler, on the runtime that CDK tests it with.",
  },
  {
    rule: /^AwsSolutions-IAM5\[(Action::|Resource::)/,
    path: /\/Integrations\/(DaxRole|WarehouseRole)\//,
    reason: 'Verbs of one kind on one key, one prefix of the archive and the tables of one database.',
  },
  {
    rule: /^AwsSolutions-IAM5\[Action::kms:(List|Describe)\*\]$/,
    path: /\/Integrations\/AWS679f53fac002430cb0da5b7982bd2287\//,
    reason: "OpenSearch's access policy is set by CDK's handler, which looks its key up.",
  },
  {
    rule: /^AwsSolutions-IAM4\[Policy::.*AmazonAPIGatewayPushToCloudWatchLogs/,
    path: /\/Edge\/Api\//,
    reason: 'API Gateway prescribes this policy for its logs.',
  },
  {
    rule: /^AwsSolutions-OS3$/,
    path: /\/Integrations\/Search\//,
    reason: 'The domain has no public address: its security group lets pods in on one port.',
  },
  {
    rule: /^AwsSolutions-(KDF1|KDS3)$/,
    path: /\/Integrations\/TradeStream\//,
    reason: "The stream is encrypted with the exchange's own key, and delivery reads it encrypted.",
  },
]
