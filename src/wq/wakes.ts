/**
 * Wake-ups across threads: of workers, and of an owner that sleeps. Any thread, no lock held.
 *
 * Counterpart: wake_up_process in io-wq.c, and the countdown of io_req_local_work_add.
 */
import { cmpxchg, futexWake, loadAcquire, xchg } from '../lib/barrier.js'
import { OWNER_AWAKE, WAKE_ASLEEP, WAKE_YES, WQ, type WqMemory } from './layout.js'

const ALL = 0x7fff_ffff

/** Wakes a worker that popIdle returned. Any thread, no lock held. */
export function wakeWorker(mem: WqMemory, slot: number): void {
  const wake = mem.wake(slot)
  // Publishes the queued item; pairs with the loads in #sleep. Only a sleeper requires the system call. All of the
  // worker's waits are woken: an old wait of listen() may be in front.
  if (xchg(mem.hashWords, wake, WAKE_YES) === WAKE_ASLEEP) futexWake(mem.hashWords, wake, ALL)
}

/**
 * Counts one more item of task work: wakes the owner if it sleeps in Wq.sleep() and this was the last it waits for, or
 * `force`. Counterpart: the countdown of cq_wait_nr in io_req_local_work_add.
 */
export function wakeOwner(mem: WqMemory, force: boolean): void {
  const { words } = mem
  const wait = WQ.at.owner_wait >> 2
  for (;;) {
    // Pairs with Wq.sleep, which announces itself before it reads the queues once more.
    const wanted = loadAcquire(words, wait)
    if (wanted <= OWNER_AWAKE) return
    const left = force ? OWNER_AWAKE : wanted - 1
    if (cmpxchg(words, wait, wanted, left) !== wanted) continue
    if (left === OWNER_AWAKE) futexWake(words, wait, 1)
    return
  }
}
