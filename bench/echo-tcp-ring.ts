/**
 * An echo server on the bare ring: one multishot accept, one multishot receive a connection, a ring of buffers. Main
 * thread of the server's process.
 *
 * What is received is sent from the buffer it came in, which goes back to the ring of buffers when it is sent. A client
 * has one message on its way, so no two sends of a connection are in flight at once.
 */
import * as uring from 'uring/ring'
import { EADDRINUSE, EINTR, ENOBUFS } from '../src/lib/errno.js'

const ENTRIES = 512
const NR_BUFFERS = 512
const BUFFER_BYTES = 2048
const GROUP = 0
const LOWEST_PORT = 20_000
const NR_PORTS = 40_000
const BACKLOG = 128
/** How long the event loop waits for the rest of its work, as Uring's default is. */
const TURN_MS = 1

const FLAGS =
  uring.IORING_SETUP_SINGLE_ISSUER |
  uring.IORING_SETUP_DEFER_TASKRUN |
  uring.IORING_SETUP_TASKRUN_FLAG |
  uring.IORING_SETUP_SUBMIT_ALL

// user_data, the low word: what it is, and of which connection; the high word is the buffer of a send.
const ACCEPT = 0
const RECV = 1
const SEND = 2
const CLOSE = 3
const KIND_BITS = 2
const KIND_MASK = 3

export class RingEcho {
  readonly port: number
  readonly #ring: uring.Ring
  readonly #listener: number
  readonly #memory = new Uint8Array(NR_BUFFERS * BUFFER_BYTES)
  readonly #base = uring.addressOf(this.#memory)
  readonly #group: uring.BufRing

  constructor(syscalls: uring.Syscalls) {
    this.#ring = uring.queueInit(syscalls, ENTRIES, { flags: FLAGS, cqEntries: 4 * ENTRIES })
    const group = uring.setupBufRing(this.#ring, NR_BUFFERS, GROUP)
    if (typeof group === 'number') throw uring.errnoError(group, 'io_uring_register')
    this.#group = group
    for (let bid = 0; bid < NR_BUFFERS; bid++) group.give(this.#base + bid * BUFFER_BYTES, BUFFER_BYTES, bid)
    this.#listener = this.#run((words, at) => uring.prepSocket(words, at, uring.AF_INET, uring.SOCK_STREAM, 0, 0))
    this.port = this.#listen()
    this.#accept()
  }

  /** A free port: nobody tells which one the kernel chose before Linux 6.19. */
  #listen(): number {
    for (;;) {
      const port = LOWEST_PORT + Math.floor(Math.random() * NR_PORTS)
      const name = uring.sockaddrOf('127.0.0.1', port)
      const bind = (words: Int32Array, at: number) =>
        uring.prepBind(words, at, this.#listener, uring.addressOf(name), name.byteLength)
      if (this.#run(bind, -EADDRINUSE) < 0) continue
      this.#run((words, at) => uring.prepListen(words, at, this.#listener, BACKLOG))
      return port
    }
  }

  /** One request and its result; throws for one that fails, but for `allowed`. */
  #run(fill: (words: Int32Array, at: number) => void, allowed = 0): number {
    fill(this.#ring.sq.words, this.#ring.sq.getSqe())
    this.#ring.submitAndWait(1)
    const res = this.#ring.cq.res()
    this.#ring.cq.advance(1)
    if (res < 0 && res !== allowed) throw uring.errnoError(res, 'io_uring')
    return res
  }

  /** Has the eventfd signalled when there is something to do. */
  notify(eventfd: number): void {
    const res = uring.registerEventfd(this.#ring, eventfd)
    if (res < 0) throw uring.errnoError(res, 'io_uring_register')
  }

  /** Sleeps until something has completed. */
  submitAndWait(): void {
    const res = this.#ring.submitAndWait(1)
    if (res < 0 && res !== -EINTR) throw uring.errnoError(res, 'io_uring_enter')
  }

  /** On the event loop: does what there is, for a while; then sees to it that it is woken, or has another turn. */
  readonly turn = (): void => {
    const { cq } = this.#ring
    const endMs = performance.now() + TURN_MS
    cq.setEventfdEnabled(false)
    do {
      this.#ring.submitAndGetEvents()
      if (this.handle() > 0) continue
      cq.setEventfdEnabled(true)
      // What came before it was on gave no signal.
      if (cq.ready() === 0 && !this.#ring.cqNeedsEnter()) return
      cq.setEventfdEnabled(false)
    } while (performance.now() < endMs)
    setImmediate(this.turn)
  }

  /** Deals with all completions there are; what it asks for in turn is not submitted yet. Returns how many there were. */
  handle(): number {
    const { cq } = this.#ring
    const nr = cq.ready()
    let nrBack = 0
    for (let i = 0; i < nr; i++) {
      const low = cq.userData(i)
      const fd = low >>> KIND_BITS
      switch (low & KIND_MASK) {
        case ACCEPT:
          if (cq.res(i) >= 0) this.#receive(cq.res(i))
          if ((cq.flags(i) & uring.IORING_CQE_F_MORE) === 0) this.#accept()
          break
        case RECV:
          this.#received(fd, cq.res(i), cq.flags(i))
          break
        case SEND:
          this.#putBack(cq.userDataHigh(i), nrBack++)
          break
      }
    }
    if (nrBack > 0) this.#group.advance(nrBack)
    cq.advance(nr)
    return nr
  }

  #received(fd: number, res: number, flags: number): void {
    const bid = uring.bufferOf(flags)
    if (res > 0 && bid !== undefined) {
      const at = this.#sqe()
      uring.prepSend(this.#words, at, fd, this.#base + bid * BUFFER_BYTES, res, uring.MSG_WAITALL)
      uring.setUserData(this.#words, at, (fd << KIND_BITS) | SEND, bid)
    }
    if ((flags & uring.IORING_CQE_F_MORE) !== 0) return
    // Out of buffers it ends too, and goes on when some are back.
    if (res > 0 || res === -ENOBUFS) this.#receive(fd)
    else {
      const at = this.#sqe()
      uring.prepClose(this.#words, at, fd)
      uring.setUserData(this.#words, at, CLOSE)
    }
  }

  #receive(fd: number): void {
    const at = this.#sqe()
    uring.prepRecvMultishot(this.#words, at, fd, 0, 0, 0)
    uring.setFlags(this.#words, at, uring.IOSQE_BUFFER_SELECT)
    uring.setBufGroup(this.#words, at, GROUP)
    uring.setUserData(this.#words, at, (fd << KIND_BITS) | RECV)
  }

  #accept(): void {
    const at = this.#sqe()
    uring.prepMultishotAccept(this.#words, at, this.#listener, 0, 0, 0)
    uring.setUserData(this.#words, at, ACCEPT)
  }

  /** Nobody sees it before the group is told of all of them. */
  #putBack(bid: number, offset: number): void {
    this.#group.add(this.#base + bid * BUFFER_BYTES, BUFFER_BYTES, bid, offset)
  }

  /** What is queued is submitted when there is no room. */
  #sqe(): number {
    for (;;) {
      const at = this.#ring.sq.getSqe()
      if (at !== uring.SQ_FULL) return at
      this.#ring.submit()
    }
  }

  get #words(): Int32Array {
    return this.#ring.sq.words
  }
}
