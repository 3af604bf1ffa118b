/**
 * The load generator of echo-tcp.ts: connections that each send a message, wait for it to come back, and send the next.
 * Main thread.
 *
 * On the bare ring too, and cheaper than any server: a message costs it one send, which completes silently, and one
 * completion of a multishot receive into a ring of buffers; it sleeps in io_uring_enter until some have come.
 */
import { closeSync } from 'node:fs'
import * as uring from 'uring/ring'
import type { Round } from './bench.js'
import { Meter } from './meter.js'

const MESSAGE_BYTES = 128
const GROUP = 0
const FLAGS = uring.IORING_SETUP_SINGLE_ISSUER | uring.IORING_SETUP_DEFER_TASKRUN | uring.IORING_SETUP_SUBMIT_ALL

export class EchoClient {
  readonly #ring: uring.Ring
  readonly #fds: Int32Array
  readonly #message = new Uint8Array(MESSAGE_BYTES)
  readonly #memory: Uint8Array
  readonly #group: uring.BufRing
  /** Bytes of its message that a connection still waits for. */
  readonly #due: Int32Array
  readonly #began: Float64Array

  private constructor(ring: uring.Ring, nrConnections: number) {
    this.#ring = ring
    this.#fds = new Int32Array(nrConnections)
    this.#due = new Int32Array(nrConnections)
    this.#began = new Float64Array(nrConnections)
    // A piece of a message takes a buffer of its own.
    const nrBuffers = 4 * nrConnections
    this.#memory = new Uint8Array(nrBuffers * MESSAGE_BYTES)
    const group = uring.setupBufRing(ring, nrBuffers, GROUP)
    if (typeof group === 'number') throw uring.errnoError(group, 'io_uring_register')
    this.#group = group
    for (let bid = 0; bid < nrBuffers; bid++) this.#give(bid, bid)
    group.advance(nrBuffers)
    for (let i = 0; i < MESSAGE_BYTES; i++) this.#message[i] = i
  }

  /** `nrConnections`, a power of two. */
  static async connect(port: number, nrConnections: number): Promise<EchoClient> {
    const ring = uring.queueInit(await uring.loadSyscalls('kernel'), 4 * nrConnections, { flags: FLAGS })
    const client = new EchoClient(ring, nrConnections)
    const name = uring.sockaddrOf('127.0.0.1', port)
    for (let i = 0; i < nrConnections; i++) {
      const fd = client.#run((words, at) => uring.prepSocket(words, at, uring.AF_INET, uring.SOCK_STREAM, 0, 0))
      client.#run((words, at) => uring.prepConnect(words, at, fd, uring.addressOf(name), name.byteLength))
      client.#fds[i] = fd
    }
    for (let i = 0; i < nrConnections; i++) client.#receive(i)
    return client
  }

  #run(fill: (words: Int32Array, at: number) => void): number {
    fill(this.#ring.sq.words, this.#ring.sq.getSqe())
    this.#ring.submitAndWait(1)
    const res = this.#ring.cq.res()
    this.#ring.cq.advance(1)
    if (res < 0) throw uring.errnoError(res, 'io_uring')
    return res
  }

  round(roundMs: number): Round {
    const { cq } = this.#ring
    const meter = new Meter(roundMs)
    let nrWaiting = this.#fds.length
    for (let i = 0; i < nrWaiting; i++) this.#send(i, meter)
    while (nrWaiting > 0) {
      const entered = this.#ring.submitAndWait(1)
      if (entered < 0) throw uring.errnoError(entered, 'io_uring_enter')
      const nr = cq.ready()
      for (let at = 0; at < nr; at++) {
        const i = cq.userData(at)
        const res = cq.res(at)
        this.#check(i, res, cq.flags(at))
        this.#give(uring.bufferOf(cq.flags(at))!, at)
        this.#due[i] = this.#due[i]! - res
        if (this.#due[i]! > 0) continue
        meter.end(this.#began[i]!)
        if (meter.goesOn) this.#send(i, meter)
        else nrWaiting--
      }
      this.#group.advance(nr)
      cq.advance(nr)
    }
    return meter.round()
  }

  #check(i: number, res: number, flags: number): void {
    if (res < 0) throw uring.errnoError(res, 'recv')
    const bid = uring.bufferOf(flags)
    if (res === 0 || bid === undefined || (flags & uring.IORING_CQE_F_MORE) === 0) throw new Error('a connection ended')
    const [first] = this.#memory.subarray(bid * MESSAGE_BYTES)
    if (first !== MESSAGE_BYTES - this.#due[i]!) throw new Error('a message came back changed')
  }

  #send(i: number, meter: Meter): void {
    const { sq } = this.#ring
    const at = sq.getSqe()
    uring.prepSend(sq.words, at, this.#fds[i]!, uring.addressOf(this.#message), MESSAGE_BYTES, uring.MSG_WAITALL)
    uring.setFlags(sq.words, at, uring.IOSQE_CQE_SKIP_SUCCESS)
    uring.setUserData(sq.words, at, i)
    this.#due[i] = MESSAGE_BYTES
    this.#began[i] = meter.begin()
  }

  #receive(i: number): void {
    const { sq } = this.#ring
    const at = sq.getSqe()
    uring.prepRecvMultishot(sq.words, at, this.#fds[i]!, 0, 0, 0)
    uring.setFlags(sq.words, at, uring.IOSQE_BUFFER_SELECT)
    uring.setBufGroup(sq.words, at, GROUP)
    uring.setUserData(sq.words, at, i)
  }

  #give(bid: number, offset: number): void {
    this.#group.add(uring.addressOf(this.#memory) + bid * MESSAGE_BYTES, MESSAGE_BYTES, bid, offset)
  }

  close(): void {
    // The receives end with the ring, and the sockets with them.
    for (const fd of this.#fds) closeSync(fd)
    this.#ring.queueExit()
    this.#group.free()
  }
}
