import { Duration, RemovalPolicy, SecretValue } from 'aws-cdk-lib'
import * as cognito from 'aws-cdk-lib/aws-cognito'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs'
import * as logs from 'aws-cdk-lib/aws-logs'
import { type Construct } from 'constructs'
import { fileURLToPath } from 'node:url'
import { BourseStack, type SiteProps } from '../stack.ts'

const PASSWORD_LENGTH_MIN = 12
/** Who lists symbols and moves money: the role that the gateway asks for. */
const OPERATORS = 'operator'

/** Who traders are: e-mail and password or Google, a second factor, devices that can be revoked. */
export class IdentityStack extends BourseStack {
  readonly userPool: cognito.UserPool
  readonly client: cognito.UserPoolClient

  constructor(scope: Construct, props: SiteProps & { readonly logsKey: kms.IKey }) {
    super(scope, 'Identity', {
      ...props,
      description: 'Cognito user pool, its client and its second factor',
      dataClassification: 'restricted',
    })
    const { immutable } = this.config.data
    this.userPool = new cognito.UserPool(this, 'Users', {
      userPoolName: this.localName('users'),
      featurePlan: cognito.FeaturePlan.PLUS,
      standardThreatProtectionMode: cognito.StandardThreatProtectionMode.FULL_FUNCTION,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      selfSignUpEnabled: true,
      autoVerify: { email: true },
      keepOriginal: { email: true },
      // Required in production; elsewhere a test user may do without.
      mfa: this.config.name === 'production' ? cognito.Mfa.REQUIRED : cognito.Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      deviceTracking: { challengeRequiredOnNewDevice: true, deviceOnlyRememberedOnUserPrompt: true },
      accountRecovery: cognito.AccountRecovery.EMAIL_ONLY,
      passwordPolicy: {
        minLength: PASSWORD_LENGTH_MIN,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(1),
      },
      deletionProtection: immutable,
      removalPolicy: immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
    this.userPool.addGroup('Operators', { groupName: OPERATORS, description: 'Role of the gateway' })
    this.userPool.addTrigger(
      cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG,
      this.#claims(props.logsKey),
      cognito.LambdaVersion.V2_0,
    )
    this.userPool.addDomain('SignIn', {
      cognitoDomain: { domainPrefix: `${this.localName('sign-in')}-${this.account}` },
      managedLoginVersion: cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    })
    this.client = this.#client()
  }

  #client(): cognito.UserPoolClient {
    const google = this.#google()
    const providers = [cognito.UserPoolClientIdentityProvider.COGNITO]
    if (google !== undefined) providers.push(cognito.UserPoolClientIdentityProvider.GOOGLE)
    const client = this.userPool.addClient('Web', {
      generateSecret: false,
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      authFlows: { userSrp: true },
      supportedIdentityProviders: providers,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
        callbackUrls: [...this.config.edge.callbackUrls],
      },
      accessTokenValidity: Duration.minutes(15),
      idTokenValidity: Duration.minutes(15),
      refreshTokenValidity: Duration.days(7),
    })
    if (google !== undefined) client.node.addDependency(google)
    new cognito.CfnManagedLoginBranding(this, 'SignInStyle', {
      userPoolId: this.userPool.userPoolId,
      clientId: client.userPoolClientId,
      useCognitoProvidedValues: true,
    })
    return client
  }

  #claims(logsKey: kms.IKey): lambda.IFunction {
    const functionName = this.localName('token-claims')
    const logGroup = new logs.LogGroup(this, 'ClaimsLog', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: this.config.operations.logRetentionDays,
      encryptionKey: logsKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new iam.Role(this, 'ClaimsRole', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    })
    logGroup.grantWrite(role)
    return new NodejsFunction(this, 'Claims', {
      ...{ functionName, role, logGroup },
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      entry: fileURLToPath(new URL('token-claims.ts', import.meta.url)),
      depsLockFilePath: fileURLToPath(new URL('../../../package-lock.json', import.meta.url)),
      projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
    })
  }

  #google(): cognito.UserPoolIdentityProviderGoogle | undefined {
    const secretName = this.config.edge.googleClientSecretName
    if (secretName === undefined) return undefined
    const read = (field: string) => SecretValue.secretsManager(secretName, { jsonField: field })
    return new cognito.UserPoolIdentityProviderGoogle(this, 'Google', {
      userPool: this.userPool,
      clientId: read('clientId').unsafeUnwrap(),
      clientSecretValue: read('clientSecret'),
      scopes: ['openid', 'email'],
      attributeMapping: { email: cognito.ProviderAttribute.GOOGLE_EMAIL },
    })
  }
}
