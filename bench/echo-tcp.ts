/**
 * A TCP echo server on loopback: multishot accept and receive on a bare ring, against node:net. Main thread, which is
 * the load generator of all; each server is a process of its own.
 *
 * 64 connections, each with one message of 128 bytes on its way: it is sent, comes back whole, and is sent again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Bench, Plan, Subject } from './bench.js'
import { EchoClient } from './echo-tcp-client.js'

const SERVER = fileURLToPath(new URL('./echo-tcp-server.js', import.meta.url))
const NR_CONNECTIONS = 64
const NET = 'net.Server'

/** Subject to the kind of server that echo-tcp-server.ts is asked for. */
const KINDS = { 'uring/kernel/raw': 'raw', 'uring/kernel/loop': 'loop', [NET]: 'net' } as const

export const bench: Bench = {
  question: 'how many messages of 128 bytes a second does a TCP echo server return, on 64 connections?',
  unit: 'messages',
  pairs: [
    ['uring/kernel/loop', NET],
    ['uring/kernel/raw', NET],
  ],
  async settings(plan) {
    return [
      {
        name: `connections=${NR_CONNECTIONS}`,
        async open() {
          const subjects: Subject[] = []
          for (const [name, kind] of Object.entries(KINDS)) {
            try {
              subjects.push(await openSubject(name, kind, plan))
            } catch (error) {
              plan.leaveOut(name, (error as Error).message)
            }
          }
          return subjects
        },
      },
    ]
  },
}

async function openSubject(name: string, kind: string, plan: Plan): Promise<Subject> {
  const server = spawn(process.execPath, [SERVER, kind], { stdio: ['ignore', 'pipe', 'pipe'] })
  // It may be in a system call that only a signal ends.
  const stop = () => server.kill('SIGKILL')
  plan.defer(stop)
  try {
    const client = await EchoClient.connect(await portOf(server), NR_CONNECTIONS)
    return {
      name,
      round: async () => client.round(plan.roundMs),
      async close() {
        client.close()
        const exit = once(server, 'exit')
        stop()
        await exit
      },
    }
  } catch (error) {
    stop()
    throw error
  }
}

/** The first line that the server prints. Rejects with the last that it complains, where it ends instead. */
async function portOf(server: ChildProcess): Promise<number> {
  let complaint = ''
  server.stderr!.on('data', (chunk) => {
    complaint += String(chunk)
  })
  for await (const line of createInterface({ input: server.stdout! })) return Number(line)
  throw new Error(/^Error: .*$/m.exec(complaint)?.[0] ?? `the server ended: ${complaint.trim().split('\n').at(-1)}`)
}
