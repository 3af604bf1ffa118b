/**
 * With koffi: no thread is ended while inside koffi, because that would crash the process. Any thread.
 *
 * A thread is inside while it loads koffi, binds a function or makes a view. Code that ends one of our threads first
 * closes the gate, which waits for the threads inside, and opens it when the thread is gone. The words belong to the
 * process: the first thread that asks makes them, and Workers made later share them. The gate does not cover a
 * program's own `worker.terminate()`. With the addon there is no gate. Waits are bounded: a thread that dies inside
 * delays one call alone.
 */
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../lib/barrier.js'
import { builtin } from '../lib/builtin.js'
import { process } from '../lib/globals.js'
import { perThread } from '../lib/per-thread.js'
import { hasAddon } from './addon.js'

const KEY = 'uring koffi gate'
/** The number of threads inside, and of those that keep the gate closed. */
const [INSIDE, CLOSERS, NR_WORDS] = [0, 1, 2]
const LIMIT_MS = 10_000
const ALL = 1 << 30

interface Gate {
  readonly words: Int32Array
  /** How many times this thread keeps the gate closed: a thread does not wait for itself. */
  nrMine: number
}

/** Undefined with the addon. */
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
  // The threads of this thread end with it.
  process.on('exit', () => closeGate(made))
  return made
}

/** Runs `body`, in which the thread may not be ended. */
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
    // The gate was closed in between, by a thread that may not have seen this one.
    if (!mayTry || loadAcquire(words, CLOSERS) <= nrMine) return
    fetchAdd(words, INSIDE, -1)
    futexWake(words, INSIDE, ALL)
  }
}

/** Closes the gate: no thread is inside when it returns, nor enters before the returned function is called. */
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
