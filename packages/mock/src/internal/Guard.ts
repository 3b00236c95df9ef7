/**
 * The guard: finds what a program does against Winsock's memory and handle rules, where real Windows would corrupt
 * memory or hang without a word.
 */
import type { ViolationKind, Violated } from "../MockTrace.ts"
import { Site } from "./CallSite.ts"
import type { MockBlock, MockMemory } from "./Memory.ts"
import { AccessViolation } from "./Memory.ts"
import type { Operation } from "./Operation.ts"
import type { Trace } from "./Trace.ts"

export type GuardLevel = "strict" | "collect" | "off"

/** What else owns memory: calls that wait off the JS thread. */
export interface Owner {
  readonly what: string
  readonly address: number
  readonly size: number
}

// of a larger buffer both ends are watched: 64 KiB for every receive would be most of a simulation's work
const whole = 4096

export class Guard {
  readonly level: GuardLevel
  readonly host: string
  readonly trace: Trace
  readonly violations: Array<Violated> = []
  /** Pending operations by the address of their OVERLAPPED, or by the thread that they block. */
  readonly pending = new Map<number, Operation>()
  /** Packets queued and not yet dequeued, by the address of their OVERLAPPED. */
  readonly packets = new Map<number, number>()
  readonly owners = new Set<Owner>()
  memory: MockMemory | undefined
  /** Whether places in the program are noted. */
  private readonly sites: boolean
  private readonly sitesOf = new WeakMap<object, Site>()

  constructor(level: GuardLevel, host: string, trace: Trace, callSites: boolean) {
    this.level = level
    this.host = host
    this.trace = trace
    this.sites = callSites && level !== "off"
  }

  /** Notes where something begins: a socket, or a wait. */
  begun(what: object): void {
    if (this.sites) this.sitesOf.set(what, new Site())
  }

  siteOf(what: object): Site | undefined {
    return this.sitesOf.get(what)
  }

  violation(kind: ViolationKind, message: string, submitted?: Site): void {
    if (this.level === "off") return
    const sites = this.sites ? { callSite: new Site().decode(), submittedAt: submitted?.decode() } : {}
    this.violations.push(this.trace.violated(this.host, kind, message, sites))
  }

  freeing(block: MockBlock): void {
    if (this.level === "off") return
    const end = block.address + block.size
    for (const operation of this.pending.values()) {
      operation.ranges(this.memory!, (what, address) => {
        if (address >= block.address && address < end) {
          this.violation(
            "FreeUnderOperation",
            `block ${hex(block.address)} freed under the ${what} of ${name(operation)}`,
            operation.site
          )
        }
      })
    }
    for (const owner of this.owners) {
      if (owner.address >= block.address && owner.address < end) {
        this.violation(
          "FreeUnderOperation",
          `block ${hex(block.address)} freed under the ${owner.what}`,
          this.siteOf(owner)
        )
      }
    }
  }

  /** An operation begins: its OVERLAPPED must be nobody's. */
  submitting(overlapped: number, call: string): void {
    if (this.level === "off") return
    const other = this.pending.get(overlapped)
    if (other !== undefined) {
      this.violation(
        "OverlappedReused",
        `${call} was given ${hex(overlapped)}, whose ${other.kind} is pending`,
        other.site
      )
    } else if (this.packets.has(overlapped)) {
      this.violation("OverlappedReused", `${call} was given ${hex(overlapped)}, whose packet is not dequeued yet`)
    }
  }

  /** An operation stays pending: its memory is the kernel's from here. */
  pended(operation: Operation): void {
    this.pending.set(operation.key, operation)
    // one that goes on with a part of its work was begun before
    if (this.sites) operation.site ??= new Site()
    if (this.level === "off") return
    const memory = this.memory!
    const snapshots: NonNullable<Operation["snapshots"]> = []
    const take = (what: string, address: number, size: number): void => {
      snapshots.push({ what, address, bytes: memory.copy(address, size) })
    }
    operation.ranges(memory, (what, address, size) => {
      if (size <= whole) return take(what, address, size)
      take(what, address, whole / 2)
      take(what, address + size - whole / 2, whole / 2)
    })
    operation.snapshots = snapshots
  }

  /** An operation is about to complete: its memory must be as it was. */
  completing(operation: Operation): void {
    const { key } = operation
    if (this.pending.get(key) === operation) this.pending.delete(key)
    const snapshots = operation.snapshots
    if (snapshots === undefined) return
    operation.snapshots = undefined
    for (const { address, bytes, what } of snapshots) {
      try {
        const block = this.memory!.find(address, bytes.length)
        const at = this.memory!.at
        const i = firstDifference(block, at, bytes)
        if (i !== -1) {
          this.violation(
            "MemoryChanged",
            `byte ${i} of the ${what} of ${name(operation)} changed while it was pending`,
            operation.site
          )
        }
      } catch (error) {
        if (!(error instanceof AccessViolation)) throw error
        this.violation("MemoryGone", `the ${what} of ${name(operation)} was freed while it was pending`, operation.site)
      }
    }
  }

  queued(overlapped: number): void {
    if (this.level === "off" || overlapped === 0) return
    this.packets.set(overlapped, (this.packets.get(overlapped) ?? 0) + 1)
  }

  dequeued(overlapped: number): void {
    if (this.level === "off" || overlapped === 0) return
    const count = this.packets.get(overlapped)
    if (count === undefined) return
    if (count === 1) this.packets.delete(overlapped)
    else this.packets.set(overlapped, count - 1)
  }
}

// by words as far as they go: this is most of what the guard costs
const firstDifference = (block: MockBlock, at: number, bytes: Uint8Array): number => {
  const saved = new DataView(bytes.buffer)
  const words = bytes.length & ~3
  let i = 0
  while (i < words && block.view.getUint32(at + i) === saved.getUint32(i)) i += 4
  while (i < bytes.length && block.bytes[at + i] === bytes[i]) i++
  return i < bytes.length ? i : -1
}

const hex = (n: number): string => `0x${n.toString(16)}`

const name = (operation: Operation): string =>
  `${operation.kind} ${hex(operation.overlapped)} of socket ${operation.socket.number}`
