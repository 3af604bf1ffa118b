/**
 * The queue that `options.taskQueue` shows where a program brings none, and what counts as one. Owner thread only.
 */
import type { Task, TaskQueue } from './options.js'

/** First in, first out. The Pool's own queue stands behind it: nothing waits here. */
export class ArrayTaskQueue implements TaskQueue {
  readonly tasks: Task[] = []

  get size(): number {
    return this.tasks.length
  }

  shift(): Task | null {
    return this.tasks.shift() ?? null
  }

  push(task: Task): void {
    this.tasks.push(task)
  }

  remove(task: Task): void {
    const at = this.tasks.indexOf(task)
    if (at >= 0) this.tasks.splice(at, 1)
  }

  cancel(): void {
    for (const task of this.tasks.splice(0)) task.cancel()
  }
}

/** Whether a value can be `taskQueue`. */
export function isTaskQueue(value: unknown): value is TaskQueue {
  if (typeof value !== 'object' || value === null || !('size' in value)) return false
  const { shift, remove, push } = value as Partial<TaskQueue>
  return typeof shift === 'function' && typeof remove === 'function' && typeof push === 'function'
}
