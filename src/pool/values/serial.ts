/**
 * Plain data of any size as bytes, by V8's own serialiser. Runs on the owner and on workers.
 *
 * Differs from v8.serialize: a view carries its own bytes only, a big view or a transferred buffer goes beside the
 * bytes as a buffer, to be moved and not copied, and a Buffer arrives as a Buffer. Counterpart: Node's DefaultSerializer.
 */
import { Deserializer, Serializer } from 'node:v8'
import { structuredClone } from '../../lib/globals.js'
import { privateCopy } from './copies.js'
import { VIEW_CLASSES, viewType } from './shape.js'

/** Views from this size on travel as buffers of their own. */
const BESIDE_BYTES = 32_768

export interface Packed {
  readonly bytes: Buffer
  /** To be posted with the bytes, and transferred. */
  readonly buffers: ArrayBuffer[]
}

interface SerializerInternals {
  _setTreatArrayBufferViewsAsHostObjects(on: boolean): void
}

class Packer extends Serializer {
  readonly buffers: ArrayBuffer[]
  readonly #ids = new Map<ArrayBufferLike, number>()

  constructor(transfer: readonly ArrayBuffer[]) {
    super()
    // Documented for subclasses, and not in the types of @types/node.
    ;(this as unknown as SerializerInternals)._setTreatArrayBufferViewsAsHostObjects(true)
    this.buffers = [...transfer]
    for (const [id, buffer] of transfer.entries()) {
      this.transferArrayBuffer(id, buffer)
      this.#ids.set(buffer, id)
    }
  }

  _writeHostObject(value: object): void {
    // Views only: the caller has seen that all of it is plain data.
    const view = value as ArrayBufferView
    const { buffer, byteOffset, byteLength } = view
    this.writeUint32(viewType(view))
    let id = this.#ids.get(buffer)
    let from = byteOffset
    if (id === undefined && byteLength >= BESIDE_BYTES) {
      id = this.buffers.push(privateCopy(new Uint8Array(buffer, byteOffset, byteLength))) - 1
      from = 0
    }
    this.writeUint32(id === undefined ? 0 : id + 1)
    this.writeDouble(from)
    this.writeDouble(byteLength)
    if (id === undefined) this.writeRawBytes(new Uint8Array(buffer, byteOffset, byteLength))
  }

  _getDataCloneError(message: string): Error {
    return new DOMException(message, 'DataCloneError') as Error
  }
}

class Unpacker extends Deserializer {
  readonly #buffers: readonly ArrayBuffer[]

  constructor(bytes: Uint8Array, buffers: readonly ArrayBuffer[]) {
    super(bytes)
    this.#buffers = buffers
    for (const [id, buffer] of buffers.entries()) this.transferArrayBuffer(id, buffer)
  }

  _readHostObject(): object {
    const type = VIEW_CLASSES[this.readUint32()]!
    const beside = this.readUint32()
    const from = this.readDouble()
    const byteLength = this.readDouble()
    if (beside > 0) return type.over(this.#buffers[beside - 1]!, from, byteLength)
    const copy = new Uint8Array(byteLength)
    // What the deserialiser gives is a view on memory that others will write to.
    copy.set(this.readRawBytes(byteLength))
    return type.over(copy.buffer, 0, byteLength)
  }
}

/**
 * Serialises plain data. The buffers of `transfer` are moved: detached here once all is written. Throws a
 * DataCloneError.
 */
export function pack(value: unknown, transfer: readonly ArrayBuffer[]): Packed {
  const packer = new Packer(transfer)
  packer.writeHeader()
  packer.writeValue(value)
  const { buffers } = packer
  // Structured cloning knows which buffers must not be detached (Node's own slabs, WebAssembly memories).
  for (const [id, buffer] of transfer.entries()) buffers[id] = structuredClone(buffer, { transfer: [buffer] })
  return { bytes: packer.releaseBuffer(), buffers }
}

/** The value again. Nothing of it lies in `bytes`. */
export function unpack(bytes: Uint8Array, buffers: readonly ArrayBuffer[]): unknown {
  const unpacker = new Unpacker(bytes, buffers)
  unpacker.readHeader()
  return unpacker.readValue()
}
