/**
 * Where koffi calls: nobody is ended while inside koffi, for that takes the process with it. Any thread.
 *
 * A thread is inside while it loads koffi, binds a function or makes a view; whoever ends threads of ours closes the gate
 * first, which waits for those inside, and opens it when the thread is gone. The words are the process's: the first thread
 * that asks makes them, and the Workers that are made from then on have them too. It does not cover a program's own
 * `worker.terminate()`. Where the addon calls there is no gate. Waits are bounded: one that dies inside is waited for once.
 */
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../lib/barrier.js'
import { builtin } from '../lib/builtin.js'
import { process } from '../lib/globals.js'
import { perThread } from '../lib/per-thread.js'
import { hasAddon } from './addon.js'

const KEY = 'uring koffi gate'
/** How many are inside, and how many keep it closed. */
const [INSIDE, CLOSERS, NR_WORDS] = [0, 1, 2]
const LIMIT_MS = 10_000
const ALL = 1 << 30

interface Gate {
  readonly words: Int32Array
  /** How often this thread keeps it closed: it does not wait for itself. */
  nrMine: number
}

/** Undefined where the addon calls. */
export function gate(): Gate | undefined {
  return perThread('gate', () => (hasAddon() ? undefined : makeGate()))
}

function makeGate(): Gate {
  const { getEnvironmentData, setEnvironmentData } = builtin('node:worker_threads')
  let shared: unknown = getEnvironmentData(KEY)
  if (!(shared instanceof SharedArrayBuffer)) {
    shared = new SharedArrayBuffer(NR_WORDS * 4)
    setEnvironmentData(KEY, shared as SharedArrayBuffer)
  }
  const made: Gate = { words: new Int32Array(shared as SharedArrayBuffer), nrMine: 0 }
  // The threads of this one end with it.
  process.on('exit', () => closeGate(made))
  return made
}

/** What koffi may not be interrupted in. */
export function inside<T>(body: () => T, at = gate()): T {
  if (at === undefined) return body()
  enter(at)
  try {
    return body()
  } finally {
    fetchAdd(at.words, INSIDE, -1)
    futexWake(at.words, INSIDE, ALL)
  }
}

function enter({ words, nrMine }: Gate): void {
  for (let mayTry = true; ; ) {
    const closers = loadAcquire(words, CLOSERS)
    if (closers > nrMine && mayTry) {
      mayTry = futexWait(words, CLOSERS, closers, LIMIT_MS) !== 'timed-out'
      continue
    }
    fetchAdd(words, INSIDE, 1)
    // Closed in between: whoever did may not have seen this one.
    if (!mayTry || loadAcquire(words, CLOSERS) <= nrMine) return
    fetchAdd(words, INSIDE, -1)
    futexWake(words, INSIDE, ALL)
  }
}

/** Nobody is inside when it returns, nor comes in before what it returns is called. */
export function closeGate(at = gate()): () => void {
  if (at === undefined) return () => {}
  const { words } = at
  fetchAdd(words, CLOSERS, 1)
  at.nrMine++
  for (let nr = loadAcquire(words, INSIDE); nr > 0; nr = loadAcquire(words, INSIDE)) {
    if (futexWait(words, INSIDE, nr, LIMIT_MS) === 'timed-out') break
  }
  return () => {
    at.nrMine--
    fetchAdd(words, CLOSERS, -1)
    futexWake(words, CLOSERS, ALL)
  }
}
