/**
 * Tasks that wait for their time: the earliest is found, and others come and go, without a look at all of them. Of equal
 * times the one that was added first is first.
 */

export interface Timed {
  readonly withdrawn: boolean
}

class Timer<A> {
  readonly since: number
  readonly deadline: number
  readonly order: number
  readonly task: A
  constructor(since: number, deadline: number, order: number, task: A) {
    this.since = since
    this.deadline = deadline
    this.order = order
    this.task = task
  }
}

const isBefore = (a: Timer<unknown>, b: Timer<unknown>): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order)

const few = 64

export class Timers<A extends Timed> {
  // a heap: each is before those at twice its index and one or two more
  private heap: Array<Timer<A>> = []
  private added = 0
  private compactAt = few

  add(since: number, deadline: number, task: A): void {
    // most timers are withdrawn long before their time
    if (this.heap.length >= this.compactAt) this.compact()
    const timer = new Timer(since, deadline, this.added++, task)
    this.heap.push(timer)
    this.rise(this.heap.length - 1)
  }

  /** When the first is due that was not withdrawn; never for none. */
  get deadline(): number {
    while (this.heap.length > 0 && this.heap[0].task.withdrawn) this.take()
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0].deadline
  }

  /** Takes the first if it is due by then, withdrawn or not. */
  due(now: number): A | undefined {
    return this.heap.length > 0 && this.heap[0].deadline <= now ? this.take() : undefined
  }

  /** When the oldest was added that was not withdrawn. */
  get oldest(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { since, task } of this.heap) if (!task.withdrawn) oldest = Math.min(oldest, since)
    return oldest
  }

  clear(): void {
    this.heap = []
  }

  private take(): A {
    const [first] = this.heap
    const last = this.heap.pop()!
    if (this.heap.length > 0) {
      this.heap[0] = last
      this.sink(0)
    }
    return first.task
  }

  private compact(): void {
    this.heap = this.heap.filter(({ task }) => !task.withdrawn)
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i)
    this.compactAt = Math.max(few, this.heap.length * 2)
  }

  private rise(from: number): void {
    const { heap } = this
    const timer = heap[from]
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(timer, heap[above])) break
      heap[at] = heap[above]
      at = above
    }
    heap[at] = timer
  }

  private sink(from: number): void {
    const { heap } = this
    const timer = heap[from]
    let at = from
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++
      if (!isBefore(heap[below], timer)) break
      heap[at] = heap[below]
      at = below
    }
    heap[at] = timer
  }
}
