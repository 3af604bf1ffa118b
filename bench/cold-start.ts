/**
 * A program that reads one small file and ends: what loading a library and opening a ring cost. Main thread; each
 * subject is a process, its start and end included.
 *
 * `node` is a program without a line in it, the price of Node itself: compare the others' p50 with its. Certificates
 * that the environment adds are left out of all of them, for Node 20 reads them at its start.
 */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench, Subject } from './bench.js'
import { meterTimed } from './meter.js'
import { openSubjects } from './pools.js'
import { BACKENDS } from './rings.js'

const FILE_BYTES = 1000
/** A run that takes longer hangs. */
const LIMIT_MS = 30_000

export const bench: Bench = {
  question: 'how long does a whole program take that reads one small file?',
  unit: 'programs',
  pairs: [
    ...BACKENDS.map((backend) => [`uring/${backend}`, 'node'] as const),
    ['uring/kernel', 'fs/promises'],
    ['fs/promises', 'node'],
  ],
  async settings(plan) {
    const dir = await mkdtemp(join(tmpdir(), 'uring-bench-'))
    plan.defer(() => rmSync(dir, { recursive: true, force: true }))
    const path = join(dir, 'small')
    writeFileSync(path, 'x'.repeat(FILE_BYTES))
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
    const subject = async (name: string, program: string, ...args: string[]): Promise<Subject> => {
      const file = fileURLToPath(new URL(`./rivals/${program}.js`, import.meta.url))
      const run = () => runOne(name, [file, path, String(FILE_BYTES), ...args], env)
      await run()
      return { name, round: () => meterTimed(plan.roundMs, run) }
    }
    return [
      {
        name: 'file=small',
        open: () =>
          openSubjects(plan, {
            node: (name) => subject(name, 'cold-nothing'),
            'fs.readFileSync': (name) => subject(name, 'cold-sync'),
            'fs/promises': (name) => subject(name, 'cold-promises'),
            'uring/kernel': (name) => subject(name, 'cold-uring', 'kernel'),
            'uring/threads': (name) => subject(name, 'cold-uring', 'threads'),
          }),
      },
    ]
  },
}

async function runOne(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const began = performance.now()
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const us = (performance.now() - began) * 1000
  const complaint = stderr.split('\n').find((line) => /Error/.test(line)) ?? ''
  if (status !== 0) throw new Error(`${name} ends with ${status ?? signal}: ${complaint}`)
  return us
}
