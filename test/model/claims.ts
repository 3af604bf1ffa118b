/**
 * Who may touch what between two drains of a generated program. Any thread; no shared state.
 *
 * A file is either shared, and then keeps its size and is claimed by block, or owned by one chain. A descriptor that may
 * be closed is claimed whole.
 */
const BLOCK = 256
const NOBODY = -1

interface BlockClaim {
  writer: number
  readonly readers: Set<number>
}

export class Claims {
  /** File to the chain that owns it; shared files are not in it. */
  readonly #owners = new Map<number, number>()
  readonly #blocks = new Map<string, BlockClaim>()
  readonly #fds = new Map<string, number>()

  /** Makes the file one that the first chain to use it will own. */
  offer(file: number): void {
    this.#owners.set(file, NOBODY)
  }

  isShared(file: number): boolean {
    return !this.#owners.has(file)
  }

  /** Whether the file is this chain's alone, which it becomes if it is offered and nobody has it. */
  own(file: number, chain: number): boolean {
    if (this.#owners.get(file) === NOBODY) this.#owners.set(file, chain)
    return this.#owners.get(file) === chain
  }

  /** Claims the blocks of a range of a shared file; false where another chain is in the way. */
  claimRange(file: number, off: number, len: number, writes: boolean, chain: number): boolean {
    const keys: string[] = []
    for (let block = Math.floor(off / BLOCK); block * BLOCK < off + len; block++) keys.push(`${file} ${block}`)
    const isFree = (key: string) => {
      const claim = this.#blocks.get(key)
      if (claim === undefined) return true
      if (claim.writer !== NOBODY && claim.writer !== chain) return false
      return !writes || [...claim.readers].every((reader) => reader === chain)
    }
    if (!keys.every(isFree)) return false
    for (const key of keys) {
      const claim = this.#blocks.get(key) ?? { writer: NOBODY, readers: new Set<number>() }
      if (writes) claim.writer = chain
      claim.readers.add(chain)
      this.#blocks.set(key, claim)
    }
    return true
  }

  claimFd(name: string, chain: number): boolean {
    if (!this.#fds.has(name)) this.#fds.set(name, chain)
    return this.#fds.get(name) === chain
  }
}
