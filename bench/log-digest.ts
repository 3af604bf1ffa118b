/**
 * examples/log-digest beside the same work in one loop on one thread. Main thread; each subject is a whole process.
 *
 * The loop has the same parser, reads into memory that it uses again and copies nothing: what the Pool gains is the second
 * processor, what it costs are its threads. Both print what they found; that it is the same is checked once.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSample } from '../examples/log-digest/sample.js'
import type { Bench, Round, Subject } from './bench.js'

const SIZES_MB = [100, 400]
const QUICK_SIZES_MB = [1]
/** A run that takes longer hangs. */
const LIMIT_MS = 120_000

export const bench: Bench = {
  question: 'how many MB of logs a second does a program digest, with a pool and in a loop?',
  unit: 'MB',
  pairs: [['uring', 'loop']],
  async settings(plan) {
    const dir = await mkdtemp(join(tmpdir(), 'uring-bench-'))
    plan.defer(() => rmSync(dir, { recursive: true, force: true }))
    return (plan.isQuick ? QUICK_SIZES_MB : SIZES_MB).map((sizeMb) => ({
      name: `log=${sizeMb}MB`,
      async open() {
        const path = join(dir, `${sizeMb}.log`)
        await writeSample(path, sizeMb * 1e6)
        const found = (['main', 'plain'] as const).map((program) => digest(program, path).found)
        if (found[0] !== found[1]) throw new Error('the two programs find different things')
        const subject = (name: string, program: 'main' | 'plain'): Subject => ({
          name,
          round: async (): Promise<Round> => {
            const { seconds } = digest(program, path)
            return { opsPerSec: sizeMb / seconds, p50Us: seconds * 1e6, p99Us: seconds * 1e6 }
          },
        })
        return [subject('uring', 'main'), subject('loop', 'plain')]
      },
    }))
  },
}

/** A whole run: how long it took, and the hosts it found. */
function digest(program: 'main' | 'plain', path: string): { seconds: number; found: string } {
  const file = fileURLToPath(new URL(`../examples/log-digest/${program}.js`, import.meta.url))
  const began = performance.now()
  const stdout = execFileSync(process.execPath, [file, path, '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: LIMIT_MS,
  })
  const seconds = (performance.now() - began) / 1000
  return { seconds, found: JSON.stringify((JSON.parse(stdout) as { hosts: unknown }).hosts) }
}
