/**
 * Faults that a test has to catch: a place in the build, what is put there, and the test. Data; add one with the test of
 * each mended fault.
 */
import type { Fault } from './plant.js'

// biome-ignore format: table
export const FAULTS: readonly Fault[] = [
  { name: 'items land at the end of a repair', file: 'wq/homes', from: 'const land = (item) => this.#land(queue, item);', to: 'const land = (item) => setImmediate(() => this.#land(queue, item));', test: 'test/model/wq-homes' },
  { name: 'only the queues of the last death are cleared', file: 'wq/homes', from: 'if (items.size > 0)', to: 'if (false)', test: 'test/model/wq-homes' },
  { name: 'pieces of a queue in any order', file: 'wq/recover', from: '!comesBefore(mem, other, piece)', to: 'true', test: 'test/model/wq-homes' },
  { name: 'the tail of a queue before its middle', file: 'wq/recover', from: 'return b.isTail;', to: 'return a.isTail;', test: 'test/model/wq-homes' },
  { name: 'what landed is found once more', file: 'wq/homes', from: '| (-1 << ITEM_SLOT_SHIFT)', to: '| (words[at] & ~ITEM_STATE_MASK)', test: 'test/model/wq-homes' },
  { name: 'a failure to look is taken for a death', file: 'wq/proc', from: 'return isThreadGone(tid) ? GONE : 0;', to: 'return GONE;', test: 'src/wq/proc' },
  { name: 'a thread that is gone is not', file: 'wq/proc', from: "return existsSync('/proc/thread-self/');", to: 'return false;', test: 'src/wq/proc' },
  { name: 'another number of threads is taken for all', file: 'wq/proc', from: 'count - 2 !== tids.size', to: 'false', test: 'src/wq/proc' },
  { name: 'a pop that does not wait for a push half done', file: 'lib/mpscq', from: 'if (cmpxchg(words, tail, node, STUB) !== node)\n                return NONE;', to: 'cmpxchg(words, tail, node, STUB);', test: 'src/lib/mpscq' },
  { name: 'a push that tells of no edge', file: 'lib/mpscq', from: 'return old === STUB;', to: 'return false;', test: 'src/lib/mpscq' },
  { name: 'an empty queue that says it is not', file: 'lib/mpscq', from: 'return words[cursorWord] === STUB && loadAcquire(words, tail) === STUB;', to: 'return false;', test: 'src/lib/mpscq' },
  { name: 'the overflow flag goes one too early', file: 'backends/threads/complete', from: 'if (overflow.length === 0)', to: 'if (overflow.length <= 4)', test: 'test/conformance/cq' },
  { name: 'the overflow flag goes while four wait', file: 'backends/threads/complete', from: 'if (overflow.length === 0)', to: 'if (overflow.length <= 16)', test: 'test/conformance/cq' },
]
