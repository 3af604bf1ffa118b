/**
 * The servers of echo-tcp.ts: `node echo-tcp-server.js raw|loop|net` prints its port and echoes until it is killed. Main
 * thread of a process.
 */
import { writeSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { constants } from 'node:os'
import { loadSyscalls } from 'uring/ring'
import { libc } from '../src/sys/libc.js'
import { LoopWaker } from '../src/sys/loop.js'
import { RingEcho } from './echo-tcp-ring.js'

const PR_SET_PDEATHSIG = 1

const tell = (port: number) => writeSync(1, `${port}\n`)

/** As one writes it. */
function serveNet(): void {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('error', () => {})
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 128 }, () => tell((server.address() as AddressInfo).port))
}

/** Nothing but the ring: the thread sleeps in io_uring_enter, and no event loop runs. */
async function serveRaw(): Promise<void> {
  const echo = new RingEcho(await loadSyscalls('kernel'))
  tell(echo.port)
  for (;;) {
    echo.submitAndWait()
    echo.handle()
  }
}

/** The ring beside everything else a Node program does: the event loop sleeps, and the ring's eventfd wakes it. */
async function serveOnLoop(): Promise<void> {
  const echo = new RingEcho(await loadSyscalls('kernel'))
  const waker = new LoopWaker(() => echo.turn())
  waker.ref()
  echo.notify(waker.fd)
  tell(echo.port)
  echo.turn()
}

// A server that never looks up would outlive a bench that was killed.
libc('prctl')(PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0)
const kind = process.argv[2]
if (kind === 'net') serveNet()
else if (kind === 'raw') await serveRaw()
else await serveOnLoop()
