/**
 * The seed of a test file that draws: URING_SEED=n, or another each time. Main thread.
 *
 * It is written down before any test begins, so that the runner can print it for a file that fails, hangs or crashes.
 */
import { appendFileSync } from 'node:fs'

/** `runs`: how much is drawn where URING_RUNS does not say. */
export function drawSeed(runs = 1): { seed: number; runs: number } {
  const drawn = {
    seed: Number(process.env['URING_SEED'] ?? Date.now() % 1_000_000_000),
    runs: Number(process.env['URING_RUNS'] ?? runs),
  }
  const events = process.env['URING_TEST_EVENTS']
  const text = `URING_SEED=${drawn.seed} URING_RUNS=${drawn.runs}`
  if (events !== undefined) appendFileSync(events, `${JSON.stringify({ kind: 'seed', text })}\n`)
  return drawn
}

/** Runs what one seed gives; what it throws says so. */
export async function withSeed<T>(seed: number, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const failed = error instanceof Error ? error : new Error(String(error))
    failed.message = `URING_SEED=${seed} URING_RUNS=1 replays it: ${failed.message}`
    throw failed
  }
}
