/**
 * Extended attributes of a file, by path or by descriptor. Runs on the thread that made the ring.
 *
 * The name, and a value that is set, are read as the SQE is submitted; a value that is got lands in a piece of the ring's.
 * Counterpart: io_uring/xattr.c.
 */
import { Buffer } from '../../lib/globals.js'
import { type Given, OptionTable } from '../../lib/options.js'
import { bytesOf } from '../../lib/views.js'
import { prepFgetxattr, prepFsetxattr, prepGetxattr, prepSetxattr } from '../../ring/prep.js'
import { addressOf } from '../../sys/memory.js'
import { checkBuffer, checkFd, checkPath, checkUint32, type Path, pathBytes } from '../args.js'
import { invalidArgType, invalidArgValue } from '../errors.js'
import { NO_OPTIONS, OP_OPTIONS, type OpOptions } from '../options.js'
import type { Piece } from '../pieces.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'

/** XATTR_SIZE_MAX: no value is longer. */
const MAX_VALUE_BYTES = 65536

export interface SetxattrOptions extends OpOptions {
  /** XATTR_CREATE (1): it must be new; XATTR_REPLACE (2): it must be there. Default 0. */
  flags?: number | undefined
}

abstract class OfAttribute<Value> extends Call<Value> {
  /** Undefined for a path. */
  readonly fd: number | undefined
  readonly pathBytes: Buffer | undefined
  readonly nameBytes: Buffer
  readonly #path: string | Buffer | undefined

  constructor(target: Path | number, name: string) {
    super()
    if (typeof target === 'number') checkFd(target)
    this.fd = typeof target === 'number' ? target : undefined
    this.#path = typeof target === 'number' ? undefined : checkPath(target)
    if (typeof name !== 'string') throw invalidArgType('name', 'of type string', name)
    if (name.includes('\0')) throw invalidArgValue('name', name, 'must be a string without null bytes')
    this.pathBytes = this.#path === undefined ? undefined : pathBytes(this.#path)
    this.nameBytes = Buffer.from(`${name}\0`)
  }

  override get path(): string | Buffer | undefined {
    return this.#path
  }
}

export class Getxattr extends OfAttribute<Buffer> {
  static readonly options = OP_OPTIONS
  readonly #supplies: Supplies
  #piece: Piece | undefined = undefined

  constructor(supplies: Supplies, _options: Given<OpOptions> | undefined, target: Path | number, name: string) {
    super(target, name)
    this.#supplies = supplies
  }

  get syscall(): string {
    return this.fd === undefined ? 'getxattr' : 'fgetxattr'
  }

  prep(words: Int32Array, at: number): void {
    this.#piece = this.#supplies.pieces.take(MAX_VALUE_BYTES)
    const { address } = this.#piece
    const name = addressOf(this.nameBytes)
    if (this.fd !== undefined) prepFgetxattr(words, at, this.fd, name, address, MAX_VALUE_BYTES)
    else prepGetxattr(words, at, name, address, addressOf(this.pathBytes!), MAX_VALUE_BYTES)
  }

  result(res: number): Buffer {
    return Buffer.from(this.#piece!.bytes.subarray(0, res))
  }

  override release(): void {
    this.#supplies.pieces.giveBack(this.#piece!)
  }
}

export class Setxattr extends OfAttribute<number> {
  static readonly options = new OptionTable<SetxattrOptions>('setxattr', () => ({ ...NO_OPTIONS, flags: undefined }))
  readonly #value: Uint8Array
  readonly #flags: number

  constructor(
    _supplies: Supplies,
    options: Given<SetxattrOptions> | undefined,
    target: Path | number,
    name: string,
    value: string | ArrayBufferView,
  ) {
    super(target, name)
    if (typeof value !== 'string') checkBuffer(value, 'value')
    // A copy, of at least a byte: an empty one has no address.
    const bytes = typeof value === 'string' ? Buffer.from(value) : bytesOf(value)
    this.#value = Buffer.concat([bytes, Buffer.alloc(1)])
    this.#flags = options?.flags ?? 0
    checkUint32(this.#flags, 'options.flags')
  }

  get syscall(): string {
    return this.fd === undefined ? 'setxattr' : 'fsetxattr'
  }

  prep(words: Int32Array, at: number): void {
    const [name, value, size] = [addressOf(this.nameBytes), addressOf(this.#value), this.#value.length - 1]
    if (this.fd !== undefined) prepFsetxattr(words, at, this.fd, name, value, this.#flags, size)
    else prepSetxattr(words, at, name, value, addressOf(this.pathBytes!), this.#flags, size)
  }

  result(res: number): number {
    return res
  }
}
