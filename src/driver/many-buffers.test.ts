/**
 * readv and writev of more buffers than the system takes at once: one operation, in order, no byte lost. Main thread.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makePipe, onEachBackend, outcomes, scratchDirectory } from './driver.test.backends.js'

const directory = scratchDirectory()

/** Buffers of 0 to 6 bytes. */
function buffers(count: number, first = 0): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, i) => Uint8Array.from({ length: i % 7 }, (_, j) => first + i * 31 + j))
}
const empty = (like: readonly Uint8Array[]) => like.map(({ length }) => new Uint8Array(length))

for (const lend of [false, true]) {
  const how = lend ? 'lent' : 'given'
  onEachBackend(`any number of buffers is one transfer, ${how}`, async (open, backend) => {
    const ring = await open({ lend })
    const path = join(directory, `${backend}-${how}`)
    writeFileSync(path, '')
    const fd = openSync(path, 'r+')
    for (const count of [1023, 1024, 1025, 2048, 5001]) {
      const given = buffers(count, count)
      const bytes = Buffer.concat(given)
      const before = ring.stats()
      assert.equal(await ring.writev(fd, given, 3), bytes.length)
      assert.ok(
        readFileSync(path)
          .subarray(3, 3 + bytes.length)
          .equals(bytes),
        `${count} written`,
      )
      const into = empty(given)
      assert.equal(await ring.readv(fd, into, 3), bytes.length)
      assert.deepEqual(into, given)
      assert.equal(ring.stats().sqes - before.sqes, 2)
    }
    closeSync(fd)
  })
}

onEachBackend('many buffers at a file’s own position, in the order of issue, up to its end', async (open, backend) => {
  const ring = await open()
  const path = join(directory, `${backend}-own`)
  writeFileSync(path, '')
  const [to, from] = [openSync(path, 'r+'), openSync(path, 'r')]
  const lists = [buffers(3000), buffers(10, 5), buffers(2000, 9)]
  const all = Buffer.concat(lists.flat())
  const lengths = lists.map((list) => Buffer.concat(list).length)
  assert.deepEqual(await Promise.all(lists.map((list) => ring.writev(to, list))), lengths)
  assert.ok(readFileSync(path).equals(all))
  const into = lists.map(empty)
  const beyond = empty(buffers(4000))
  const reads = [...into, beyond].map((list) => ring.readv(from, list))
  assert.deepEqual(await Promise.all(reads), [...lengths, 0])
  assert.deepEqual(into, lists)
  // Short: what is there, and nothing behind it is touched.
  const longer = empty(buffers(9000))
  assert.equal(await ring.readv(from, longer, 2), all.length - 2)
  assert.ok(
    Buffer.concat(longer)
      .subarray(0, all.length - 2)
      .equals(all.subarray(2)),
  )
  assert.ok(
    Buffer.concat(longer)
      .subarray(all.length - 2)
      .every((byte) => byte === 0),
  )
  closeSync(to)
  closeSync(from)
})

onEachBackend('many buffers are a member of a chain, and can be cancelled', async (open, backend) => {
  const ring = await open()
  const path = join(directory, `${backend}-chain`)
  writeFileSync(path, '')
  const fd = openSync(path, 'r+')
  const given = buffers(1500)
  const into = empty(given)
  const { length } = Buffer.concat(given)
  const chain = [ring.writev(fd, given, 0, { link: true }), ring.readv(fd, into, 0, { link: true }), ring.fsync(fd)]
  assert.deepEqual(await Promise.all(chain), [length, length, 0])
  assert.deepEqual(into, given)
  closeSync(fd)
  const broken = [ring.readv(fd, into, 0, { link: true }), ring.writev(fd, given, 0)]
  assert.deepEqual(await outcomes(broken), ['EBADF', 'ECANCELED'])

  const [readEnd, writeEnd] = makePipe()
  const abort = new AbortController()
  const waiting = ring.readv(readEnd, into, null, { signal: abort.signal })
  await ring.nop()
  abort.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  // The bytes are for the next one.
  assert.equal(await ring.writev(writeEnd, given), length)
  assert.equal(await ring.readv(readEnd, into), length)
  assert.deepEqual(into, given)
  closeSync(readEnd)
  closeSync(writeEnd)
})
