/** Options objects as read: what counts, in which order, and what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { OptionTable } from './options.js'

interface Sample {
  readonly first?: number
  readonly second?: number
  readonly maxWorkers?: number
}

const NONE = { first: undefined, second: undefined, maxWorkers: undefined }
const table = new OptionTable<Sample>('sample', () => ({ ...NONE }))
const read = (given: unknown) => table.read(given as Sample)

test('what is given is there, the rest is undefined', () => {
  assert.deepEqual(read({ second: 2 }), { ...NONE, second: 2 })
  assert.deepEqual(read({}), table.none)
  assert.deepEqual(read(Object.assign(Object.create(null), { first: 1 })), { ...NONE, first: 1 })
  assert.deepEqual(read(vm.runInNewContext('({ first: 1 })')), { ...NONE, first: 1 })
})

test('each is read once, in the order of the table, whatever order they are given in', () => {
  const order: string[] = []
  const given = {
    get maxWorkers() {
      return order.push('maxWorkers')
    },
    get second() {
      return order.push('second')
    },
    get first() {
      return order.push('first')
    },
  }
  assert.deepEqual(read(given), { first: 1, second: 2, maxWorkers: 3 })
  assert.deepEqual(order, ['first', 'second', 'maxWorkers'])
})

test('what a prototype has of every object is no option', (t) => {
  const all: Record<string, unknown> = Object.prototype as object as Record<string, unknown>
  t.after(() => {
    for (const name of ['first', 'maxWorkers']) delete all[name]
  })
  for (const name of ['first', 'maxWorkers']) {
    Object.defineProperty(all, name, { value: 1, enumerable: true, configurable: true, writable: true })
  }
  assert.deepEqual(read({ second: 2 }), { ...NONE, second: 2 })
  const vanishing = {
    first: 3,
    get second() {
      delete (vanishing as Sample as { maxWorkers?: number }).maxWorkers
      return 2
    },
    maxWorkers: 1,
  }
  assert.deepEqual(read(vanishing), { ...NONE, first: 3, second: 2 })
})

test('an option that is inherited is refused, not passed over', () => {
  class Options {
    get first() {
      return 1
    }
  }
  for (const given of [
    Object.create({ first: 1 }),
    new Options(),
    Object.create(Object.assign(Object.create(null), { first: 1 })),
  ]) {
    assert.throws(() => read(given), { code: 'ERR_INVALID_ARG_VALUE', message: /'options\.first' is inherited/ })
  }
  const own = Object.assign(Object.create({ first: 1 }), { first: 2 })
  assert.deepEqual(read(own), { ...NONE, first: 2 })
  assert.deepEqual(read(Object.create({ other: 1 })), table.none)
})

test('a name that is none is refused, with the nearest', () => {
  const unknown = (given: object, message: RegExp) =>
    assert.throws(() => read(given), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message })
  unknown({ maxThreads: 1 }, /'options\.maxThreads' is no option of sample: did you mean 'maxWorkers'\?/)
  unknown({ frist: 1 }, /did you mean 'first'\?/)
  unknown({ zzz: undefined }, /it knows first, second, maxWorkers/)
  unknown(JSON.parse('{"__proto__": 1}'), /'options\.__proto__'/)
  unknown({ toString: 1 }, /'options\.toString'/)
  unknown(
    {
      get first() {
        throw new Error('read')
      },
      frist: 1,
    },
    /frist/,
  )
})

test('what is no object is refused', () => {
  for (const given of [null, 1, 'first', true, Symbol('first'), [], () => {}]) {
    assert.throws(() => read(given), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /The "options" argument must be of type object/,
    })
  }
})
