import assert from 'node:assert/strict'
import { Match } from 'aws-cdk-lib/assertions'
import { handler } from './token-claims.ts'
import { flat, resources } from '../testing/resources.ts'
import { environment, everyFeature, pick, synthesize, template } from '../testing/templates.ts'

const edge = () => template('production', 'Edge')
const all = () => pick(everyFeature(), 'Edge')

describe('Entry', () => {
  it('ends TLS 1.3 at a public load balancer that drops malformed headers', () => {
    edge().hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      Scheme: 'internet-facing',
      LoadBalancerAttributes: Match.arrayWith([
        { Key: 'deletion_protection.enabled', Value: 'true' },
        { Key: 'routing.http.drop_invalid_header_fields.enabled', Value: 'true' },
      ]),
    })
    edge().hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
      Port: 443,
      Protocol: 'HTTPS',
      SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06',
    })
  })

  it('routes by path, and keeps a WebSocket with its pod', () => {
    const rules = resources(edge(), 'AWS::ElasticLoadBalancingV2::ListenerRule').map(({ properties }) =>
      flat(properties),
    )
    for (const path of ['/ws', '/api/*', '/oidc/*'])
      assert(
        rules.some((rule) => rule.includes(`"${path}"`)),
        path,
      )
    edge().hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      Name: 'bourse-production-streams',
      Port: 8080,
      TargetType: 'ip',
      TargetGroupAttributes: Match.arrayWith([{ Key: 'stickiness.enabled', Value: 'true' }]),
    })
  })

  it('asks deep questions with patience, at the port of operations', () => {
    for (const { properties } of resources(edge(), 'AWS::ElasticLoadBalancingV2::TargetGroup')) {
      assert.equal(properties['HealthCheckPath'], '/ready')
      assert.equal(properties['HealthCheckPort'], '8081')
      assert(Number(properties['HealthCheckTimeoutSeconds']) >= 10)
    }
  })

  it("answers the names' health check from the gateway, and shows no port of operations", () => {
    const check = resources(edge(), 'AWS::Route53::HealthCheck')[0]!.properties['HealthCheckConfig']
    const { ResourcePath } = check as { ResourcePath: string }
    const rules = resources(edge(), 'AWS::ElasticLoadBalancingV2::ListenerRule')
    const matching = rules.filter(({ properties }) => {
      const [{ PathPatternConfig }] = properties['Conditions'] as [
        { PathPatternConfig: { Values: string[] } },
      ]
      return PathPatternConfig.Values.some((path) => ResourcePath.startsWith(path.replace('*', '')))
    })
    assert.equal(matching.length, 1, ResourcePath)
    assert.match(flat(matching[0]!.properties['Actions']), /Entrygateway/)
    for (const { properties } of resources(edge(), 'AWS::ElasticLoadBalancingV2::TargetGroup')) {
      assert.equal(properties['Port'], 8080)
    }
  })

  // Auto Mode's role registers targets only there: AmazonEKSLoadBalancingPolicy.
  it('lets the cluster register pods', () => {
    for (const made of [edge(), all()]) {
      for (const { properties } of resources(made, 'AWS::ElasticLoadBalancingV2::TargetGroup')) {
        assert.match(
          flat(properties['Tags']),
          /"Key":"eks:eks-cluster-name","Value":"bourse-production-exchange"/,
        )
      }
    }
  })

  it('has a TCP entry with TLS where it is told to', () => {
    all().hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Type: 'network' })
    all().hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'TLS', Port: 443 })
  })
})

describe('Firewall', () => {
  for (const scope of ['REGIONAL', 'CLOUDFRONT']) {
    it(`blocks injection, scripts, floods and countries, ${scope}`, () => {
      const [acl] = resources(edge(), 'AWS::WAFv2::WebACL').filter(
        ({ properties }) => properties['Scope'] === scope,
      )
      const rules = flat(acl!.properties['Rules'])
      for (const part of [
        'AWSManagedRulesSQLiRuleSet',
        'AWSManagedRulesCommonRuleSet',
        'AWSManagedRulesKnownBadInputsRuleSet',
        '"AggregateKeyType":"IP"',
        '"CountryCodes":["CU","IR","KP","SY"]',
      ]) {
        assert(rules.includes(part), part)
      }
    })
  }

  it('stands before the load balancer and before CloudFront', () => {
    edge().resourceCountIs('AWS::WAFv2::WebACLAssociation', 1)
    const [distribution] = resources(edge(), 'AWS::CloudFront::Distribution')
    assert.match(flat(distribution), /"WebACLId":"\{GlobalFirewallAcl/)
  })

  it('writes requests down without their credentials', () => {
    for (const { properties } of resources(edge(), 'AWS::WAFv2::LoggingConfiguration')) {
      assert.match(flat(properties['RedactedFields']), /authorization.*cookie/)
    }
  })

  it('has Shield Advanced where it is told to; the standard one is always there', () => {
    edge().resourceCountIs('AWS::Shield::Protection', 0)
    all().resourceCountIs('AWS::Shield::Protection', 2)
  })
})

describe('CloudFront', () => {
  it('caches pages, passes the API and the WebSocket, and blocks countries', () => {
    edge().hasResourceProperties('AWS::CloudFront::Distribution', {
      DistributionConfig: Match.objectLike({
        Aliases: ['bourse.example'],
        ViewerCertificate: Match.objectLike({ MinimumProtocolVersion: 'TLSv1.2_2021' }),
        Restrictions: {
          GeoRestriction: { RestrictionType: 'blacklist', Locations: ['CU', 'IR', 'KP', 'SY'] },
        },
        CacheBehaviors: Match.arrayWith([Match.objectLike({ PathPattern: '/api/*' })]),
        Logging: Match.anyValue(),
      }),
    })
    edge().resourceCountIs('AWS::CloudFront::Function', 1)
  })
})

describe('Names', () => {
  it('move to the second region when its health check says so and the first does not', () => {
    const origin = (stack: string) =>
      resources(template('production', stack), 'AWS::Route53::RecordSet')
        .map(({ properties }) => properties)
        .find(({ Name }) => Name === 'origin.bourse.example')
    assert.equal(origin('Edge')?.['Failover'], 'PRIMARY')
    assert.equal(origin('StandbyEdge')?.['Failover'], 'SECONDARY')
    for (const stack of ['Edge', 'StandbyEdge']) {
      assert(origin(stack)?.['HealthCheckId'])
      template('production', stack).hasResourceProperties('AWS::Route53::HealthCheck', {
        HealthCheckConfig: Match.objectLike({ Type: 'HTTPS', RequestInterval: 10, FailureThreshold: 3 }),
      })
    }
  })

  for (const [routing, expected] of [
    ['latency', { Region: 'us-west-2' }],
    ['weighted', { Weight: 20 }],
  ] as const) {
    it(`share traffic by ${routing} records where they are told to`, () => {
      const production = environment('production')
      const changed = { ...production, edge: { ...production.edge, routing, recoveryWeightPercent: 20 } }
      const made = synthesize([changed]).get('production')!
      pick(made, 'StandbyEdge').hasResourceProperties('AWS::Route53::RecordSet', {
        Name: 'origin.bourse.example',
        ...expected,
      })
    })
  }

  it('are behind one anycast address where they are told to', () => {
    all().resourceCountIs('AWS::GlobalAccelerator::Accelerator', 1)
    all().hasResourceProperties('AWS::GlobalAccelerator::Listener', {
      PortRanges: [{ FromPort: 443, ToPort: 443 }],
    })
  })
})

describe('API Gateway, where it is told to', () => {
  it('throttles at 10,000 a second, caches, validates, wants a key and a signed-in trader', () => {
    all().hasResourceProperties('AWS::ApiGateway::Stage', {
      CacheClusterEnabled: true,
      TracingEnabled: true,
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 10_000, CacheDataEncrypted: true })],
    })
    all().hasResourceProperties('AWS::ApiGateway::Method', {
      ApiKeyRequired: true,
      AuthorizationType: 'COGNITO_USER_POOLS',
    })
    all().hasResourceProperties('AWS::ApiGateway::RequestValidator', {
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    })
  })

  it('is left out by default', () => edge().resourceCountIs('AWS::ApiGateway::RestApi', 0))
})

describe('Identity', () => {
  const identity = () => template('production', 'Identity')

  it('wants a second factor, watches for stolen passwords and remembers devices', () => {
    identity().hasResourceProperties('AWS::Cognito::UserPool', {
      MfaConfiguration: 'ON',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      UserPoolTier: 'PLUS',
      UserPoolAddOns: { AdvancedSecurityMode: 'ENFORCED' },
      DeviceConfiguration: { ChallengeRequiredOnNewDevice: true, DeviceOnlyRememberedOnUserPrompt: true },
      DeletionProtection: 'ACTIVE',
    })
  })

  it('signs in with e-mail and password, or with Google where it is told to', () => {
    identity().hasResourceProperties('AWS::Cognito::UserPool', { UsernameAttributes: ['email'] })
    identity().resourceCountIs('AWS::Cognito::UserPoolIdentityProvider', 0)
    const complete = pick(everyFeature(), 'Identity')
    complete.hasResourceProperties('AWS::Cognito::UserPoolIdentityProvider', { ProviderType: 'Google' })
    complete.hasResourceProperties('AWS::Cognito::UserPoolClient', {
      SupportedIdentityProviders: ['COGNITO', 'Google'],
    })
  })

  // Without a style the new pages answer that they are unavailable.
  it('has sign-in pages', () => {
    identity().hasResourceProperties('AWS::Cognito::UserPoolDomain', { ManagedLoginVersion: 2 })
    identity().hasResourceProperties('AWS::Cognito::ManagedLoginBranding', {
      UseCognitoProvidedValues: true,
      ClientId: Match.anyValue(),
    })
  })

  it('puts into access tokens what the gateway reads: for whom they are, and roles', async () => {
    const [pool] = resources(identity(), 'AWS::Cognito::UserPool')
    assert.match(
      flat(pool!.properties['LambdaConfig']),
      /"PreTokenGenerationConfig":\{"LambdaArn":"\{Claims.*"LambdaVersion":"V2_0"/,
    )
    const asked = (groupsToOverride?: readonly string[]) => ({
      ...{ version: '2', callerContext: { clientId: 'client-1' }, response: {} },
      request: { groupConfiguration: groupsToOverride === undefined ? {} : { groupsToOverride } },
    })
    const claims = async (groups?: readonly string[]) =>
      (await handler(asked(groups))).response.claimsAndScopeOverrideDetails.accessTokenGeneration
        .claimsToAddOrOverride
    assert.deepEqual(await claims(['operator']), { aud: 'client-1', roles: ['operator'] })
    assert.deepEqual(await claims(), { aud: 'client-1', roles: [] })
    identity().hasResourceProperties('AWS::Cognito::UserPoolGroup', { GroupName: 'operator' })
  })

  it('hands out short tokens that can be revoked, by code and never by password', () => {
    identity().hasResourceProperties('AWS::Cognito::UserPoolClient', {
      AllowedOAuthFlows: ['code'],
      AccessTokenValidity: 15,
      EnableTokenRevocation: true,
      PreventUserExistenceErrors: 'ENABLED',
    })
  })
})
