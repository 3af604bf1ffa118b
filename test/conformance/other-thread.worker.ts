/**
 * The thread of other-thread.ts: does what it is told with a Syscalls of its own, tells what came of it, and ends.
 */
import { constants } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { IOSQE_ASYNC } from '../../src/abi/constants.js'
import { prepMsgRing } from '../../src/ring/prep.js'
import { queueInit } from '../../src/ring/ring.js'
import { tgkill } from '../../src/sys/libc.js'
import { backends } from './backends.js'
import { put, reap, submit } from './cqes.js'
import { nop, read, sqe } from './fills.js'
import type { Action } from './other-thread.js'
import { Stand } from './stand.js'

const action = workerData as Partial<Action>
const backend = backends.find(({ name }) => name === action.backend)!
const syscalls = backend.syscalls!

function runNops(thenLeave: boolean): number {
  const stand = new Stand(backend)
  const ring = queueInit(syscalls, 8)
  for (let i = 0; i < 8; i++) put(ring, i, nop(), IOSQE_ASYNC)
  submit(ring, 8)
  const nrOk = reap(ring, 8).filter(({ res }) => res === 0).length
  if (thenLeave) {
    put(ring, 9, read(stand.pipe().readEnd, stand.alloc(1)))
    submit(ring, 1)
  } else {
    ring.queueExit()
    stand.close()
  }
  return nrOk
}

function sendMessage(target: number): number {
  const ring = queueInit(syscalls, 8)
  put(ring, 1, sqe(prepMsgRing, target, 77, 5, 0))
  submit(ring, 1)
  const [cqe] = reap(ring, 1)
  ring.queueExit()
  return cqe!.res
}

function sendSignals(tid: number): number {
  let nrSent = 0
  for (let i = 0; i < 1000; i++) if (tgkill(tid, constants.signals.SIGUSR2) === 0) nrSent++
  return nrSent
}

const { fd = -1, toSubmit = 0, minComplete = 0, flags = 0 } = action
const act = () => {
  if (action.what === 'enter') return syscalls.enter(fd, toSubmit, minComplete, flags)
  if (action.what === 'signal') return sendSignals(fd)
  return action.what === 'message' ? sendMessage(fd) : runNops(action.what === 'leave')
}
parentPort!.postMessage(act())
