/**
 * Thread entry of a pool's postmaster: keeps what goes to jobs by message until a worker asks for it. Its own thread; it
 * runs no code of programs, and sleeps on a futex.
 *
 * It turns its event loop before it sleeps: the ports that have passed through here are closed there.
 */
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type TransferListItem,
  workerData,
} from 'node:worker_threads'
import { exit, setImmediate } from '../../lib/globals.js'
import {
  type Delivery,
  MAIL_BUFFER,
  MAIL_DROP,
  MAIL_FORGET,
  MAIL_LETTER,
  type Mail,
  type PostSeat,
} from '../between/mail.js'
import { ASK_LETTER, postCalls, replyToAsks, sleepPost } from '../between/post.js'
import { Space } from '../between/record.js'

interface Letter {
  readonly body: unknown
  readonly transfer: readonly TransferListItem[]
}

const { space: sab, inbox, idleMs } = workerData as PostSeat
const space = Space.attach(sab)
const letters = new Map<number, Letter>()
const buffers = new Map<number, SharedArrayBuffer>()
const seats = new Map<number, MessagePort>()
/** What is posted to a port that is closed moves there, and is gone at once. */
const bin = new MessageChannel().port1
bin.close()
/** Ports have: they are to be closed. */
let hasPassed = false

/** The next of what was posted; one that cannot be read is none. */
function next(): Mail | 'unread' | undefined {
  try {
    return receiveMessageOnPort(inbox)?.message as Mail | undefined
  } catch {
    return 'unread'
  }
}

function takeMail(): void {
  for (let mail = next(); mail !== undefined; mail = next()) if (mail !== 'unread') take(mail)
}

function take(mail: Mail): void {
  switch (mail[0]) {
    case MAIL_LETTER:
      letters.set(mail[1], { body: mail[2], transfer: mail[3] })
      break
    case MAIL_BUFFER:
      buffers.set(mail[1], mail[2])
      break
    case MAIL_DROP: {
      const letter = letters.get(mail[1])
      if (letter === undefined) break
      letters.delete(mail[1])
      send(bin, null, letter.transfer)
      break
    }
    case MAIL_FORGET:
      for (const number of mail[1]) buffers.delete(number)
      break
    default:
      hasPassed = true
      seats.get(mail[1])?.close()
      seats.set(mail[1], mail[2])
  }
}

function give(slot: number, what: number, number: number): boolean {
  // Of a worker that has just sat down, the port may be there still unread.
  takeMail()
  const port = seats.get(slot)
  if (port === undefined) return false
  if (what !== ASK_LETTER) {
    const buffer = buffers.get(number)
    if (buffer !== undefined) port.postMessage([number, buffer] satisfies Delivery)
    return buffer !== undefined
  }
  const letter = letters.get(number)
  if (letter === undefined) return false
  letters.delete(number)
  return send(port, [number, letter.body], letter.transfer)
}

function send(port: MessagePort, delivery: Delivery | null, transfer: readonly TransferListItem[]): boolean {
  hasPassed ||= transfer.some((one) => !(one instanceof ArrayBuffer))
  try {
    port.postMessage(delivery, transfer)
    return true
  } catch {
    return false
  }
}

function run(): void {
  for (;;) {
    const seen = postCalls(space)
    replyToAsks(space, give)
    takeMail()
    if (hasPassed) {
      hasPassed = false
      setImmediate(run)
      return
    }
    if (!sleepPost(space, seen, idleMs)) exit()
  }
}

run()
