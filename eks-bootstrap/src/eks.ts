/**
 * The only import of the EKS constructs. They graduated: to leave the alpha, put `aws-cdk-lib/aws-eks-v2` in the line
 * below. The tests build the cluster with both and compare the templates.
 */
export * from '@aws-cdk/aws-eks-v2-alpha'
