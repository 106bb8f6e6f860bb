import { Duration } from 'aws-cdk-lib'
import type * as acm from 'aws-cdk-lib/aws-certificatemanager'
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront'
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins'
import * as route53 from 'aws-cdk-lib/aws-route53'
import * as targets from 'aws-cdk-lib/aws-route53-targets'
import { AccessLogBucket } from '../data/access-log-bucket.ts'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { CLOUDFRONT_IDLE } from './entry.ts'
import { originName } from './region-records.ts'

const ASSET_AGE = Duration.days(30)

/** Pages of the single-page app have no dot in their last part: they are all answered by its one document. */
const PAGE_FUNCTION = `function handler(event) {
  var request = event.request
  if (!/\\.[a-z0-9]+$/.test(request.uri)) request.uri = '/index.html'
  return request
}
`

type DistributionProps = {
  readonly environment: Environment
  readonly certificate: acm.ICertificate
  readonly zone: route53.IHostedZone
  readonly webAclArn: string
}

/** CloudFront: caches the pages, passes the API and the WebSocket through, ends TLS near the trader. */
export class Distribution extends Construct {
  readonly distribution: cloudfront.Distribution

  constructor(
    scope: Construct,
    id: string,
    { environment, certificate, zone, webAclArn }: DistributionProps,
  ) {
    super(scope, id)
    const { domainName, deniedCountries } = environment.edge
    const origin = new origins.HttpOrigin(originName(domainName), {
      protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
      originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
      keepaliveTimeout: CLOUDFRONT_IDLE,
      readTimeout: Duration.seconds(60),
    })
    const through: cloudfront.BehaviorOptions = {
      origin,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
      cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
      originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER,
    }
    this.distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: `Bourse ${environment.name}`,
      domainNames: [domainName],
      certificate,
      webAclId: webAclArn,
      minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      priceClass: cloudfront.PriceClass.PRICE_CLASS_100,
      ...(deniedCountries.length === 0
        ? {}
        : { geoRestriction: cloudfront.GeoRestriction.denylist(...deniedCountries) }),
      logBucket: new AccessLogBucket(this, 'Logs', {
        withAccessControlLists: true,
        disposable: !environment.data.immutable,
      }),
      defaultBehavior: this.#pages(origin),
      additionalBehaviors: { '/api/*': through, '/ws*': through, '/oidc/*': through },
    })
    new route53.ARecord(this, 'Name', {
      zone,
      target: route53.RecordTarget.fromAlias(new targets.CloudFrontTarget(this.distribution)),
    })
  }

  #pages(origin: cloudfront.IOrigin): cloudfront.BehaviorOptions {
    const page = new cloudfront.Function(this, 'Page', {
      code: cloudfront.FunctionCode.fromInline(PAGE_FUNCTION),
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      comment: 'Answers every page with the app',
    })
    return {
      origin,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      cachePolicy: new cloudfront.CachePolicy(this, 'Assets', {
        defaultTtl: Duration.minutes(5),
        minTtl: Duration.seconds(0),
        maxTtl: ASSET_AGE,
        enableAcceptEncodingBrotli: true,
        enableAcceptEncodingGzip: true,
      }),
      responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
      functionAssociations: [{ function: page, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }],
    }
  }
}
