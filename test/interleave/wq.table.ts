/**
 * io-wq in every order within bounds: its real owner and its real workers, one atomic step at a time.
 *
 * URING_EXPLORE=n allows n preemptions more than the tables do, URING_CAP=n runs n schedules of each at most.
 */
import type { Bounds, Scenario } from './explorer.js'
import { draw } from './wq.random.js'
import { type Arg, MEMORY_BYTES, type Op, SHARED_BYTES } from './wq.scenario.js'

const MORE = Number(process.env['URING_EXPLORE'] ?? 0)
const CAP = Number(process.env['URING_CAP'] ?? Infinity)

export function pool(
  nrWorkers: number,
  maxPreemptions: number,
  arg: Omit<Arg, 'nrThreads'>,
  more: Partial<Scenario & Bounds> = {},
): Scenario & Bounds {
  return {
    module: new URL('./wq.scenario.js', import.meta.url),
    threads: ['owner', ...Array.from({ length: nrWorkers }, () => 'worker')],
    memoryBytes: arg.shared ? SHARED_BYTES : MEMORY_BYTES,
    arg: { ...arg, nrThreads: nrWorkers },
    spinLoads: 2,
    clockStepMs: 0.03,
    lateTimeouts: true,
    maxTimeouts: 15,
    maxPreemptions: maxPreemptions + MORE,
    maxSchedules: CAP,
    ...more,
  }
}

/** Of no account: whoever runs is taken to be quick enough. */
const PATIENT = { patienceUs: 1_000_000 }

// biome-ignore format: table
export const HOLDS: [name: string, scenario: Scenario & Bounds][] = [
  ['enqueue against going idle: a worker that sleeps',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1], ['drain'], ['enqueue', 2], ['drain'], ['rest', [1, 0]]] })],
  ['enqueue against going idle: a worker that spins first',
    pool(1, 2, { up: [1, 0], spinning: 1, script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest', [1, 0]]] })],
  ['enqueue against going idle, event loop owner',
    pool(1, 2, { up: [1, 0], sleeps: 'loop', script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest', [1, 0]]] })],
  ['two workers, late wake',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['drain'], ['enqueue', 3, 'c'], ['enqueue', 4, 'c'], ['drain'], ['rest', [2, 0]]] })],
  ['idle timeout against enqueue: two workers, one may leave',
    pool(3, 1, { up: [2, 0], sleeps: 'loop', options: { idleTimeoutMs: 5000 }, script: [['enqueue', 1], ['drain'], ['enqueue', 2, 'c'], ['enqueue', 3, 'c'], ['drain']] }, { lateTimeouts: false, maxTimeouts: 1 })],
  ['exit-on-idle toggled around an enqueue',
    pool(3, 2, { up: [1, 0], sleeps: 'loop', script: [['exitOnIdle', true], ['exitOnIdle', false], ['enqueue', 1], ['exitOnIdle', true], ['enqueue', 2], ['drain'], ['rest', [0, 0]]] })],
  ['exit-on-idle, and a new worker after the last left',
    pool(2, 1, { up: [1, 0], sleeps: 'loop', script: [['exitOnIdle', true], ['enqueue', 1], ['drain'], ['rest', [0, 0]], ['events'], ['enqueue', 2], ['exitOnIdle', false], ['drain'], ['rest']] })],
  ['race (a): exit-on-idle is cleared between a worker’s decision to leave and an enqueue',
    pool(3, 1, { up: [2, 0], sleeps: 'loop', script: [['exitOnIdle', true], ['exitOnIdle', false], ['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['drain'], ['rest']] })],
  ['race (b): an enqueue meets a worker that leaves',
    pool(2, 2, { up: [1, 0], script: [['exitOnIdle', true], ['enqueue', 1], ['drain'], ['rest', [0, 0]]] })],
  ['race (c): an account that is stalled as exit-on-idle comes on',
    pool(2, 1, { up: [1, 1], held: [1], script: [['enqueue', 1, 'hu', 0], ['begun', 1], ['enqueue', 2, 'h', 0], ['exitOnIdle', true], ['release', 1], ['drain'], ['rest', [0, 0]]] })],
  ['race (c): an account that is stalled while exit-on-idle is on',
    pool(2, 1, { up: [1, 1], held: [1], script: [['exitOnIdle', true], ['exitOnIdle', false], ['enqueue', 1, 'hu', 0], ['enqueue', 2, 'h', 0], ['exitOnIdle', true], ['rest'], ['release', 1], ['drain'], ['rest', [0, 0]]] })],
  ['a limit raised while work waits for it',
    pool(2, 2, { up: [1, 0], held: [1], announced: [1], options: { maxWorkers: [1, 1] }, script: [['enqueue', 1], ['enqueue', 2], ['maxWorkers', 2, 0], ['release', 1], ['drain'], ['rest']] })],
  ['a limit raised, and nobody but the new worker can run what waits',
    pool(2, 1, { up: [1, 0], held: [1], announced: [1], options: { maxWorkers: [1, 1] }, script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['rest', [1, 0]], ['maxWorkers', 2, 0], ['rest', [2, 0]], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['a limit lowered, and exit-on-idle, around an enqueue',
    pool(3, 1, { up: [2, 0], sleeps: 'loop', script: [['maxWorkers', 1, 0], ['enqueue', 1, 'c'], ['exitOnIdle', true], ['enqueue', 2, 'c'], ['exitOnIdle', false], ['drain'], ['rest']] })],
  ['a worker that is stuck as its thread is ended does not keep its place',
    pool(2, 1, { up: [1, 0], held: [1], options: { maxWorkers: [1, 1] }, script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['terminate', 1], ['rest', [2, 0]], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['a worker ends its item as its thread is ended, and is there still',
    pool(2, 1, { up: [1, 0], options: { maxWorkers: [1, 1] }, script: [['enqueue', 1], ['begun', 1], ['terminate', 1], ['enqueue', 2], ['enqueue', 3], ['drain'], ['rest']] })],
  ['another affinity, and the last worker of an account that waits for a bucket',
    pool(3, 1, { up: [1, 1], held: [1], sleeps: 'loop', options: { idleTimeoutMs: 10 }, script: [['enqueue', 1, 'hu', 0], ['begun', 1], ['enqueue', 2, 'h', 0], ['setAffinity'], ['rest', [1, 1]], ['release', 1], ['drain']] })],
  ['two of a bucket and another, two workers',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 1], ['drain'], ['rest', [2, 0]]] })],
  ['buckets across accounts',
    pool(2, 1, { up: [1, 1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'hu', 0], ['enqueue', 3, 'h', 1], ['enqueue', 4, 'hu', 1], ['drain'], ['rest', [1, 1]]] })],
  ['a held bucket of another account: the other bucket runs',
    pool(3, 1, { up: [1, 2], held: [1], script: [['enqueue', 1, 'hu', 0], ['enqueue', 2, 'hu', 1], ['enqueue', 3, 'h', 0], ['enqueue', 4, 'h', 1], ['rest'], ['release', 1], ['drain'], ['rest']] })],
  ['alone in its bucket, and then not',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1, 'ha', 0], ['enqueue', 2, 'h', 0], ['drain'], ['enqueue', 3, 'ha', 0], ['enqueue', 4, 'h', 0], ['cancel', 4], ['drain'], ['rest', [1, 0]]] })],
  ['patience: one worker is enough, and is woken',
    pool(2, 2, { up: [2, 0], options: PATIENT, script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['drain'], ['enqueue', 3, 'c'], ['drain'], ['rest', [2, 0]]] })],
  ['patience: who runs does not end, and the owner sees to the other',
    pool(2, 1, { up: [2, 0], held: [1], options: PATIENT, script: [['enqueue', 1, 'c'], ['begun', 1], ['enqueue', 2, 'c'], ['nudge'], ['begun', 2], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['patience: who runs blocks',
    pool(2, 1, { up: [2, 0], held: [1], announced: [1], options: PATIENT, script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['begun', 2], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['patience: a worker is made for what waits too long',
    pool(2, 1, { up: [1, 0], held: [1], sleeps: 'loop', options: { ...PATIENT, concurrency: 2 }, script: [['enqueue', 1, 'c'], ['begun', 1], ['enqueue', 2, 'c'], ['nudge'], ['begun', 2], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['patience: exit-on-idle while one waits for the other',
    pool(2, 1, { up: [2, 0], sleeps: 'loop', options: PATIENT, script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['exitOnIdle', true], ['enqueue', 3, 'c'], ['drain'], ['rest', [0, 0]]] })],
  ['shared hash: another pool lets go of a key as a worker finds it taken',
    pool(1, 2, { up: [1, 0], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['letGo', 0], ['drain'], ['rest', [1, 0]]] })],
  ['shared hash: two keys let go, two workers',
    pool(2, 1, { up: [2, 0], shared: true, script: [['take', 0], ['take', 1], ['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 1], ['letGo', 0], ['letGo', 1], ['drain'], ['rest', [2, 0]]] })],
  ['shared hash: two keys let go, the one who has the first does not end',
    pool(2, 1, { up: [2, 0], shared: true, held: [1], script: [['take', 0], ['take', 1], ['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 1], ['rest'], ['letGo', 0], ['letGo', 1], ['rest'], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['shared hash: both accounts wait for a key',
    pool(2, 1, { up: [1, 1], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['enqueue', 2, 'hu', 0], ['letGo', 0], ['drain'], ['rest', [1, 1]]] })],
  ['shared hash: who waits for a key is woken for something else',
    pool(2, 1, { up: [2, 0], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['enqueue', 2], ['letGo', 0], ['drain'], ['rest', [2, 0]]] })],
  ['shared hash: a key let go and taken again',
    pool(1, 2, { up: [1, 0], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['letGo', 0], ['take', 0], ['enqueue', 2, 'h', 0], ['letGo', 0], ['drain'], ['rest', [1, 0]]] })],
  ['shared hash: an idle timeout while all work waits for a key',
    pool(2, 1, { up: [2, 0], fromStart: true, shared: true, sleeps: 'loop', options: { idleTimeoutMs: 20 }, script: [['take', 0], ['enqueue', 1, 'h', 0], ['rest', [2, 0]], ['letGo', 0], ['drain']] })],
  ['shared hash: exit-on-idle while all work waits for a key',
    pool(3, 1, { up: [2, 0], shared: true, sleeps: 'loop', script: [['take', 0], ['enqueue', 1, 'h', 0], ['exitOnIdle', true], ['enqueue', 2, 'h', 0], ['letGo', 0], ['drain'], ['rest', [0, 0]]] })],
  ['shared hash: a cancel takes away what waits for a key',
    pool(1, 2, { up: [1, 0], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['cancel', 1], ['enqueue', 2, 'h', 1], ['letGo', 0], ['drain'], ['rest', [1, 0]]] })],
  ['a wait for two of one worker',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1], ['enqueue', 2], ['drain', 2], ['rest', [1, 0]]] })],
  ['a wait for two of two workers',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['drain', 2], ['rest', [2, 0]]] })],
  ['a wait for two, and for the third',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['enqueue', 3, 'h', 0], ['drain', 2], ['rest', [2, 0]]] })],
  ['a wait for three, of which one was cancelled',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['enqueue', 3, 'c'], ['cancel', 2], ['drain', 3], ['rest', [2, 0]]] })],
  ['a wait for two that one of them ends',
    pool(2, 1, { up: [2, 0], held: [2], script: [['enqueue', 1, 'cf'], ['enqueue', 2, 'c'], ['forced', 1, 2], ['release', 2], ['drain', 2], ['rest', [2, 0]]] })],
  ['cancel of a queued, taken, running item',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1], ['cancel', 1], ['enqueue', 2], ['drain'], ['rest', [1, 0]]] })],
  ['cancel in a run',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 0], ['cancel', 2], ['cancel', 3], ['drain'], ['rest', [1, 0]]] })],
  ['cancel of both ends of a run, and another item behind it',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 0], ['enqueue', 4], ['cancel', 3], ['cancel', 1], ['drain'], ['rest', [1, 0]]] })],
  ['cancel, two workers',
    pool(2, 1, { up: [2, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3], ['cancel', 2], ['enqueue', 4, 'h', 0], ['cancel', 1], ['drain'], ['rest', [2, 0]]] })],
  ['cancel of an item just taken',
    pool(1, 2, { up: [1, 0], script: [['enqueue', 1], ['taken', 1], ['cancel', 1], ['enqueue', 2], ['taken', 2], ['drain'], ['rest', [1, 0]]] })],
  ['a bucket freed as a worker of another account finds it busy',
    pool(2, 1, { up: [1, 1], held: [1], script: [['enqueue', 1, 'h', 0], ['begun', 1], ['enqueue', 2, 'hu', 0], ['release', 1], ['drain'], ['rest', [1, 1]]] })],
  ['a bucket that gets more while its run is in hand',
    pool(2, 1, { up: [2, 0], held: [2], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['begun', 2], ['enqueue', 3, 'h', 0], ['release', 2], ['drain'], ['rest', [2, 0]]] })],
  ['a cancel takes away what the last worker stayed for',
    pool(2, 1, { up: [1, 1], held: [1], script: [['enqueue', 1, 'hu', 0], ['begun', 1], ['enqueue', 2, 'h', 0], ['exitOnIdle', true], ['rest', [1, 1]], ['cancel', 2], ['rest', [0, 1]], ['release', 1], ['drain'], ['rest', [0, 0]]] })],
  ['a bucket is freed for an account whose worker blocks',
    pool(3, 1, { up: [1, 1], held: [1, 2], script: [['enqueue', 1, 'hu', 0], ['begun', 1], ['enqueue', 3, 'h', 0], ['rest'], ['enqueue', 2], ['begun', 2], ['release', 1], ['rest'], ['tick'], ['tick'], ['tick'], ['rest', [2, 1]], ['release', 2], ['drain'], ['rest', [2, 1]]] })],
  ['announced sleep makes room',
    pool(2, 1, { up: [2, 0], held: [1], announced: [1], options: { maxRunning: 1 }, script: [['enqueue', 1], ['enqueue', 2], ['rest', [2, 0]], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['sampler against sleeping() and running()',
    pool(2, 1, { up: [1, 0], held: [1], announced: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['tick'], ['tick'], ['release', 1], ['tick'], ['drain'], ['rest']] })],
  ['sampler against a worker that just blocks',
    pool(1, 2, { up: [1, 0], held: [1], script: [['enqueue', 1], ['enqueue', 2], ['tick'], ['tick'], ['release', 1], ['tick'], ['drain'], ['rest', [1, 0]]], options: { maxWorkers: [1, 1] } })],
  ['detached: its worker runs others meanwhile',
    pool(1, 2, { up: [1, 0], detached: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['enqueue', 3], ['release', 1], ['drain'], ['rest', [1, 0]]] })],
  ['detached: another comes home before it',
    pool(1, 2, { up: [1, 0], detached: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['forced', 2, 1], ['release', 1], ['drain'], ['rest', [1, 0]]] })],
  ['detached: a wait that is left over, and the next one',
    pool(1, 1, { up: [1, 0], detached: [1], script: [['enqueue', 1], ['rest'], ['release', 1], ['drain'], ['rest'], ['enqueue', 2], ['drain'], ['rest', [1, 0]]] })],
  ['detached: two at once, released as a third comes',
    pool(1, 1, { up: [1, 0], detached: [1, 2], script: [['enqueue', 1], ['enqueue', 2], ['release', 2], ['enqueue', 3], ['release', 1], ['drain'], ['rest', [1, 0]]] })],
  ['detached: a worker that is full makes room',
    pool(2, 1, { up: [2, 0], detached: [1], limit: 1, options: { maxRunning: 1 }, script: [['enqueue', 1], ['enqueue', 2], ['rest', [2, 0]], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['detached: a bucket is held until the item ends',
    pool(2, 1, { up: [2, 0], detached: [1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 1], ['release', 1], ['drain'], ['rest', [2, 0]]] })],
  ['detached: a bucket wanted by another account',
    pool(2, 1, { up: [1, 1], detached: [1], script: [['enqueue', 1, 'h', 0], ['begun', 1], ['enqueue', 2, 'hu', 0], ['enqueue', 3, 'h', 0], ['release', 1], ['drain'], ['rest', [1, 1]]] })],
  ['detached: its bucket is waited for, and its worker goes on with another',
    pool(1, 2, { up: [1, 0], detached: [1, 2], script: [['enqueue', 1, 'h', 0], ['enqueue', 2], ['begun', 1], ['begun', 2], ['enqueue', 3, 'h', 0], ['rest'], ['release', 1], ['rest'], ['release', 2], ['drain'], ['rest', [1, 0]]] })],
  ['detached: cancel in its run',
    pool(1, 2, { up: [1, 0], detached: [1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['begun', 1], ['cancel', 2], ['release', 1], ['drain'], ['rest', [1, 0]]] })],
  ['detached: exit-on-idle waits for it',
    pool(2, 1, { up: [1, 0], sleeps: 'loop', detached: [1], script: [['enqueue', 1], ['begun', 1], ['exitOnIdle', true], ['rest', [1, 0]], ['release', 1], ['drain'], ['rest', [0, 0]]] })],
  ['a worker that retires leaves work to the next',
    pool(2, 1, { up: [1, 0], sleeps: 'loop', retireAfter: 1, script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest']] })],
  ['a worker that retires, and another that sleeps',
    pool(3, 1, { up: [2, 0], sleeps: 'loop', retireAfter: 1, options: { maxRunning: 1 }, script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest']] })],
  ['a worker that retires waits for what it has detached',
    pool(2, 1, { up: [1, 0], sleeps: 'loop', retireAfter: 1, detached: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['release', 1], ['drain'], ['rest']] })],
]

// biome-ignore format: table
export const NO_THREADS: Scenario & Bounds =
  pool(0, 0, { up: [0, 0], cannotStart: true, script: [['enqueue', 1], ['enqueue', 2], ['drain']] }, { maxTimeouts: 200 })

const TURNS: Op[] = [
  ['enqueue', 1, 'c'],
  ['cancel', 1],
  ['enqueue', 2, 'h', 0],
  ['exitOnIdle', true],
]

/**
 * Two workers that take, go idle and leave, in every order of what the owner does meanwhile: two enqueues, a cancel of
 * the first, exit-on-idle on, and perhaps off again.
 */
export const ORDERS: [name: string, scenario: Scenario & Bounds][] = [
  ...orders(TURNS),
  ...orders([...TURNS, ['exitOnIdle', false]]),
].map((script) => {
  const leaves = script.every(([name, on]) => name !== 'exitOnIdle' || on)
  const rest: Op = leaves ? ['rest', [0, 0]] : ['rest']
  const name = script.map(([op, arg]) => (op === 'exitOnIdle' ? `exit-on-idle ${arg ? 'on' : 'off'}` : `${op} ${arg}`))
  return [name.join(', '), pool(2, 1, { up: [2, 0], sleeps: 'loop', script: [...script, ['drain'], rest] })]
})

/** All orders in which an item is enqueued before it is cancelled, and exit-on-idle is on before it is off. */
function orders(ops: readonly Op[]): Op[][] {
  if (ops.length === 0) return [[]]
  return ops.flatMap((op) => {
    const others = ops.filter((other) => other !== op)
    const tooSoon = others.some(([name, on]) => {
      return op[0] === 'cancel' ? name === 'enqueue' && on === op[1] : op[0] === 'exitOnIdle' && !op[1] && on === true
    })
    return tooSoon ? [] : orders(others).map((rest) => [op, ...rest])
  })
}

const mortal = true
const MORTAL = { victims: [1, 2], maxTimeouts: 200, maxSteps: 3000, clockStepMs: 0.3 }
// biome-ignore format: table
export const KILLS: [name: string, scenario: Scenario & Bounds][] = [
  ['one worker, owner in a futex',
    pool(2, 0, { mortal, up: [1, 0], script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest']] }, MORTAL)],
  ['one worker, owner in its event loop',
    pool(2, 0, { mortal, up: [1, 0], sleeps: 'loop', script: [['enqueue', 1], ['enqueue', 2], ['drain'], ['rest']] }, MORTAL)],
  ['coming up',
    pool(2, 0, { mortal, up: [1, 0], fromStart: true, sleeps: 'loop', script: [['enqueue', 1], ['drain'], ['rest']] }, MORTAL)],
  ['coming up, owner in a futex',
    pool(2, 0, { mortal, up: [1, 0], fromStart: true, script: [['enqueue', 1], ['drain'], ['rest']] }, MORTAL)],
  ['spins',
    pool(2, 0, { mortal, up: [1, 0], spinning: 1, sleeps: 'loop', script: [['enqueue', 1], ['drain'], ['rest']] }, MORTAL)],
  ['two workers, buckets',
    pool(3, 0, { mortal, up: [2, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 1], ['drain'], ['rest']] }, MORTAL)],
  ['as it is ended, in a place that another takes',
    pool(3, 0, { mortal, up: [1, 0], options: { maxWorkers: [1, 1] }, script: [['enqueue', 1], ['terminate', 1], ['enqueue', 2], ['drain'], ['rest']] }, MORTAL)],
  ['shared hash, two workers',
    pool(3, 0, { mortal, up: [2, 0], shared: true, script: [['take', 0], ['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 1], ['letGo', 0], ['drain'], ['rest']] }, MORTAL)],
  ['two workers of two accounts, buckets',
    pool(4, 0, { mortal, up: [1, 1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'hu', 0], ['enqueue', 3, 'h', 1], ['enqueue', 4, 'hu', 1], ['drain'], ['rest']] }, MORTAL)],
  ['two workers, leaving',
    pool(3, 0, { mortal, up: [2, 0], sleeps: 'loop', script: [['exitOnIdle', true], ['enqueue', 1], ['drain'], ['rest', [0, 0]], ['enqueue', 2], ['drain'], ['rest', [0, 0]]] }, MORTAL)],
  ['while the owner waits for three',
    pool(3, 0, { mortal, up: [2, 0], script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['enqueue', 3, 'c'], ['drain', 3], ['rest']] }, MORTAL)],
  ['cancels',
    pool(2, 0, { mortal, up: [1, 0], held: [1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 0], ['begun', 1], ['cancel', 2], ['cancel', 3], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
  ['two workers, both',
    pool(4, 0, { mortal, up: [2, 0], sleeps: 'loop', script: [['enqueue', 1, 'c'], ['enqueue', 2, 'c'], ['drain'], ['rest']] }, { ...MORTAL, maxDeaths: 2 })],
  ['two workers, both, owner in a futex',
    pool(4, 0, { mortal, up: [2, 0], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 1], ['drain'], ['rest']] }, { ...MORTAL, maxDeaths: 2 })],
  ['a worker that announces its sleep',
    pool(3, 0, { mortal, up: [2, 0], held: [1], announced: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['rest'], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
  ['a worker that is seen to block',
    pool(3, 0, { mortal, up: [1, 0], held: [1], script: [['enqueue', 1], ['begun', 1], ['enqueue', 2], ['tick'], ['tick'], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
  ['detached',
    pool(2, 0, { mortal, up: [1, 0], detached: [1, 2], script: [['enqueue', 1], ['enqueue', 2], ['enqueue', 3], ['release', 2], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
  ['detached, in buckets',
    pool(3, 0, { mortal, up: [2, 0], detached: [1, 3], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['enqueue', 3, 'h', 1], ['release', 1], ['release', 3], ['drain'], ['rest']] }, MORTAL)],
  ['detached, and cancelled in its run',
    pool(2, 0, { mortal, up: [1, 0], detached: [1], script: [['enqueue', 1, 'h', 0], ['enqueue', 2, 'h', 0], ['begun', 1], ['cancel', 2], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
  ['retiring',
    pool(3, 0, { mortal, up: [1, 0], sleeps: 'loop', retireAfter: 1, detached: [1], script: [['enqueue', 1], ['enqueue', 2], ['release', 1], ['drain'], ['rest']] }, MORTAL)],
]

/** A script drawn from a seed, and `nr` schedules of it drawn from the same; up to `maxDeaths` workers die in each. */
export function drawn(seed: number, nr: number, maxDeaths: number): Scenario & Bounds {
  const mortals = maxDeaths > 0
  const { maxRunning, ...arg } = draw(seed)
  const more = { random: seed, maxSchedules: nr, maxPreemptions: Number.POSITIVE_INFINITY, maxSteps: 3000 }
  const all = { ...arg, mortal: mortals, options: { maxRunning } }
  // As many threads as there are slots, and as may die.
  return pool(5, 0, all, {
    ...MORTAL,
    ...more,
    victims: mortals ? [1, 2, 3] : [],
    maxDeaths: mortals ? 1 + (seed % maxDeaths) : 0,
  })
}
