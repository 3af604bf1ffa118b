/**
 * The parts of a pool on its owner's side, made and joined: each knows the others that it calls, and what else happens by
 * hooks. Owner thread only.
 *
 * Nothing here runs for a job: giver.ts is the way there, life.ts the way back.
 */
import { loadAcquire } from '../lib/barrier.js'
import { URL } from '../lib/globals.js'
import { watchWriters } from '../lib/writers.js'
import { ITEM_RUNNING, ITEM_SLOT_SHIFT } from '../wq/layout.js'
import type { WqHooks } from '../wq/options.js'
import { STATE } from '../wq/words.js'
import { Wq } from '../wq/wq.js'
import { verifyAtRest } from './at-rest.js'
import { Blocks } from './between/arena.js'
import type { PoolSeat } from './between/messages.js'
import { NameTable } from './between/names.js'
import { JOB, Space } from './between/record.js'
import { SharedBufferIds } from './between/shared-buffers.js'
import { watchedSpace } from './between/watch.js'
import { badPoolOptions, checkAffinity } from './checks.js'
import { Control } from './control.js'
import { Encoding } from './give/encoding.js'
import { Giver } from './give/giver.js'
import { Intake, QUEUE } from './give/intake.js'
import { Outgoing } from './give/outgoing.js'
import { Post } from './give/post.js'
import { Room } from './give/room.js'
import { Histograms } from './home/histograms.js'
import { Incoming } from './home/incoming.js'
import { JobEvents } from './home/job-events.js'
import { Poller, type PollerHooks } from './home/poller.js'
import { Ports } from './home/ports.js'
import { closedError, Settler } from './home/settler.js'
import type { PoolListeners } from './home/untold.js'
import { Aborts } from './jobs/aborts.js'
import { Carried } from './jobs/carried.js'
import { InFlight } from './jobs/in-flight.js'
import { killMsOf } from './jobs/job-options.js'
import { KeyTable, NR_BUCKETS } from './jobs/keys.js'
import { Life } from './life.js'
import { POOL_OPTIONS, type PoolOptions } from './options.js'
import { OpenStreams } from './run-sync.js'
import { PoolThreads, startFailure } from './threads.js'
import { crewOf, seatOf } from './worker-options.js'

/** Jobs that have records; more wait in private memory. */
const NR_ITEMS = 8192

/** What is asked for, read and checked before anything is made. Throws what is wrong with it. */
function read(href: string, given: PoolOptions) {
  const options = POOL_OPTIONS.read(given)
  const bad = badPoolOptions(options)
  if (bad !== undefined) throw bad
  const crew = crewOf(options)
  const affinity = checkAffinity(options.affinity)
  const carried = options.asyncContext === undefined ? undefined : new Carried(options.asyncContext)
  const histograms = options.histograms === true ? new Histograms(NR_ITEMS) : undefined
  const space = Space.create(crew.nrSlots)
  watchWriters('owner', watchedSpace(space))
  const seat: PoolSeat = seatOf(space.sab, histograms?.sab, href, options)
  return { options, crew, affinity, carried, histograms, space, seat, sharedKeys: options.keys?.join() }
}

type Asked = ReturnType<typeof read>

export class Owner {
  readonly name: string | undefined
  readonly #space: Space
  readonly blocks: Blocks
  readonly names: NameTable
  readonly histograms: Histograms | undefined
  readonly poller: Poller
  readonly threads: PoolThreads
  readonly wq: Wq
  readonly ports: Ports
  readonly events = new JobEvents(
    () => this.ports,
    (listener) => this.streams.close(listener),
    {
      onFailure: (error) => this.threads.tell(error),
      onStart: (item) => this.control.onStart(item),
    },
  )
  readonly aborts = new Aborts((job, reason) => this.control.onAbort(job, reason))
  /** Iterations whose values this thread has to take. */
  readonly streams: OpenStreams
  /** Iterations of which nothing will come while nobody asks. */
  nrPaused = 0
  readonly jobs: InFlight
  readonly settler: Settler
  /** The way to the postmaster. */
  readonly post: Post
  readonly outgoing: Outgoing
  readonly intake: Intake
  readonly control: Control
  readonly killMs: number | undefined
  readonly giver: Giver
  readonly life: Life
  nrDied = 0

  constructor(href: string, given: PoolOptions, listeners: WeakRef<PoolListeners>) {
    const asked = read(href, given)
    const { options, space, sharedKeys } = asked
    this.name = options.name
    this.#space = space
    this.histograms = asked.histograms
    this.blocks = Blocks.ofArena(space)
    this.names = new NameTable(space)
    const ids = new SharedBufferIds(space)
    this.post = this.#postOf(asked, ids)
    this.outgoing = new Outgoing(space, this.blocks, this.post)
    this.streams = OpenStreams.of(options.keys?.buffer)
    this.poller = new Poller(space, this.#pollerHooks())
    this.threads = this.#threadsOf(asked.seat, listeners)
    this.wq = this.#wqOf(asked)
    this.ports = this.#portsOf(ids)
    const { mem, tails } = this.wq
    const keys = new KeyTable(tails, sharedKeys, (bucket, word) => mem.setHolderAt(bucket, word))
    this.jobs = new InFlight(NR_ITEMS, keys, this.blocks)
    this.jobs.onEnded = (extras) => this.control.onEnded(extras)
    const newEncoding = (words: Int32Array) => new Encoding(words, space, ids, this.blocks)
    this.settler = this.#settlerOf(newEncoding(mem.words))
    this.intake = new Intake(this)
    this.killMs = killMsOf(options)
    this.control = new Control(this)
    const { queueLimit } = options
    const room = queueLimit === undefined ? undefined : new Room(queueLimit, () => this.intake.nrInFlight)
    this.giver = this.#giverOf(asked, room, newEncoding)
    this.life = this.#lifeOf(room)
    if (asked.affinity !== undefined) this.wq.setAffinity(asked.affinity)
    this.wq.start()
  }

  #pollerHooks(): PollerHooks {
    return {
      drain: () => this.life.drain(),
      isDrained: () => this.wq.isQueueEmpty(QUEUE),
      onClaims: () => this.threads.onClaims(() => this.#answerClaims()),
      onStall: () => this.wq.nudge(),
      isBusy: () => this.intake.nrInFlight > 0,
      onRest: () => verifyAtRest(this, false),
      isAwaited: () => this.intake.nrInFlight > this.nrPaused || this.life.isWaitedFor || this.control.isFlushing,
    }
  }

  #threadsOf(seat: PoolSeat, listeners: WeakRef<PoolListeners>): PoolThreads {
    return new PoolThreads(this.#space, seat, {
      wq: () => this.wq,
      ports: () => this.ports,
      drain: () => this.life.drain(),
      look: () => this.poller.look(),
      name: this.name,
      listeners,
    })
  }

  #wqOf({ crew, seat, sharedKeys }: Asked): Wq {
    return new Wq({
      ...crew,
      nrQueues: 1,
      nrBuckets: NR_BUCKETS,
      nrItems: NR_ITEMS,
      payloadBytes: JOB.size,
      payloadHash: JOB.hash,
      workerEntry: new URL('./worker/worker.js', import.meta.url),
      ...this.threads.seats,
      startTimeoutMs: seat.startTimeoutMs,
      hashSeat: sharedKeys?.hashSeat,
      hooks: this.#wqHooks(),
    })
  }

  #wqHooks(): WqHooks {
    return {
      onCancelled: (item, noWorker, why = closedError) => {
        this.settler.cancelled(item, noWorker === undefined ? why : () => startFailure(noWorker))
        // The rest not from in here: this may run inside a walk over the items.
        this.poller.look()
      },
      onDied: (item, error) => this.settler.died(item, error),
      onRecovered: () => {
        this.nrDied++
        this.poller.look()
      },
      onToldToStop: (slot) => this.ports.tell(slot, null),
      onWorkerMade: this.threads.onMade,
      startError: this.threads.startError,
      onUntold: this.threads.onUntold,
    }
  }

  #portsOf(ids: SharedBufferIds): Ports {
    return new Ports(this.#space, ids, {
      onWake: this.poller.onWake,
      onWakeTaken: () => this.poller.look(),
      onEvent: (message, slot) => this.events.deliver(message, slot),
      onGreeted: (slot) => this.post.greeted(slot),
    })
  }

  #postOf({ crew }: Asked, ids: SharedBufferIds): Post {
    const post = new Post(this.#space, {
      idleMs: crew.idleTimeoutMs,
      slots: () => this.ports.slots(),
      introduce: (slot, port) => this.ports.introduce(slot, port),
      idOf: (buffer) => ids.idOf(buffer),
    })
    ids.onCollected = (id) => post.forget(id)
    return post
  }

  #settlerOf({ codec }: Encoding): Settler {
    const { wq, jobs, ports, aborts, events, histograms } = this
    return new Settler({
      mem: wq.mem,
      jobs,
      incoming: new Incoming(wq.mem, this.#space, codec, ports),
      aborts,
      events,
      histograms,
      prove: (name, func) => this.names.prove(name, func),
      free: (item) => wq.free(item),
    })
  }

  #giverOf({ options, carried }: Asked, room: Room | undefined, newEncoding: (words: Int32Array) => Encoding): Giver {
    const { wq, jobs, aborts, names, outgoing, intake, histograms } = this
    return new Giver({
      wq,
      jobs,
      aborts,
      names,
      outgoing,
      intake,
      histograms,
      carried,
      room,
      queueLimit: options.queueLimit ?? Number.POSITIVE_INFINITY,
      newEncoding,
      extrasFrom: (asked, job, name) => this.control.extrasFrom(asked, job, name),
    })
  }

  #lifeOf(room: Room | undefined): Life {
    const { wq, settler, intake, giver, poller, control, ports, post } = this
    const verify = (isClosed: boolean) => verifyAtRest(this, isClosed)
    return new Life({ wq, settler, intake, room, giver, poller, control, ports, post, verify })
  }

  #answerClaims(): void {
    const { mem } = this.wq
    this.ports.answerClaims((item, slot) => {
      const state = loadAcquire(mem.words, mem.item(item) + STATE)
      return state === (ITEM_RUNNING | (slot << ITEM_SLOT_SHIFT)) ? (this.jobs.heldFor(item) ?? null) : undefined
    })
  }
}
