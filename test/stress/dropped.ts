/**
 * Buffers, iovecs, paths and structures that their callers drop at once: each must live until its operation has ended.
 * Main thread, both backends.
 *
 * Reads of pipes are held in flight while V8 collects and canaries take what it freed; then every pipe gets its bytes. What
 * an operation writes is read back, from a file, so a buffer that was freed too early shows there as well. Drawn from a
 * seed.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePipe } from '../../src/driver/driver.test.backends.js'
import { Uring } from '../../src/driver/uring.js'
import { Prng } from '../model/prng.js'
import { Canaries, collector, PATTERN } from './canary.js'

export interface Dropped {
  readonly backend: 'kernel' | 'threads'
  readonly rounds: number
  readonly seed: number
}

const NR_PIPES = 32
const SIZES = [64, 256, 1000, 4096, 16_384]
const DATA = 0x5a
const SECTOR = 16_384
const TRASH = 64

export async function stressDropped({ backend, rounds, seed }: Dropped): Promise<string> {
  const rng = new Prng(seed)
  const gc = collector()
  const canaries = new Canaries(1000)
  const ring = await Uring.open({ backend })
  const directory = mkdtempSync(join(tmpdir(), 'uring-dropped-'))
  const path = join(directory, 'file')
  const fd = openSync(path, 'w+')
  const pipes = Array.from({ length: NR_PIPES }, () => makePipe())
  const counts = { reads: 0, writes: 0, paths: 0 }

  /** Issues one and keeps nothing of what it was given. */
  const read = (from: number): Promise<number> => {
    const size = rng.pick(SIZES)
    counts.reads++
    if (rng.oneIn(2)) return ring.read(from, new Uint8Array(new ArrayBuffer(size)))
    const buffers = [size >> 1, size >> 2, size >> 2].map((part) => new Uint8Array(new ArrayBuffer(part)))
    return ring.readv(from, buffers)
  }
  const write = (slot: number): Promise<number> => {
    counts.writes++
    const halves = [0, 1].map(() => new Uint8Array(new ArrayBuffer(SECTOR / 2)).fill(slot + 1))
    const async = rng.oneIn(2)
    if (rng.oneIn(2)) return ring.writev(fd, halves, slot * SECTOR, { async })
    const whole = new Uint8Array(new ArrayBuffer(SECTOR)).fill(slot + 1)
    return ring.write(fd, whole, { position: slot * SECTOR, async })
  }
  const byPath = async (): Promise<void> => {
    counts.paths++
    const name = Buffer.from(`${directory}${'/.'.repeat(rng.int(40))}/file`)
    const async = rng.oneIn(2)
    const [stat, opened] = await Promise.all([ring.statx(name, { async }), ring.openat(name, 'r', 0, { async })])
    assert.equal(stat.stx_nlink, 1)
    await ring.close(opened)
  }
  const disturb = (): void => {
    gc()
    for (let i = 0; i < TRASH; i++) canaries.hatch(rng.pick(SIZES) >> rng.int(3))
  }

  try {
    for (let round = 0; round < rounds; round++) {
      const pending = pipes.map(([from]) => read(from))
      const others = pipes.map((_, slot) => write(slot))
      const looks = [byPath(), byPath(), byPath()]
      disturb()
      await ring.nop()
      disturb()
      const bytes = Buffer.alloc(SIZES[0] ?? 64, DATA)
      for (const [, to] of pipes) writeSync(to, bytes)
      disturb()
      for (const n of await Promise.all(pending)) assert.equal(n, bytes.length)
      for (const n of await Promise.all(others)) assert.equal(n, SECTOR)
      await Promise.all(looks)
      canaries.check()
      const back = new Uint8Array(SECTOR)
      for (let slot = 0; slot < NR_PIPES; slot++) {
        assert.equal(await ring.read(fd, back, { position: slot * SECTOR }), SECTOR)
        const at = back.findIndex((byte) => byte !== slot + 1)
        assert.equal(at, -1, `sector ${slot} has ${back[at]} at ${at}${back[at] === PATTERN ? ', a canary' : ''}`)
      }
    }
  } finally {
    await ring.destroy()
    closeSync(fd)
    for (const end of pipes.flat()) closeSync(end)
    rmSync(directory, { recursive: true, force: true })
  }
  return `${backend}: ${rounds} rounds: ${counts.reads} reads, ${counts.writes} writes, ${counts.paths} paths`
}
