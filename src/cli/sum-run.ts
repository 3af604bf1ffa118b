/**
 * One run of `uring sum`, from its options to its exit status. The main thread runs it; loaded when the command is.
 *
 * Everything it was given or opened is closed at the end, so that the process ends by itself.
 */
import { isUtf8 } from 'node:buffer'
import type { Backend } from '../driver/open-options.js'
import { Uring } from '../driver/uring.js'
import { nowMs } from '../lib/clock.js'
import { Buffer, process } from '../lib/globals.js'
import { byteString } from './arguments.js'
import { complain, errorText, quoteName, writeMessage } from './messages.js'
import { Output, STATUS_PIPE } from './output.js'
import { onSignal } from './signals.js'
import type { CheckList } from './sum-check.js'
import { Engine } from './sum-engine.js'
import { type Outcome, Summer } from './sum-file.js'
import { type Algo, checkLine, sumLine } from './sum-format.js'
import type { Hasher } from './sum-pool.js'
import type { ProgressBar } from './sum-progress.js'
import { type Source, Walk } from './sum-walk.js'

export interface SumOptions {
  readonly algo: Algo
  readonly check?: string
  readonly json?: true
  readonly stats?: true
  readonly backend: Backend
  readonly jobs?: number
}

const RING_ENTRIES = 256

/** Runs the command. Resolves to its exit status; rejects if there is no ring. Closes the hasher's pool. */
export async function runSum(paths: readonly string[], options: SumOptions, hasher: Hasher): Promise<number> {
  const run = new Run(options, hasher)
  try {
    return await run.start(paths.map(byteString))
  } finally {
    await run.close()
  }
}

class Run {
  readonly #options: SumOptions
  readonly #startMs = nowMs()
  readonly #out = new Output()
  readonly #hasher: Hasher
  #summer: Summer | undefined
  #engine: Engine | undefined
  #ring: Uring | undefined
  #progress: ProgressBar | undefined
  #nrFiles = 0
  #nrErrors = 0
  #status = 0
  #isStopped = false

  constructor(options: SumOptions, hasher: Hasher) {
    this.#options = options
    this.#hasher = hasher
    onSignal(() => this.#progress?.stop())
  }

  async start(paths: readonly string[]): Promise<number> {
    const { backend, stats } = this.#options
    const ring = await Uring.open({ backend, entries: RING_ENTRIES })
    this.#ring = ring
    this.#summer = new Summer(ring, this.#hasher)
    const out = this.#out
    out.onDrain = () => this.#engine?.go()
    out.onBroken = (error) => this.#breakOff(error)
    const check = this.#options.check
    if (check === undefined) await this.#sum(new Walk(ring, paths.length > 0 ? paths : ['.']))
    else for (const list of [byteString(check), ...paths]) await this.#check(ring, list)
    await out.flush()
    this.#progress?.stop()
    // Files may still be closing.
    await ring.close()
    if (stats === true && this.#status !== STATUS_PIPE) await this.#printStats(ring)
    return this.#status
  }

  async close(): Promise<void> {
    await Promise.all([this.#ring?.close(), this.#hasher.pool.close()])
  }

  async #sum(source: Source): Promise<void> {
    await this.#runEngine(source, (outcome) => {
      const { task, digest } = outcome
      if (this.#options.json) this.#out.write(`${this.#json(outcome)}\n`)
      else if (digest !== undefined) this.#out.write(sumLine(digest, task.name))
    })
  }

  async #check(ring: Uring, name: string): Promise<void> {
    if (this.#isStopped) return
    const { openList } = await import('./sum-check.js')
    let list: CheckList
    try {
      list = await openList(ring, name, this.#options.algo)
    } catch (error) {
      this.#fail(`${quoteName(name)}: ${errorText(error)}`)
      return
    }
    await this.#runEngine(list, (outcome) => {
      const verdict = list.judge(outcome)
      const { name } = outcome.task
      this.#out.write(this.#options.json ? `${this.#json(outcome, verdict === 'OK')}\n` : checkLine(name, verdict))
    })
    list.close()
    // The report comes before the warnings, where both go to one place.
    await this.#out.flush()
    if (this.#isStopped) return
    if (list.error !== undefined) this.#fail(`${quoteName(name)}: ${errorText(list.error)}`)
    else if (!list.finish()) this.#status = 1
  }

  async #runEngine(source: Source, report: (outcome: Outcome) => void): Promise<void> {
    const emit = (outcome: Outcome) => {
      const { task, error } = outcome
      if (error === undefined) this.#nrFiles++
      else this.#fail(`${quoteName(task.name)}: ${error.text}`)
      report(outcome)
    }
    const engine = new Engine(source, this.#summer!, emit, () => !this.#out.isFull)
    this.#engine = engine
    const done = engine.run()
    if (this.#progress === undefined && process.stderr.isTTY && !this.#options.json) await this.#showProgress(source)
    await done
  }

  async #showProgress(source: Source): Promise<void> {
    const { ProgressBar } = await import('./sum-progress.js')
    const progress = new ProgressBar(() => ({
      nrDone: this.#engine!.nrEmitted,
      nrKnown: this.#engine!.nrStarted,
      isAllKnown: source.isAllKnown,
      nrBytes: this.#summer!.nrBytes,
    }))
    this.#progress = progress
    this.#out.onBeforeWrite = () => progress.clear()
  }

  #fail(message: string): void {
    this.#nrErrors++
    this.#status = 1
    this.#progress?.clear()
    complain(message)
  }

  /** Nobody reads on, or nothing can be written: no reason to go on. */
  #breakOff(error: Error): void {
    this.#isStopped = true
    if ((error as { code?: string }).code === 'EPIPE') this.#status = STATUS_PIPE
    else this.#fail(`write error: ${errorText(error)}`)
    this.#engine?.stop()
    void this.#ring?.destroy()
  }

  #json({ task, digest, size, error }: Outcome, ok?: boolean): string {
    const bytes = Buffer.from(task.name, 'latin1')
    const path = { path: bytes.toString(), ...(isUtf8(bytes) ? {} : { pathBytes: bytes.toString('base64') }) }
    const found =
      error === undefined ? { algo: this.#options.algo, digest, size } : { error: error.text, code: error.code }
    const text = JSON.stringify({ ...path, ...found, ...(ok === undefined ? {} : { ok }) })
    return Buffer.from(text).toString('latin1')
  }

  async #printStats(ring: Uring): Promise<void> {
    const { statsText } = await import('./sum-stats.js')
    const run = {
      nrFiles: this.#nrFiles,
      nrErrors: this.#nrErrors,
      nrBytes: this.#summer!.nrBytes,
      startMs: this.#startMs,
    }
    writeMessage(byteString(statsText({ ring, hasher: this.#hasher, ...run })))
  }
}
