/**
 * Values that a thread has once, however many copies of this code it has loaded. Any thread; each has its own.
 *
 * The bundle makes one self-contained file of each entry of the package, because a second file costs a millisecond to
 * load. A program that imports two entries has two copies of their common code. So values that must exist once lie in a
 * table on the thread's global object, under the folder of those files: another installation has another table.
 * Counterpart: struct io_uring_task, of which a task has one for all of its rings.
 */

const KEY = Symbol.for(`uring ${import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1)}`)

const { [KEY]: table = new Map() } = globalThis as { [KEY]?: Map<string, unknown> }
Object.defineProperty(globalThis, KEY, { value: table, configurable: true })

/** What `make` returned when it was first called for this name. */
export function perThread<T>(name: string, make: () => T): T {
  if (!table.has(name)) table.set(name, make())
  return table.get(name) as T
}

/** As perThread(), for a value made asynchronously. A rejected one is made again: the cause may have gone. */
export function perThreadSoon<T>(name: string, make: () => Promise<T>): Promise<T> {
  const made = perThread(name, make)
  made.catch(() => {
    if (table.get(name) === made) table.delete(name)
  })
  return made
}
