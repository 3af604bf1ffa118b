/**
 * Named trace events, free when nobody listens. Runs on the thread where the event happens; events do not cross threads.
 *
 * Events stand at submit, defer (behind a drain), punt, issue, complete, cancel and at worker creation and exit, so that
 * a hang can be read. Counterpart: the kernel's include/trace/events/io_uring.h. A listener must not throw and must not
 * call back in.
 */

export type TraceEvent =
  | 'submit_req'
  | 'defer'
  | 'queue_async_work'
  | 'issue'
  | 'complete'
  | 'cancel'
  | 'task_add'
  | 'cqe_overflow'
  | 'worker_create'
  | 'worker_exit'
  | 'worker_died'

export type TraceListener = (event: TraceEvent, a: number, b: number) => void

let listener: TraceListener | undefined

/** Emits an event with two numbers whose meaning is the event's. */
export function trace(event: TraceEvent, a: number, b: number): void {
  if (listener !== undefined) listener(event, a, b)
}

/** Sets this thread's listener; undefined removes it. Returns the one before. */
export function setTraceListener(next: TraceListener | undefined): TraceListener | undefined {
  const before = listener
  listener = next
  return before
}
