import { buildApp } from './app.ts'
import { ENVIRONMENTS } from './environments.ts'

buildApp(ENVIRONMENTS).synth()
