/**
 * The handle table of a simulated process: sockets, ports, events and files in one numbering, as on Windows.
 */

/** What a handle can refer to. */
export interface KernelObject {
  readonly type: "socket" | "port" | "event" | "file"
  /** The handle's number while it is open, 0 after. */
  handle: number
}

/**
 * Numbers are small multiples of 4, the lowest free one first, so a closed SOCKET's number is reused at once.
 */
export class Handles<A extends KernelObject> {
  private readonly slots: Array<A | undefined> = [undefined]
  private lowest = 1
  /** Open handles. */
  open = 0
  private readonly opened: (object: A) => void

  constructor(opened: (object: A) => void) {
    this.opened = opened
  }

  add(object: A): number {
    let i = this.lowest
    while (this.slots[i] !== undefined) i++
    this.slots[i] = object
    this.lowest = i + 1
    this.open++
    object.handle = i * 4
    this.opened(object)
    return object.handle
  }

  get(handle: number): A | undefined {
    const object = this.slots[handle >>> 2]
    return object !== undefined && object.handle === handle ? object : undefined
  }

  /** Says whether the number was ever given out. */
  wasUsed(handle: number): boolean {
    return handle > 0 && (handle & 3) === 0 && handle >>> 2 < this.slots.length
  }

  remove(object: A): void {
    const i = object.handle >>> 2
    this.slots[i] = undefined
    if (i < this.lowest) this.lowest = i
    object.handle = 0
    this.open--
  }

  list(): Array<A> {
    return this.slots.filter((object) => object !== undefined)
  }
}
