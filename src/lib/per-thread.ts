/**
 * What a thread has one of, however many copies of this code it has loaded. Any thread; each has its own.
 *
 * The bundle gives each entry of the package a file with all that it needs, for a second file takes a millisecond to
 * load. Who imports two of them has two copies of what both hold. So what must be one is kept in a table on the thread's
 * global object, under the folder that those files share: another installation has another table. Counterpart: struct
 * io_uring_task, of which a task has one for all of its rings.
 */

const KEY = Symbol.for(`uring ${import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1)}`)

const { [KEY]: table = new Map() } = globalThis as { [KEY]?: Map<string, unknown> }
Object.defineProperty(globalThis, KEY, { value: table, configurable: true })

/** What `make` returned when it was first called for this name. */
export function perThread<T>(name: string, make: () => T): T {
  if (!table.has(name)) table.set(name, make())
  return table.get(name) as T
}

/** As perThread(), of what takes a while. One that was rejected is made again: what was missing may be there by now. */
export function perThreadSoon<T>(name: string, make: () => Promise<T>): Promise<T> {
  const made = perThread(name, make)
  made.catch(() => {
    if (table.get(name) === made) table.delete(name)
  })
  return made
}
