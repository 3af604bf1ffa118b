/**
 * Canaries: memory with a pattern, allocated where memory has just been freed. Whoever still writes there is found out.
 * Main thread.
 *
 * Sizes are those of the buffers under test, so that the allocator gives out the same pieces. Fresh buffers of JavaScript
 * are the ones that count; a pattern is looked at whole.
 */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export const PATTERN = 0xc5
const MAX_BYTES = 65_536
const WHOLE = Buffer.alloc(MAX_BYTES, PATTERN)

/** Has V8 free what nobody holds, whatever flags Node was started with. */
export function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

export class Canaries {
  readonly #birds: Uint8Array[] = []
  readonly #max: number

  /** Keeps the last `max`. */
  constructor(max: number) {
    this.#max = max
  }

  /** Allocates one, of 64 KiB at most. */
  hatch(lengthBytes: number): void {
    // Not of the pool: it has one piece for many.
    const bird = new Uint8Array(new ArrayBuffer(lengthBytes))
    bird.fill(PATTERN)
    this.#birds.push(bird)
    if (this.#birds.length > this.#max) this.#look(this.#birds.shift())
  }

  /** Throws if any has been written to. */
  check(): void {
    for (const bird of this.#birds) this.#look(bird)
  }

  #look(bird: Uint8Array | undefined): void {
    // Quick, for the one who looks is to be in time for the next.
    if (bird === undefined || WHOLE.subarray(0, bird.length).equals(bird)) return
    const at = bird.findIndex((byte) => byte !== PATTERN)
    const found = Buffer.from(bird.subarray(at, at + 16)).toString('hex')
    assert.fail(`a canary of ${bird.length} bytes was written to at ${at}: ${found}`)
  }
}
