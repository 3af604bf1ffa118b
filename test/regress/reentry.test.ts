/**
 * Code of the caller's that the library runs while it reads arguments may do anything: issue, chain, close, throw. Main
 * thread, both backends, the compiled modules and the package as shipped.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { code, outcomes, scratchDirectory } from '../../src/driver/driver.test.backends.js'
import type { OpenOptions, Uring } from '../../src/driver/uring.js'
import { onEachBuild } from '../each-build.js'

const directory = scratchDirectory()
const path = join(directory, 'data')

type Act = () => unknown
/** Has the library run `act` at one spot. */
type Spot = (ring: Uring, fd: number, act: Act) => unknown

/** Every operation that takes options, with their names. */
const METHODS: Record<string, [names: string[], call: (ring: Uring, fd: number, options: object) => Promise<unknown>]> =
  {
    nop: [[], (ring, _, options) => ring.nop(options)],
    openat: [['dirfd'], (ring, _, options) => ring.openat('/dev/null', 'r', 0, options)],
    close: [[], (ring, _, options) => ring.close(0x7fffffff, options)],
    read: [['offset', 'length', 'position'], (ring, fd, options) => ring.read(fd, Buffer.alloc(8), options)],
    write: [['offset', 'length', 'position'], (ring, fd, options) => ring.write(fd, Buffer.alloc(8), options)],
    readv: [[], (ring, fd, options) => ring.readv(fd, [Buffer.alloc(8)], 0, options)],
    writev: [[], (ring, fd, options) => ring.writev(fd, [Buffer.alloc(8)], 0, options)],
    fsync: [['datasync'], (ring, fd, options) => ring.fsync(fd, options)],
    statx: [['flags', 'mask', 'dirfd'], (ring, _, options) => ring.statx('/dev/null', options)],
  }

const DOES: Record<string, (ring: Uring, fd: number) => unknown> = {
  'issues another': (ring) => ring.nop(),
  'issues a chain': (ring, fd) => [ring.nop({ link: true }), ring.read(fd, Buffer.alloc(1))],
  'opens a chain': (ring) => ring.nop({ link: true }),
  'issues a bad one': (ring) => ring.read(-1, Buffer.alloc(1)).catch(() => undefined),
  throws: () => {
    throw Object.assign(new Error('mine'), { code: 'MINE' })
  },
  'throws nothing': () => {
    throw null
  },
  'closes the ring': (ring) => ring.close(),
  'destroys the ring': (ring) => ring.destroy(),
}
/** What an operation may say: too late for the ring, its chain was refused, what was thrown, an argument that is none. */
const ALLOWED = new Set<unknown>([
  'ERR_INVALID_STATE',
  'ECANCELED',
  'ABORT_ERR',
  'EBADF',
  'MINE',
  'NULL',
  'ERR_INVALID_ARG_TYPE',
  'ERR_INVALID_ARG_VALUE',
])

/** Options of which one runs `act`. */
function withAccessor(name: string, act: Act): object {
  return Object.defineProperty({}, name, {
    get: () => {
      act()
      return undefined
    },
    enumerable: true,
  })
}

/** A signal of which one part runs `act`, as it is read or as it is called. */
function withSignal(part: string, how: 'read' | 'called', act: Act): object {
  const signal = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} }
  const value = part === 'aborted' ? false : how === 'called' ? act : () => {}
  Object.defineProperty(signal, part, {
    get: () => {
      if (how === 'read') act()
      return value
    },
  })
  return { signal }
}

/** Lists of two buffers which run `act` as they are read. */
const LISTS: Record<string, (act: Act) => Buffer[]> = {
  'an accessor': (act) =>
    Object.defineProperty([Buffer.alloc(4), Buffer.alloc(4)], 1, {
      get: () => {
        act()
        return Buffer.alloc(4)
      },
    }),
  'a proxy': (act) =>
    new Proxy([Buffer.alloc(4), Buffer.alloc(4)], {
      get: (list, name) => {
        if (name === '0') act()
        return Reflect.get(list, name)
      },
    }),
  "a proxy's length": (act) =>
    new Proxy([Buffer.alloc(4)], {
      get: (list, name) => {
        if (name === 'length') act()
        return Reflect.get(list, name)
      },
    }),
}

/** Something that is no number, text or buffer, and runs `act` when it is asked to become one, or to show itself. */
function pretender(act: Act): never {
  const shows = { [Symbol.toPrimitive]: act, toString: act, valueOf: act, [inspect.custom]: act }
  return shows as never
}

function urlOf(act: Act): URL {
  return Object.defineProperty(pathToFileURL('/dev/null'), 'pathname', {
    get: () => {
      act()
      return '/dev/null'
    },
  })
}

/** All spots where code of the caller's runs: those of options, those of arguments, those of what is no operation. */
function* spots(): Generator<[name: string, spot: Spot, isOnce: boolean]> {
  for (const [method, [names, call]] of Object.entries(METHODS)) {
    for (const name of ['signal', 'link', 'hardlink', 'async', ...names]) {
      yield [`${method}: ${name}`, (ring, fd, act) => call(ring, fd, withAccessor(name, act)), true]
    }
    for (const part of ['aborted', 'addEventListener']) {
      yield [`${method}: signal.${part}`, (ring, fd, act) => call(ring, fd, withSignal(part, 'read', act)), false]
    }
    const listens: Spot = (ring, fd, act) => call(ring, fd, withSignal('addEventListener', 'called', act))
    yield [`${method}: signal.addEventListener()`, listens, true]
    const proxied: Spot = (ring, fd, act) => {
      const ownKeys = () => {
        act()
        return []
      }
      return call(ring, fd, new Proxy({}, { ownKeys }))
    }
    yield [`${method}: a proxy of options`, proxied, true]
  }
  for (const [what, list] of Object.entries(LISTS)) {
    yield [`readv: ${what}`, (ring, fd, act) => ring.readv(fd, list(act), 0), true]
    yield [`writev: ${what}`, (ring, fd, act) => ring.writev(fd, list(act), 0), true]
  }
  const pretends: Record<string, Spot> = {
    'read: fd': (ring, _, act) => ring.read(pretender(act), Buffer.alloc(1)),
    'read: buffer': (ring, fd, act) => ring.read(fd, pretender(act)),
    'read: position': (ring, fd, act) => ring.read(fd, Buffer.alloc(1), { position: pretender(act) }),
    'writev: buffers': (ring, fd, act) => ring.writev(fd, pretender(act)),
    'openat: path': (ring, _, act) => ring.openat(pretender(act)),
    'openat: flags': (ring, _, act) => ring.openat('/dev/null', pretender(act)),
    'openat: mode': (ring, _, act) => ring.openat('/dev/null', 'r', pretender(act)),
    'statx: target': (ring, _, act) => ring.statx(pretender(act)),
    'maxWorkers: bounded': async (ring, _, act) => ring.maxWorkers(pretender(act), 0),
    'affinity: cpus': async (ring, _, act) => ring.affinity(pretender(act)),
    'affinity: a processor': async (ring, _, act) => ring.affinity([pretender(act)]),
  }
  for (const [name, spot] of Object.entries(pretends)) yield [`${name} pretends`, spot, false]
  yield ['openat: an URL', (ring, _, act) => ring.openat(urlOf(act)), false]
  yield ['affinity: a list', async (ring, _, act) => ring.affinity(LISTS['a proxy']!(act) as never), true]
}

onEachBuild('code of the caller’s may do anything while arguments are read', async (open) => {
  const fd = openSync(path, 'w+')
  const shared = await open()
  for (const [name, spot, isOnce] of spots()) {
    for (const [what, does] of Object.entries(DOES)) {
      const where = `${name} ${what}`
      const ends = /closes|destroys/.test(what)
      const ring = ends ? await open({ entries: 8 }) : shared
      const inner: unknown[] = []
      let calls = 0
      const act = () => {
        calls++
        inner.push(outcomes([does(ring, fd)].flat() as Promise<unknown>[]))
      }
      await Promise.resolve(spot(ring, fd, act)).then(
        (value) => (name.startsWith('openat') ? closeSync(value as number) : value),
        (error: unknown) => {
          const is = error === null ? 'NULL' : (error as { code?: string }).code
          assert.ok(ALLOWED.has(is), `${where}: ${inspect(error)}`)
        },
      )
      await Promise.all(inner)
      if (isOnce) assert.equal(calls, 1, `${where} is read once`)
      if (!ends) assert.equal(await ring.nop(), 0, where)
      else await ring.destroy()
      assert.deepEqual([ring.stats().inFlight, ring.stats().queued], [0, 0], where)
    }
  }
  closeSync(fd)
})

onEachBuild('options of open may call back, and close what they attach to', async (open, backend) => {
  const names: (keyof OpenOptions)[] = ['entries', 'cqEntries', 'maxTurnMs', 'asyncBytes', 'lend', 'sqpoll', 'attachWq']
  const open2 = (await open()).constructor as typeof Uring
  for (const name of names) {
    const ring = await open()
    const inner: Promise<unknown>[] = []
    const options = Object.defineProperty({ backend }, name, {
      get: () => {
        inner.push(ring.nop())
        return undefined
      },
      enumerable: true,
    })
    const other = await open2.open(options)
    assert.deepEqual([await inner[0], await other.nop(), inner.length], [0, 0, 1])
    await other.close()
  }
  for (const name of ['backend', 'sqThreadCpu'] as const) {
    const ring = await open()
    const options = Object.defineProperty({ attachWq: ring }, name, {
      get: () => {
        ring.destroy()
        return undefined
      },
      enumerable: true,
    })
    await ring.nop()
    const [end] = await outcomes([open2.open(options)])
    assert.ok(end === 'ERR_INVALID_STATE' || typeof end === 'object')
    if (typeof end === 'object') await (end as Uring).destroy()
  }
})

onEachBuild('an accessor that has the signal fire ends its operation, whatever it is', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'w+')
  for (const [method, [names, call]] of Object.entries(METHODS)) {
    for (const name of ['link', 'async', ...names]) {
      const controller = new AbortController()
      const options = Object.assign(
        withAccessor(name, () => controller.abort()),
        { signal: controller.signal },
      )
      const before = ring.stats().sqes
      assert.deepEqual(await outcomes([call(ring, fd, options)]), ['ABORT_ERR'], `${method}: ${name}`)
      assert.equal(ring.stats().sqes, before)
    }
    // As it is listened to.
    const controller = new AbortController()
    const { signal } = controller
    signal.addEventListener = (...given: Parameters<AbortSignal['addEventListener']>) => {
      controller.abort()
      AbortSignal.prototype.addEventListener.apply(signal, given)
    }
    assert.deepEqual(await outcomes([call(ring, fd, { signal })]), ['ABORT_ERR'], method)
  }
  closeSync(fd)
})

onEachBuild('a signal that cannot be listened to refuses its operation, which is not queued', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'w+')
  const throws = () => {
    throw Object.assign(new Error('mine'), { code: 'MINE' })
  }
  for (const [method, [, call]] of Object.entries(METHODS)) {
    const chain = [
      ring.nop({ link: true }),
      call(ring, fd, withSignal('addEventListener', 'called', throws)),
      ring.nop(),
    ]
    assert.equal(ring.stats().queued, 1, method)
    assert.deepEqual(await outcomes(chain), ['ECANCELED', 'MINE', 0], method)
    assert.equal(ring.stats().inFlight, 0)
  }
  closeSync(fd)
})

onEachBuild('a signal that is let go of may do anything too', async (open) => {
  const handlers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const thrown: unknown[] = []
  process.on('uncaughtException', (error) => thrown.push(error))
  try {
    for (const [what, does] of Object.entries(DOES)) {
      const ring = await open()
      const inner: unknown[] = []
      const act = () => inner.push(outcomes([does(ring, 0)].flat() as Promise<unknown>[]))
      const signals = [0, 1].map(() => withSignal('removeEventListener', 'called', act))
      const ends = await outcomes([...signals.map((options) => ring.nop(options)), ring.nop()])
      assert.deepEqual(ends, [0, 0, 0], what)
      await Promise.all(inner)
      await ring.destroy()
      assert.equal(ring.stats().inFlight, 0)
    }
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const handler of handlers) process.on('uncaughtException', handler)
  }
  // Those of both signals, each time, are told as those of a listener are.
  assert.deepEqual(
    thrown.map((error) => (error as Error | null)?.message),
    ['mine', 'mine', undefined, undefined],
  )
})

onEachBuild('options are own properties that the operation knows', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'w+')
  for (const [method, [, call]] of Object.entries(METHODS)) {
    await assert.rejects(call(ring, fd, { maxThreads: 1 }), code('ERR_INVALID_ARG_VALUE'), method)
    await assert.rejects(call(ring, fd, 1 as never), code('ERR_INVALID_ARG_TYPE'), method)
  }
  const polluted = Object.prototype as unknown as { position?: unknown; signal?: unknown }
  polluted.position = 5
  polluted.signal = 5
  const written = ring.write(fd, Buffer.from('12345678'), {})
  delete polluted.position
  delete polluted.signal
  assert.equal(await written, 8)
  assert.equal(readFileSync(path, 'latin1'), '12345678')
  closeSync(fd)
})

onEachBuild('one that is refused counts as linked where nobody can tell', async (open) => {
  const ring = await open()
  const accessor = { get: () => false, enumerable: true }
  const cases: [what: string, options: object, next: unknown][] = [
    ['says yes', { link: true, bogus: 1 }, 'ECANCELED'],
    ['says no', { link: false, bogus: 1 }, 0],
    ['says nothing', { bogus: 1 }, 0],
    ['has an accessor', Object.defineProperty({ bogus: 1 }, 'link', accessor), 'ECANCELED'],
    ['has an accessor of hardlink', Object.defineProperty({ bogus: 1 }, 'hardlink', accessor), 'ECANCELED'],
    ['inherits it', Object.create({ link: true }), 'ECANCELED'],
    ['is a proxy that is revoked', revoked(), 'ECANCELED'],
  ]
  for (const [what, options, expected] of cases) {
    const [before, refused, after] = await outcomes([ring.nop({ link: true }), ring.nop(options), ring.nop()])
    assert.equal(before, 'ECANCELED', what)
    assert.ok(refused !== 0, what)
    assert.equal(after, expected, what)
    // The turn is over, and so is the chain.
    assert.equal(await ring.nop(), 0, what)
  }
  await assert.rejects(ring.nop({ bogus: 1 } as never), code('ERR_INVALID_ARG_VALUE'))
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
