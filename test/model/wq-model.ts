/**
 * What an io-wq may do, as a small machine: queues, workers' hands, and every way to go on from there. No threads.
 *
 * The machine is not told when a worker does something: it keeps all states that may be by now, and each answer and each
 * look at the real one rules some out. None left means that the real one did what it must not. The numbers in brackets
 * are the invariants of ARCHITECTURE.md.
 */
export const QUICK = 0
/** Runs until released. */
export const HELD = 1
/** Runs until released, or cancelled while it runs. */
export const HEEDFUL = 2

export interface Item {
  readonly id: number
  readonly acct: number
  /** Below 0: not hashed. */
  readonly bucket: number
  readonly kind: number
}

/** What one worker has: the run it cut off the list, the first of it begun or not. */
export interface Hand {
  readonly acct: number
  readonly begun: boolean
  readonly items: readonly number[]
}

export interface State {
  readonly queues: readonly [readonly number[], readonly number[]]
  readonly hands: readonly Hand[]
}

export type Answer = 'ok' | 'running' | 'notfound'

/** How many workers each account may have. */
export type Pair = readonly [bound: number, unbound: number]

export const START: State = { queues: [[], []], hands: [] }

/** States by what they are, so that each is there once. */
export type States = ReadonlyMap<string, State>

export class Machine {
  readonly #items = new Map<number, Item>()
  readonly #released = new Set<number>()
  readonly #told = new Set<number>()
  states: States = only([START])

  /** [7, 13] A hashed item joins its bucket's run, another goes last. */
  enqueue(item: Item): void {
    this.#items.set(item.id, item)
    this.#each(({ queues, hands }) => {
      const queue = queues[item.acct]!
      const last = item.bucket < 0 ? -1 : queue.findLastIndex((id) => this.#bucket(id) === item.bucket)
      return [
        {
          queues: withQueue(queues, item.acct, queue.toSpliced(last < 0 ? queue.length : last + 1, 0, item.id)),
          hands,
        },
      ]
    })
  }

  /** A held item may end. */
  release(id: number): void {
    this.#released.add(id)
  }

  /** [10] A cancel gave this answer. */
  cancel(id: number, answer: Answer): void {
    this.#each((state) => {
      const [then, says] = this.#cancelled(state, id)
      return says === answer ? [then] : []
    })
    if (answer === 'running') this.#told.add(id)
  }

  /** A cancel of the first of `ids` met that is pending, else of one that runs, gave this answer for `found`. */
  cancelOne(ids: readonly number[], found: number | undefined, answer: Answer): void {
    this.#each((state) => {
      const says = ids.map((id) => this.#cancelled(state, id)[1])
      const strongest = (['ok', 'running'] as const).find((one) => says.includes(one)) ?? 'notfound'
      return strongest === answer ? [state] : []
    })
    if (found !== undefined) this.cancel(found, answer)
  }

  #cancelled({ queues, hands }: State, id: number): [then: State, says: Answer] {
    const acct = queues.findIndex((queue) => queue.includes(id))
    if (acct >= 0) {
      return [
        {
          queues: withQueue(
            queues,
            acct,
            queues[acct]!.filter((other) => other !== id),
          ),
          hands,
        },
        'ok',
      ]
    }
    const at = hands.findIndex(({ items }) => items.includes(id))
    if (at < 0) return [{ queues, hands }, 'notfound']
    const hand = hands[at]!
    if (hand.begun && hand.items[0] === id) return [{ queues, hands }, 'running']
    const items = hand.items.filter((other) => other !== id)
    return [{ queues, hands: withHand(hands, at, items.length > 0 ? { ...hand, items } : undefined) }, 'ok']
  }

  /** All that may be by now, with so many workers at most; those where nobody can go on are what it may come to. */
  settle(limits: Pair): States {
    const seen = new Map(this.states)
    const ends = new Map<string, State>()
    const open = [...seen.values()]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      const next = this.#moves(state, limits)
      if (next.length === 0) ends.set(key(state), state)
      for (const one of next) {
        const name = key(one)
        if (seen.has(name)) continue
        seen.set(name, one)
        open.push(one)
      }
    }
    this.states = seen
    return ends
  }

  #moves({ queues, hands }: State, limits: Pair): State[] {
    const busy = new Set(hands.map(({ items }) => this.#bucket(items[0]!)).filter((bucket) => bucket >= 0))
    const next: State[] = []
    for (const [at, hand] of hands.entries()) {
      const [first, ...rest] = hand.items
      if (!hand.begun) next.push({ queues, hands: withHand(hands, at, { ...hand, begun: true }) })
      else if (!this.#blocks(first!)) {
        next.push({
          queues,
          hands: withHand(hands, at, rest.length > 0 ? { ...hand, begun: false, items: rest } : undefined),
        })
      }
    }
    for (const [acct, queue] of queues.entries()) {
      if (hands.filter((hand) => hand.acct === acct).length >= limits[acct]!) continue
      // [7, 9] The first whose bucket is free, with its whole run.
      const first = queue.find((id) => !busy.has(this.#bucket(id)))
      if (first === undefined) continue
      const bucket = this.#bucket(first)
      const items = bucket < 0 ? [first] : queue.filter((id) => this.#bucket(id) === bucket)
      const left = queue.filter((id) => !items.includes(id))
      next.push({ queues: withQueue(queues, acct, left), hands: [...hands, { acct, begun: false, items }] })
    }
    return next
  }

  #bucket(id: number): number {
    return this.#items.get(id)!.bucket
  }

  #blocks(id: number): boolean {
    const { kind } = this.#items.get(id)!
    if (kind === QUICK || this.#released.has(id)) return false
    return !(kind === HEEDFUL && this.#told.has(id))
  }

  #each(then: (state: State) => State[]): void {
    this.states = only([...this.states.values()].flatMap(then))
  }
}

/** A state as text; hands in no order. */
export function key({ queues, hands }: State): string {
  const held = hands.map(({ acct, begun, items }) => `${acct}${begun ? '!' : '?'}${items}`).sort()
  return `${queues[0]}|${queues[1]}|${held.join(' ')}`
}

export function only(states: readonly State[]): States {
  return new Map(states.map((state) => [key(state), state]))
}

function withQueue(queues: State['queues'], acct: number, queue: readonly number[]): State['queues'] {
  return acct === 0 ? [queue, queues[1]] : [queues[0], queue]
}

function withHand(hands: readonly Hand[], at: number, hand: Hand | undefined): Hand[] {
  return hand === undefined ? hands.toSpliced(at, 1) : hands.with(at, hand)
}
