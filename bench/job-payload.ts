/**
 * Jobs with something to carry: a buffer or an object to the worker, and the same back. Main thread, one worker.
 *
 * Every pool copies, each in its own way: the caller keeps what it gave. Nothing is moved or shared. Each pool is in a
 * process of its own, as its users have it: big buffers are a matter of the garbage collector and of malloc, and the
 * state of both is what the process did before.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Bench, Plan, Round, Subject } from './bench.js'
import { type Answer, PAYLOADS } from './job-payload-child.js'
import { openSubjects, POOL_NAMES, type PoolName, RIVALS } from './pools.js'

const CHILD = fileURLToPath(new URL('./job-payload-child.js', import.meta.url))

export const bench: Bench = {
  question: 'how many jobs a second does one worker run that get a buffer or an object and return it, 16 at once?',
  unit: 'jobs',
  pairs: RIVALS.map((rival) => ['uring', rival] as const),
  async settings(plan) {
    return PAYLOADS.map((payload) => ({
      name: `payload=${payload}`,
      open: () => {
        const open = (name: PoolName) => openSubject(name, payload, plan)
        return openSubjects(plan, Object.fromEntries(POOL_NAMES.map((name) => [name, () => open(name)])))
      },
    }))
  },
}

async function openSubject(name: PoolName, payload: string, plan: Plan): Promise<Subject> {
  const child = fork(CHILD, [name, payload, String(plan.roundMs)])
  plan.defer(() => child.kill('SIGKILL'))
  await answerOf(child)
  return {
    name,
    async round() {
      child.send('round')
      return (await answerOf(child))!
    },
    async close() {
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
  }
}

async function answerOf(child: ChildProcess): Promise<Round | null> {
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process of this pool ended with ${signal ?? code}`)
  })
  const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Answer]
  gone.catch(() => {})
  if (answer !== null && 'error' in answer) throw new Error(answer.error)
  return answer
}
