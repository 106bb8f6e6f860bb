import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

type Options = Mocha.MochaOptions & { reporterOptions?: { output?: string } }

/** Mocha's usual report, and its counts as JSON in the file that the reporter option `output` names. */
export default class CountReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Options) {
    super(runner, options)
    const output = options.reporterOptions?.output
    runner.once('end', () => output !== undefined && writeFileSync(output, JSON.stringify(runner.stats)))
  }
}
