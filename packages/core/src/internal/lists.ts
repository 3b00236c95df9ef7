/** Intrusive lists: no allocation to link, O(1) removal from the middle. */

/** A list of slot numbers. A slot is in a list at most once. */
export class SlotList {
  head = -1
  tail = -1
  length = 0
  private next: Int32Array
  private previous: Int32Array

  constructor(capacity: number) {
    this.next = new Int32Array(capacity).fill(-1)
    this.previous = new Int32Array(capacity).fill(-1)
  }

  grow(capacity: number): void {
    const { next, previous } = this
    this.next = new Int32Array(capacity).fill(-1)
    this.previous = new Int32Array(capacity).fill(-1)
    this.next.set(next)
    this.previous.set(previous)
  }

  push(slot: number): void {
    this.previous[slot] = this.tail
    this.next[slot] = -1
    if (this.tail === -1) this.head = slot
    else this.next[this.tail] = slot
    this.tail = slot
    this.length++
  }

  /** Removes the head; the list must not be empty. */
  shift(): number {
    const slot = this.head
    this.remove(slot)
    return slot
  }

  remove(slot: number): void {
    const next = this.next[slot]
    const previous = this.previous[slot]
    if (previous === -1) this.head = next
    else this.next[previous] = next
    if (next === -1) this.tail = previous
    else this.previous[next] = previous
    this.next[slot] = -1
    this.previous[slot] = -1
    this.length--
  }

  after(slot: number): number {
    return this.next[slot]
  }
}

/** Something that can be in one `LinkedList` at a time. */
export interface Linked<T> {
  next: T | undefined
  previous: T | undefined
}

/** A list of objects linked through themselves. */
export class LinkedList<T extends Linked<T>> {
  head: T | undefined = undefined
  tail: T | undefined = undefined
  length = 0

  push(item: T): void {
    item.previous = this.tail
    item.next = undefined
    if (this.tail === undefined) this.head = item
    else this.tail.next = item
    this.tail = item
    this.length++
  }

  remove(item: T): void {
    const { next, previous } = item
    if (previous === undefined) this.head = next
    else previous.next = next
    if (next === undefined) this.tail = previous
    else next.previous = previous
    item.next = undefined
    item.previous = undefined
    this.length--
  }
}
