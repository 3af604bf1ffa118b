/**
 * The progress bar of `sum`, on stderr where that is a terminal. The main thread runs it; loaded only then.
 *
 * The total is what is known so far: it grows while directories are still being listed.
 */
import { SingleBar } from 'cli-progress'
import { nowMs } from '../lib/clock.js'
import { clearInterval, process, setInterval } from '../lib/globals.js'

export interface Progress {
  readonly nrDone: number
  readonly nrKnown: number
  readonly isAllKnown: boolean
  readonly nrBytes: number
}

const FORMAT = '{bar} {value}/{total}{more} files  {megabytes} MB  {speed} MB/s'
const INTERVAL_MS = 100

export class ProgressBar {
  readonly #bar: SingleBar
  readonly #look: () => Progress
  readonly #timer: NodeJS.Timeout
  readonly #startMs = nowMs()

  constructor(look: () => Progress) {
    this.#look = look
    this.#bar = new SingleBar({
      stream: process.stderr,
      format: FORMAT,
      barsize: 30,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      hideCursor: true,
      clearOnComplete: true,
      linewrap: true,
      // Lines of the list may have gone over it.
      forceRedraw: true,
      fps: 1000 / INTERVAL_MS,
    })
    // It would go back to the line where it began; if the list goes to the same terminal, that has scrolled away.
    const { terminal } = this.#bar as unknown as { terminal: { cursorRestore(): void } }
    terminal.cursorRestore = () => {}
    this.#bar.start(0, 0, this.#payload(look()))
    this.#timer = setInterval(() => this.#update(), INTERVAL_MS)
    this.#timer.unref()
  }

  #payload({ isAllKnown, nrBytes }: Progress): Record<string, string> {
    const seconds = (nowMs() - this.#startMs) / 1000
    return {
      more: isAllKnown ? '' : '+',
      megabytes: (nrBytes / 1e6).toFixed(1),
      speed: (nrBytes / 1e6 / Math.max(seconds, 0.001)).toFixed(0),
    }
  }

  #update(): void {
    const progress = this.#look()
    this.#bar.setTotal(progress.nrKnown)
    this.#bar.update(progress.nrDone, this.#payload(progress))
  }

  /** Takes the bar off its line, which something else is written to; the next drawing brings it back. */
  clear(): void {
    process.stderr.write('\r\x1b[K')
  }

  /** Takes it away for good, and gives the cursor back. */
  stop(): void {
    clearInterval(this.#timer)
    this.#update()
    this.#bar.stop()
  }
}
