/**
 * What SIGINT and SIGTERM do to a command: tidy the terminal, then end with the status a shell would report. Main thread.
 */
import { exit, process } from '../lib/globals.js'

const STATUS = { SIGINT: 130, SIGTERM: 143 } as const

/** `tidy` runs once, before the process ends; it must not wait for anything. */
export function onSignal(tidy: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      tidy()
      exit(STATUS[signal])
    })
  }
}
