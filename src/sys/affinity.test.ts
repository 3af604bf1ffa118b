import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EINVAL } from '../lib/errno.js'
import { cpusOfMask, numaNodes, parseCpuList, setThreadCpus, threadCpus } from './affinity.js'

test('a list of processors is read as Linux writes it', () => {
  assert.deepEqual(parseCpuList('0-3,8\n'), [0, 1, 2, 3, 8])
  assert.deepEqual(parseCpuList('7'), [7])
  assert.deepEqual(parseCpuList('\n'), [])
})

test('a mask has its lowest bit first', () => {
  assert.deepEqual(cpusOfMask(Uint8Array.of(0b101, 0b10)), [0, 2, 9])
})

test('a thread stays where it is put, and says so', () => {
  const before = threadCpus()
  assert.ok(before !== undefined && before.length > 0)
  const one = before.slice(-1)
  assert.equal(setThreadCpus(one), 0)
  assert.deepEqual(threadCpus(), one)
  assert.equal(setThreadCpus(before), 0)
  assert.deepEqual(threadCpus(), before)
})

test('a set without a processor that there is, or of no numbers, is refused', () => {
  assert.equal(setThreadCpus([]), -EINVAL)
  assert.equal(setThreadCpus([8191]), -EINVAL)
  for (const bad of [-1, 0.5, 8192, Number.NaN]) assert.equal(setThreadCpus([bad]), -EINVAL)
})

test('nodes are those of sysfs that have processors', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uring-nodes-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, list] of Object.entries({ node1: '2-3\n', node0: '0-1\n', node2: '\n' })) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'cpulist'), list)
  }
  writeFileSync(join(folder, 'online'), '0-2\n')
  assert.deepEqual(numaNodes(folder), [
    { node: 0, cpus: [0, 1] },
    { node: 1, cpus: [2, 3] },
  ])
  assert.deepEqual(numaNodes(join(folder, 'none')), [])
})
