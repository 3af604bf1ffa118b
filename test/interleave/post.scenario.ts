/**
 * The postmaster under the explorer: an owner that gives jobs, workers that ask for what goes with them, and the thread
 * between them, on src/pool/between/post.ts. What ports carry lies in memory here, in order, as in a port.
 *
 * Job 1 is the first worker's. The second sits down where that one was, when it has ended or died, and runs job 2.
 */
import assert from 'node:assert/strict'
import { fetchOr, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { nowMs } from '../../src/lib/clock.js'
import {
  ASK_BUFFER,
  ASK_LETTER,
  askFor,
  askPost,
  closePost,
  holdPost,
  initPost,
  openPost,
  type PostSpace,
  postCalls,
  releasePost,
  replyToAsks,
  resetAsk,
  sleepPost,
} from '../../src/pool/between/post.js'
import { POOL, SEAT } from '../../src/pool/between/record.js'
import { isKilled } from './hold.js'

const SEAT_WORD = POOL.size >> 2
/** The job that is given; those that have ended, bit by bit, and whether the postmaster died. */
const GIVEN = SEAT_WORD + (SEAT.size >> 2)
const ENDED = GIVEN + 1
/** Ports: how many messages were posted, then those. */
const PORT_WORDS = 8
const DIED = 16
const INBOX = ENDED + 1
const DELIVERIES = INBOX + PORT_WORDS
export const MEMORY_BYTES = (DELIVERIES + 3 * PORT_WORDS) * 4

const FIRST = 1
/** Threads where there is one worker. */
const NR_ONE = 3
const BUFFER = 7
const IDLE_MS = 50
/** The owner's event loop; a worker looks again after so long, which is not to be needed. */
const LOOK_MS = 1
const SLICE_MS = 1000

export interface Arg {
  readonly what: 'letter' | 'buffer'
  /** There is a postmaster, which nothing is held by. */
  readonly isIdle?: boolean
  /** At what point of an ask the postmaster dies, if it does. */
  readonly dies?: 'before' | 'asked' | 'given'
  /** Time is late: nobody is to be woken by it. */
  readonly hasWakes?: boolean
}

interface Message {
  readonly kind: 'seat' | 'letter' | 'buffer'
  readonly number: number
}
/** How the job was given, and whether the postmaster has died. */
interface Given {
  readonly isHeld: boolean
  readonly hasDied: boolean
}

const KINDS = ['seat', 'letter', 'buffer'] as const

function spaceOf(memory: SharedArrayBuffer): PostSpace {
  return { words: new Int32Array(memory), nrSlots: 1, seat: () => SEAT_WORD }
}

function post(words: Int32Array, port: number, { kind, number }: Message): void {
  const count = words[port]!
  words[port + 1 + count] = number * KINDS.length + KINDS.indexOf(kind)
  storeRelease(words, port, count + 1)
}

/** What is in a port from a message on. */
function read(words: Int32Array, port: number, from: number): Message[] {
  const count = loadAcquire(words, port)
  return Array.from({ length: count - from }, (_, i) => {
    const word = words[port + 1 + from + i]!
    return { kind: KINDS[word % KINDS.length]!, number: Math.trunc(word / KINDS.length) }
  })
}

const deliveries = (job: number) => DELIVERIES + job * PORT_WORDS

export function setup(memory: SharedArrayBuffer, { isIdle }: Arg): void {
  const space = spaceOf(memory)
  initPost(space)
  if (isIdle !== true) return
  openPost(space)
  releasePost(space)
}

function give(space: PostSpace, job: number, what: Arg['what']): void {
  const { words } = space
  post(words, INBOX, { kind: 'seat', number: job })
  post(words, INBOX, { kind: what, number: what === 'letter' ? job : BUFFER })
  storeRelease(words, GIVEN, job)
  futexWake(words, GIVEN, 2)
}

/** Until the first job has ended, or its worker is dead; a postmaster that died is seen to, as by its exit event. */
function untilOver(space: PostSpace): boolean {
  const { words } = space
  let hasDied = false
  for (;;) {
    const ended = loadAcquire(words, ENDED)
    if ((ended & DIED) !== 0 && !hasDied) {
      hasDied = true
      closePost(space)
    }
    if ((ended & 1) !== 0 || isKilled(FIRST)) return hasDied
    futexWait(words, ENDED, ended, LOOK_MS)
  }
}

/** Gives one job. */
export function owner(memory: SharedArrayBuffer, { what }: Arg): Given {
  const space = spaceOf(memory)
  const { words } = space
  if (!holdPost(space)) {
    storeRelease(words, GIVEN, -1)
    futexWake(words, GIVEN, 2)
    return { isHeld: false, hasDied: false }
  }
  give(space, 1, what)
  const hasDied = untilOver(space)
  releasePost(space)
  closePost(space)
  return { isHeld: true, hasDied }
}

/** Gives a job, and another when the first is over in whatever way. */
export function ownerOfTwo(memory: SharedArrayBuffer, { what }: Arg): void {
  const space = spaceOf(memory)
  const { words } = space
  holdPost(space)
  give(space, 1, what)
  untilOver(space)
  holdPost(space)
  give(space, 2, what)
  releasePost(space)
  for (let ended = 0; (ended & 2) === 0; ) {
    ended = loadAcquire(words, ENDED)
    if ((ended & 2) === 0) futexWait(words, ENDED, ended, Number.POSITIVE_INFINITY)
  }
  releasePost(space)
  closePost(space)
}

function work(memory: SharedArrayBuffer, job: number, { what, hasWakes }: Arg): boolean | undefined {
  const space = spaceOf(memory)
  const { words } = space
  for (let given = 0; given < job; ) {
    given = loadAcquire(words, GIVEN)
    if (given < 0) return undefined
    if (given < job) futexWait(words, GIVEN, given, Number.POSITIVE_INFINITY)
  }
  resetAsk(space, SEAT_WORD)
  const number = what === 'letter' ? job : BUFFER
  const ask = askFor(what === 'letter' ? ASK_LETTER : ASK_BUFFER, number)
  let got = false
  while (!got && askPost(space, SEAT_WORD, ask)) {
    got = read(words, deliveries(job), 0).some((message) => message.kind === what && message.number === number)
  }
  if (hasWakes === true) assert(nowMs() < SLICE_MS, 'the worker was woken')
  fetchOr(words, ENDED, job)
  futexWake(words, ENDED, 1)
  return got
}

/** Returns whether it got what goes with its job; nothing if none was given. */
export function worker(memory: SharedArrayBuffer, arg: Arg): boolean | undefined {
  return work(memory, 1, arg)
}

export function second(memory: SharedArrayBuffer, arg: Arg): boolean | undefined {
  return work(memory, 2, arg)
}

class Death extends Error {}

export function postmaster(memory: SharedArrayBuffer, { dies }: Arg): void {
  const space = spaceOf(memory)
  try {
    if (dies !== 'before') serve(space, dies)
  } catch (error) {
    if (!(error instanceof Death)) throw error
  }
  if (dies === undefined) return
  fetchOr(space.words, ENDED, DIED)
  futexWake(space.words, ENDED, 1)
}

function serve(space: PostSpace, dies: Arg['dies']): void {
  const { words } = space
  const has = new Set<string>()
  let [nrRead, job] = [0, 0]
  const take = () => {
    for (const { kind, number } of read(words, INBOX, nrRead)) {
      nrRead++
      if (kind === 'seat') job = number
      else has.add(`${kind}${number}`)
    }
  }
  const reply = (_slot: number, what: number, number: number) => {
    if (dies === 'asked') throw new Death()
    take()
    const kind = what === ASK_LETTER ? 'letter' : 'buffer'
    if (!has.has(`${kind}${number}`)) return false
    if (kind === 'letter') has.delete(`${kind}${number}`)
    post(words, deliveries(job), { kind, number })
    if (dies === 'given') throw new Death()
    return true
  }
  for (let stays = true; stays; ) {
    const seen = postCalls(space)
    replyToAsks(space, reply)
    take()
    stays = sleepPost(space, seen, IDLE_MS)
  }
}

/** What the postmaster had came, unless that died; and nobody gets what was for one that died in its seat. */
export function check(_memory: SharedArrayBuffer, results: unknown[]): void {
  const last = results.at(-2)
  if (results.length > NR_ONE) assert.equal(last, true)
  else if ((results[0] as Given).isHeld && !(results[0] as Given).hasDied) assert.equal(last, true)
}
