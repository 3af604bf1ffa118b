/**
 * `uring sum`: its options, as commander knows them. The main thread runs it at every start, so it loads nothing else.
 */
import { availableParallelism } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { process } from '../lib/globals.js'
import type { SumOptions } from './sum-run.js'

const ALGO_NAMES = ['sha1', 'sha256', 'sha512', 'blake2b512', 'md5']
const MAX_JOBS = 256

export function addSum(program: Command): void {
  program
    .command('sum')
    .description('print the checksum of every regular file below the paths, as sha256sum does')
    .argument('[PATH...]', 'files and directories; - is standard input (default: the current directory)')
    .addOption(new Option('-a, --algo <name>', 'which checksum').choices(ALGO_NAMES).default('sha256'))
    .option('-c, --check <file>', 'check the files listed in FILE (- is standard input), and in each PATH')
    .option('--json', 'print one JSON object a line')
    .option('--stats', 'say on stderr, at the end, what the ring and the pool did')
    .addOption(
      new Option('--backend <name>', 'who runs the ring').choices(['auto', 'kernel', 'threads']).default('auto'),
    )
    .option('-j, --jobs <number>', 'how many threads hash (default: one a processor)', parseJobs)
    .action(async (paths: string[], options: SumOptions) => {
      // In this order: a worker takes longest to start, and does so while the rest is loaded.
      const { Hasher } = await import('./sum-pool.js')
      const hasher = new Hasher(options.algo, options.jobs ?? availableParallelism())
      const { runSum } = await import('./sum-run.js')
      process.exitCode = await runSum(paths, options, hasher)
    })
}

function parseJobs(text: string): number {
  const jobs = /^\d+$/.test(text) ? Number(text) : 0
  if (jobs >= 1 && jobs <= MAX_JOBS) return jobs
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_JOBS}.`)
}
