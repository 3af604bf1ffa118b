/**
 * struct(): shared memory as a table. Rows go in; byte offsets, size and a hash come out. Runs on every thread at load.
 *
 * A row is [field, type, writer, meaning]; a bare string starts a new 64-byte line and names it. A fifth column states
 * the offset where the kernel dictates it; test/abi checks it against the header. Owner and worker import the same
 * table and compare `hash` when they attach, so two builds never share memory by accident. Counterpart: the structs in
 * include/uapi/linux/io_uring.h and the ____cacheline_aligned groups inside the kernel's own.
 */
import { assert, VERIFY } from './assert.js'

const TYPE_BYTES = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 } as const

export type FieldType = keyof typeof TYPE_BYTES | `u8[${number}]` | `u32[${number}]`

/**
 * Who may write a word: a thread role (`worker`: of a worker's record that worker alone), `any` (atomic read-modify-write
 * only), `lock holder` (of the lock that the table names), `record holder` (whose the record is as its state says), or
 * `once` (before it is shared).
 */
export type Writer = 'app' | 'owner' | 'worker' | 'any' | 'lock holder' | 'record holder' | 'once' | 'kernel'

export type Row =
  | string
  | readonly [name: string, type: FieldType, writtenBy: Writer, meaning: string]
  | readonly [name: string, type: FieldType, writtenBy: Writer, meaning: string, offset: number]

type FieldName<R> = R extends readonly [infer N extends string, ...unknown[]] ? N : never

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly writtenBy: Writer
  readonly meaning: string
  readonly offset: number
  readonly bytes: number
  /** The 64-byte line's title, as given by the bare string above the row. */
  readonly line: string
}

export interface Layout<N extends string> {
  readonly name: string
  /** Byte offset of each field. */
  readonly at: { readonly [K in N]: number }
  readonly fields: readonly Field[]
  /** Size in bytes, padded to 64 if the table has cache lines, else to 8 if it has 64-bit fields, else to 4. */
  readonly size: number
  /** FNV-1a over names, types and offsets: equal hashes mean equal memory. */
  readonly hash: number
}

const LINE_BYTES = 64

/** A table. Throws on a duplicate name, an unknown type, or a stated offset that is misaligned. */
export function struct<const R extends readonly Row[]>(name: string, rows: R): Layout<FieldName<R[number]>> {
  const { at, fields, size, hash } = lazyStruct(name, rows)
  return { name, at, fields, size, hash }
}

/**
 * A table that is laid out on first use (with URING_VERIFY=1 at once), for those of which few programs use all. Each
 * access costs a call: hot code keeps what it reads, or uses struct().
 */
export function lazyStruct<const R extends readonly Row[]>(name: string, rows: R): Layout<FieldName<R[number]>> {
  let laid: LaidOut | undefined
  const get = (): LaidOut => {
    laid ??= layOut(name, rows)
    return laid
  }
  if (VERIFY) get()
  return {
    name,
    get at() {
      return get().at as Layout<FieldName<R[number]>>['at']
    },
    get fields() {
      return get().fields
    },
    get size() {
      return get().size
    },
    get hash() {
      const { fields, size } = get()
      return fnv1a(`${name}{${fields.map((f) => `${f.name}:${f.type}@${f.offset}`).join(',')}}${size}`)
    },
  }
}

interface LaidOut {
  readonly at: Readonly<Record<string, number>>
  readonly fields: readonly Field[]
  readonly size: number
}

function layOut(name: string, rows: readonly Row[]): LaidOut {
  const at: Record<string, number> = {}
  const fields: Field[] = []
  let end = 0
  let line = ''
  let alignTo = 4
  for (const row of rows) {
    if (typeof row === 'string') {
      end = alignUp(end, LINE_BYTES)
      alignTo = LINE_BYTES
      line = row
      continue
    }
    const [field, type, writtenBy, meaning, stated] = row
    const { bytes, align } = measure(type)
    if (align === 8) alignTo = Math.max(alignTo, 8)
    const offset = stated ?? alignUp(end, align)
    // A union states an offset inside of earlier fields; a field without an offset follows all of them.
    if (offset % align !== 0) fail(`${name}.${field} is misaligned at ${offset}`)
    if (Object.hasOwn(at, field)) fail(`${name}.${field} is named twice`)
    Object.defineProperty(at, field, { value: offset, enumerable: true, configurable: true, writable: true })
    fields.push({ name: field, type, writtenBy, meaning, offset, bytes, line })
    end = Math.max(end, offset + bytes)
  }
  return { at, fields, size: alignUp(end, alignTo) }
}

function measure(type: FieldType): { bytes: number; align: number } {
  const plain = TYPE_BYTES[type as keyof typeof TYPE_BYTES] as number | undefined
  if (plain !== undefined) return { bytes: plain, align: plain }
  const array = /^(u8|u32)\[(\d+)\]$/.exec(type)
  assert(array !== null, `unknown field type ${type}`)
  const align = array[1] === 'u8' ? 1 : 4
  return { bytes: align * Number(array[2]), align }
}

function fail(message: string): never {
  assert(false, message)
}

function alignUp(n: number, align: number): number {
  return Math.ceil(n / align) * align
}

function fnv1a(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h | 0
}
