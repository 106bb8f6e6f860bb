import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { StepFailure } from './failure.ts'
import { progressPrinter, step, type ProgressEvent } from './progress.ts'

describe('step', () => {
  it('reports its begin, its end and what came of it', async () => {
    const events: ProgressEvent[] = []
    const result = await step(
      (event) => events.push(event),
      'kafka',
      async () => 9092,
      String,
    )
    equal(result, 9092)
    deepEqual(
      events.map(({ type, title }) => [type, title]),
      [
        ['began', 'kafka'],
        ['done', 'kafka'],
      ],
    )
  })

  it('reports why it failed, the end of the log and what to do, and throws the failure on', async () => {
    const events: ProgressEvent[] = []
    const failure = new StepFailure('kafka ended', {
      logFile: '/log',
      logTail: ['out of memory'],
      advice: 'buy more',
    })
    const failing = step(
      (event) => events.push(event),
      'kafka',
      () => Promise.reject(failure),
    )
    await rejects(failing, failure)
    deepEqual(events[1], {
      type: 'failed',
      title: 'kafka',
      message: 'kafka ended',
      logFile: '/log',
      logTail: ['out of memory'],
      advice: 'buy more',
    })
  })
})

describe('progressPrinter', () => {
  const failed: ProgressEvent = {
    type: 'failed',
    title: 'kafka',
    message: 'kafka ended',
    logFile: '/log/kafka.log',
    logTail: ['first', 'last'],
    advice: 'buy more',
  }

  it('prints one line for a step that is done, with its time', () => {
    const { text, print } = printer(false)
    print({ type: 'began', title: 'kafka' })
    equal(text(), '')
    print({ type: 'done', title: 'kafka', detail: '127.0.0.1:9092', ms: 1_234 })
    match(text(), /^ {2}✓ kafka +1\.2 s {2}127\.0\.0\.1:9092\n$/)
  })

  it('prints what failed, the last lines of its log and what to do', () => {
    const { text, print } = printer(false)
    print(failed)
    equal(
      text(),
      [
        '  ✗ kafka: kafka ended',
        '    The last lines of /log/kafka.log:',
        '    | first',
        '    | last',
        '    → buy more',
        '',
      ].join('\n'),
    )
  })

  it('names the steps that still run, on a terminal', () => {
    const { text, print } = printer(true)
    print({ type: 'began', title: 'kafka' })
    print({ type: 'began', title: 'redis' })
    match(text(), /… kafka, redis$/)
    print({ type: 'done', title: 'redis', detail: '', ms: 0 })
    match(text(), /✓ redis.*\n.*… kafka$/)
  })

  function printer(isTTY: boolean) {
    let written = ''
    const print = progressPrinter({ isTTY, write: (text) => (written += text) })
    return { print, text: () => written }
  }
})
