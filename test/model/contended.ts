/**
 * A file that requests read and write at once: what it may hold. Any thread; pure.
 *
 * Which write of a block comes last is left open, but one of them did, and whole: writes of a file exclude each other. A
 * read may see parts of several.
 */
import { EOWNERDEAD } from '../../src/lib/errno.js'
import { type SeenEpoch, writtenByte } from './observation.js'
import type { Member } from './program.js'

export const NR_BLOCKS = 3
export const BLOCK_BYTES = 64
const NOBODY = 0

function byteOf(writer: number, i: number): number {
  return writer === NOBODY ? 0 : writtenByte(writer, i)
}

export class Contended {
  /** For each block, whose write may be what it holds. */
  readonly #writers: number[][] = Array.from({ length: NR_BLOCKS }, () => [NOBODY])

  epoch({ chains, buffers }: SeenEpoch, results: ReadonlyMap<number, number>, broken: string[]): void {
    const mayHaveRun = ({ userData }: Member) => results.get(userData) === -EOWNERDEAD
    const hasRun = ({ userData }: Member) => results.get(userData) === BLOCK_BYTES
    for (let block = 0; block < NR_BLOCKS; block++) {
      const writes = (member: Member) =>
        member.op.op === 'contend' &&
        member.op.writes &&
        member.op.block === block &&
        (hasRun(member) || mayHaveRun(member))
      const during = [...this.#writers[block]!]
      const last: number[] = []
      let isSure = false
      for (const { members } of chains) {
        const inTurn = members.filter(writes)
        during.push(...inTurn.map(({ userData }) => userData))
        // The last that has run for certain, and those after it.
        last.push(...inTurn.slice(Math.max(0, inTurn.findLastIndex(hasRun))).map(({ userData }) => userData))
        isSure ||= inTurn.some(hasRun)
      }
      for (const member of chains.flatMap(({ members }) => members)) {
        const { op, userData } = member
        if (op.op !== 'contend' || op.writes || op.block !== block || !hasRun(member)) continue
        const isOdd = buffers.get(userData)?.some((byte, i) => during.every((writer) => byteOf(writer, i) !== byte))
        if (isOdd) broken.push(`${userData} has read what nobody wrote to block ${block}`)
      }
      if (last.length > 0) this.#writers[block] = isSure ? last : [...this.#writers[block]!, ...last]
    }
  }

  end(contents: Uint8Array, broken: string[]): void {
    this.#writers.forEach((writers, block) => {
      const bytes = contents.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
      const isWhole = writers.some((writer) => bytes.every((byte, i) => byteOf(writer, i) === byte))
      if (!isWhole) broken.push(`block ${block} holds no write that may be the last: ${writers.join(' ')}`)
    })
  }
}
