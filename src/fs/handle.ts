/**
 * FileHandle: Node's own class, with the operations that a ring has gone to the ring. Runs on the thread that opened it.
 *
 * Each method takes plain arguments, and hands all others on to Node's method. What lies inside is Node's too: it owns the
 * fd, closes it when the thread ends, and warns when nobody did. Operations are counted with Node's own, so close() waits
 * for both. Counterpart: class FileHandle of lib/internal/fs/promises.js.
 */
import { StatxCall } from '../driver/ops/fs.js'
import { Read, Readv, Write, Writev } from '../driver/ops/rw.js'
import { Fsync } from '../driver/ops/sync.js'
import type { Uring } from '../driver/uring.js'
import { Buffer } from '../lib/globals.js'
import { lengthOf } from '../lib/views.js'
import { named } from './errors.js'
import { type FileHandle, type Inside, type Parts, partsOf } from './node.js'
import { CloseOwn } from './ops.js'
import { isPart, isPlainEncoding, isPlainViews, plainOptions, plainPart, plainPosition } from './plain.js'
import { ringOf, run } from './ring.js'
import { statAtHand, statsOf } from './stats.js'

/** Makes handles of fds. */
export type HandleMaker = (fd: number) => FileHandle

type Args = readonly unknown[]
/** One of Node's methods, whatever it takes. */
type Method = (...args: Args) => Promise<unknown>
type Methods = Readonly<Record<string, Method>>
/** Runs an operation of an open handle. */
type Body = (ring: Uring, fd: number) => Promise<unknown>

let maker: HandleMaker | undefined
let OurHandle: (new (inside: Inside) => FileHandle) | undefined

/** Undefined where Node's handles are not as they are known. */
export function handleMaker(): HandleMaker | undefined | Promise<HandleMaker | undefined> {
  return maker ?? findMaker()
}

async function findMaker(): Promise<HandleMaker | undefined> {
  const parts = await partsOf()
  if (parts === undefined) return undefined
  maker ??= makerOf(parts)
  return maker
}

export function isOurs(value: unknown): value is FileHandle {
  return OurHandle !== undefined && value instanceof OurHandle
}

function makerOf(parts: Parts): HandleMaker {
  const Handle = onRing(parts)
  OurHandle = Handle
  return (fd) => {
    const inside = new parts.Inside(fd)
    // Its own property: Node's close() calls it when the last operation has ended.
    inside.close = () => closeInside(inside)
    return new Handle(inside)
  }
}

async function closeInside(inside: Inside): Promise<void> {
  const { fd } = inside
  const ring = await ringOf()
  if (ring === undefined) return (Object.getPrototypeOf(inside) as Inside).close.call(inside)
  inside.releaseFD()
  try {
    await run(ring, CloseOwn, undefined, fd)
  } catch (error) {
    throw named(error, 'close')
  }
}

/**
 * Runs `body`, counted with Node's own operations; `nodes` where there is no ring, or the handle is closed: its errors are
 * Node's.
 */
async function counted(
  parts: Parts,
  handle: FileHandle,
  syscall: string,
  nodes: () => Promise<unknown>,
  body: Body,
): Promise<unknown> {
  const counts = handle as unknown as Record<symbol, () => void>
  const { fd } = handle
  if (fd < 0) return nodes()
  counts[parts.ref]!()
  try {
    const ring = await ringOf()
    return ring === undefined ? await nodes() : await body(ring, fd)
  } catch (error) {
    throw named(error, syscall)
  } finally {
    counts[parts.unref]!()
  }
}

/** Node's result objects have no prototype; which key comes first depends on the Node that runs. */
function readResult(parts: Parts, bytesRead: number, buffer: unknown): object {
  const values: Record<string, unknown> = { bytesRead, buffer }
  const result = Object.create(null) as Record<string, unknown>
  for (const key of parts.readKeys) result[key] = values[key]
  return result
}

function plainResult(values: object): object {
  return Object.assign(Object.create(null) as object, values)
}

/** The subclass. */
function onRing(parts: Parts): new (inside: Inside) => FileHandle {
  const nodes = parts.Handle.prototype as unknown as Methods
  const call = (handle: FileHandle, name: string, args: Args) => () => nodes[name]!.apply(handle, args as unknown[])

  class OnRing extends (parts.Handle as new (inside: Inside) => object) {
    declare readonly fd: number

    #run(syscall: string, name: string, args: Args, body: Body | undefined): Promise<unknown> {
      const handle = this as unknown as FileHandle
      const otherwise = call(handle, name, args)
      return body === undefined ? otherwise() : counted(parts, handle, syscall, otherwise, body)
    }

    read(buffer: unknown, offset: unknown, length: unknown, position: unknown): Promise<unknown> {
      const part = plainPart(buffer, offset, length, position)
      const body: Body | undefined =
        part && (async (ring, fd) => readResult(parts, await run(ring, Read, part.options, fd, part.view), buffer))
      return this.#run('read', 'read', [buffer, offset, length, position], body)
    }

    write(data: unknown, offset: unknown, length: unknown, position: unknown): Promise<unknown> {
      const part = typeof data === 'string' ? textPart(data, offset, length) : plainPart(data, offset, length, position)
      const body: Body | undefined =
        part &&
        (async (ring, fd) =>
          plainResult({ bytesWritten: await run(ring, Write, part.options, fd, part.view), buffer: data }))
      return this.#run('write', 'write', [data, offset, length, position], body)
    }

    readv(buffers: unknown, position: unknown): Promise<unknown> {
      const at = plainPosition(position)
      const body: Body | undefined =
        at !== undefined && isPlainViews(buffers)
          ? async (ring, fd) =>
              plainResult({ bytesRead: await run(ring, Readv, undefined, fd, buffers, at < 0 ? null : at), buffers })
          : undefined
      return this.#run('read', 'readv', [buffers, position], body)
    }

    writev(buffers: unknown, position: unknown): Promise<unknown> {
      const at = plainPosition(position)
      const body: Body | undefined =
        at !== undefined && isPlainViews(buffers)
          ? async (ring, fd) =>
              plainResult({
                bytesWritten: await run(ring, Writev, undefined, fd, buffers, at < 0 ? null : at),
                buffers,
              })
          : undefined
      return this.#run('write', 'writev', [buffers, position], body)
    }

    stat(options: unknown): Promise<unknown> {
      const given = plainOptions(options, ['bigint'])
      const body: Body = async (ring, fd) =>
        statsOf(statAtHand(fd) ?? (await run(ring, StatxCall, undefined, fd)), Boolean(given?.['bigint']))
      return this.#run('fstat', 'stat', [options], given && body)
    }

    sync(): Promise<unknown> {
      return this.#run('fsync', 'sync', [], async (ring, fd) => void (await run(ring, Fsync, undefined, fd)))
    }

    datasync(): Promise<unknown> {
      const options = { datasync: true }
      return this.#run('fdatasync', 'datasync', [], async (ring, fd) => void (await run(ring, Fsync, options, fd)))
    }
  }
  // Its name is seen in what util.inspect prints.
  Object.defineProperty(OnRing, 'name', { value: 'FileHandle' })
  return OnRing as unknown as new (
    inside: Inside,
  ) => FileHandle
}

/** A string to be written: (data, position, encoding). */
function textPart(data: string, position: unknown, encoding: unknown) {
  const at = plainPosition(position)
  if (at === undefined || data === '' || !isPlainEncoding(encoding)) return undefined
  const view = Buffer.from(data, encoding ?? 'utf8')
  return isPart(0, lengthOf(view), lengthOf(view)) ? { view, options: { position: at < 0 ? null : at } } : undefined
}
