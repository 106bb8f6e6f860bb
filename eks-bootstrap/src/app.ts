import { App, type AppProps, Stage } from 'aws-cdk-lib'
import { type Environment } from './environment.ts'
import { REGIONS } from './regions.ts'
import { Site } from './site.ts'

/** The whole estate: a stage for each environment. Deploy one with `cdk deploy 'production/**'`. */
export function buildApp(environments: readonly Environment[], props: AppProps = {}): App {
  const app = new App(props)
  for (const environment of environments) {
    // Known zones: synthesis needs neither credentials nor a look-up.
    for (const [region, { zones }] of Object.entries(REGIONS)) {
      app.node.setContext(`availability-zones:account=${environment.account}:region=${region}`, zones)
    }
    buildStage(app, environment)
  }
  return app
}

function buildStage(app: App, environment: Environment): void {
  const stage = new Stage(app, environment.name)
  new Site(stage, { environment, role: 'primary' })
}
