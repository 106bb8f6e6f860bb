import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as apigateway from 'aws-cdk-lib/aws-apigateway'
import type * as cognito from 'aws-cdk-lib/aws-cognito'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as wafv2 from 'aws-cdk-lib/aws-wafv2'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { originName } from './region-records.ts'

const RATE_PER_SECOND = 10_000
const BURST = 5_000
const CACHE_SECONDS = 1

type RestApiProps = {
  readonly environment: Environment
  readonly userPool: cognito.IUserPool
  readonly webAclArn: string
  readonly logsKey: kms.IKey
}

/**
 * API Gateway before the gateway service, for who must have API keys and usage plans of AWS's. Off by default: at
 * 500 requests a second it costs more than everything behind it, and the gateway limits, validates and authorizes.
 */
export class RestApi extends Construct {
  constructor(scope: Construct, id: string, { environment, userPool, webAclArn, logsKey }: RestApiProps) {
    super(scope, id)
    const accessLogs = new logs.LogGroup(this, 'AccessLogs', {
      logGroupName: `/bourse/${environment.name}/api-gateway`,
      retention: environment.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const api = new apigateway.RestApi(this, 'Api', {
      restApiName: `bourse-${environment.name}`,
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      cloudWatchRole: true,
      deployOptions: {
        stageName: 'v1',
        throttlingRateLimit: RATE_PER_SECOND,
        throttlingBurstLimit: BURST,
        cacheClusterEnabled: true,
        cacheClusterSize: '0.5',
        cacheDataEncrypted: true,
        cacheTtl: Duration.seconds(CACHE_SECONDS),
        tracingEnabled: true,
        metricsEnabled: true,
        loggingLevel: apigateway.MethodLoggingLevel.ERROR,
        accessLogDestination: new apigateway.LogGroupLogDestination(accessLogs),
        accessLogFormat: apigateway.AccessLogFormat.jsonWithStandardFields(),
      },
    })
    const authorizer = new apigateway.CognitoUserPoolsAuthorizer(this, 'Traders', {
      cognitoUserPools: [userPool],
    })
    const requestValidator = api.addRequestValidator('Complete', {
      validateRequestBody: true,
      validateRequestParameters: true,
    })
    const url = `https://${originName(environment.edge.domainName)}/api/v1/{path}`
    api.root.addResource('{path+}').addMethod(
      'ANY',
      new apigateway.HttpIntegration(url, {
        httpMethod: 'ANY',
        proxy: true,
        options: { requestParameters: { 'integration.request.path.path': 'method.request.path.path' } },
      }),
      {
        authorizer,
        apiKeyRequired: true,
        requestValidator,
        requestParameters: { 'method.request.path.path': true },
      },
    )
    const plan = api.addUsagePlan('Members', { throttle: { rateLimit: RATE_PER_SECOND, burstLimit: BURST } })
    plan.addApiStage({ stage: api.deploymentStage })
    plan.addApiKey(api.addApiKey('Member'))
    new wafv2.CfnWebACLAssociation(this, 'Firewall', { resourceArn: api.deploymentStage.stageArn, webAclArn })
  }
}
