/**
 * `uring doctor`: its options, as commander knows them. The main thread runs it at every start, so it loads nothing else.
 */
import type { Command } from 'commander'
import { process } from '../lib/globals.js'

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say which backends work here, and why not; exit status 1 if none does')
    .option('--json', 'print one JSON object')
    .action(async (options: { readonly json?: true }) => {
      const { diagnose, text } = await import('./doctor-run.js')
      const { printAll } = await import('./output.js')
      const diagnosis = await diagnose()
      const written = await printAll(options.json ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : text(diagnosis))
      process.exitCode = written === 0 && diagnosis.auto.backend === undefined ? 1 : written
    })
}
