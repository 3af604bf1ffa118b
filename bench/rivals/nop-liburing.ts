/**
 * The rival in C: nop-liburing.c, compiled where gcc and liburing are. Main thread; each round is a process.
 */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Plan, Round } from '../bench.js'

const run = promisify(execFile)
const LIMIT_MS = 60_000
const SOURCE = fileURLToPath(new URL('./nop-liburing.c', import.meta.url))

/** A function that runs a round; undefined, and `subject` left out, where it cannot be built or io_uring is refused. */
export async function compileNopLiburing(
  plan: Plan,
  subject: string,
): Promise<((depth: number, roundMs: number) => Promise<Round>) | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'uring-bench-'))
  plan.defer(() => rmSync(dir, { recursive: true, force: true }))
  const program = join(dir, 'nop-liburing')
  const round = async (depth: number, roundMs: number) => {
    const { stdout } = await run(program, [`${depth}`, `${roundMs}`], { timeout: LIMIT_MS })
    return JSON.parse(stdout) as Round
  }
  try {
    await run('gcc', ['-O2', '-o', program, SOURCE, '-luring'])
    await round(1, 1)
    return round
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string }
    plan.leaveOut(subject, code === 'ENOENT' ? 'there is no gcc' : (stderr || message).trim().split('\n')[0]!)
    return undefined
  }
}
