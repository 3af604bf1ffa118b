/** Jobs that ask, wherever they are called back, which job they belong to. */
import { currentSignal, jobContext, reportProgress } from '../../src/pool/worker/job.js'

/** The caller's name, as this job's context has it. */
const who = () => jobContext<string>('who')

/** A job's own tale: whom it belongs to, told by the context and by its progress alike. */
const tell = (place: string) => {
  const found = who()
  reportProgress([place, found])
  return found
}

export const sync = () => tell('sync')

export async function awaited(): Promise<unknown> {
  await new Promise(setImmediate)
  return tell('awaited')
}

export function timer(): Promise<unknown> {
  return new Promise((resolve) => setTimeout(() => resolve(tell('timer')), 1))
}

export function microtask(): Promise<unknown> {
  return new Promise((resolve) => queueMicrotask(() => resolve(tell('microtask'))))
}

/** The abort event, as its listener sees it, and the timer that the listener sets. */
export function listener(): Promise<unknown> {
  return new Promise((resolve) => {
    const signal = currentSignal()
    signal.addEventListener('abort', () => {
      const isOwn = currentSignal() === signal && currentSignal().aborted
      tell('listener')
      setTimeout(() => resolve(isOwn ? tell('after the listener') : 'another signal'), 1)
    })
    reportProgress(['ready', who()])
  })
}

export function thenable(): PromiseLike<unknown> {
  // biome-ignore lint/suspicious/noThenProperty: what is awaited need be no promise.
  return { then: (resolve: (value: unknown) => void) => resolve(tell('then')) } as PromiseLike<unknown>
}

const nosy = (place: string) => ({
  get found() {
    return tell(place)
  },
})

export const accessor = () => nosy('accessor')

export async function laterAccessor(): Promise<unknown> {
  await null
  return nosy('later accessor')
}

/** Returns plainly when told to, a promise else: nothing was known of it before. */
export function turns(isPlain: boolean): unknown {
  if (isPlain) return who()
  return new Promise((resolve) => setTimeout(() => resolve(tell('turned')), 1))
}
export const turnsToo = turns.bind(undefined)

export async function* steps(n: number): AsyncGenerator<unknown> {
  try {
    for (let i = 0; i < n; i++) {
      yield tell('step')
      await new Promise(setImmediate)
    }
  } finally {
    tell('finally')
  }
}

export const pulls = (n: number) => ({
  [Symbol.iterator]: () => ({
    next: () => (n-- > 0 ? { done: false, value: tell('next') } : { done: true, value: undefined }),
    return: () => {
      tell('return')
      return { done: true, value: undefined }
    },
  }),
})

/** Its progress comes when it has ended: nobody is to hear of it. */
export function leavesTimer(): string {
  setTimeout(() => {
    tell('left behind')
    later = who() ?? 'nobody'
  }, 1)
  return 'left'
}
let later: string | undefined

/** Waits, as a job of its own, until the timer has fired. */
export async function leftBehind(): Promise<string> {
  while (later === undefined) await new Promise(setImmediate)
  return later
}
