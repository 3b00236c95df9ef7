/**
 * Holding back completions: what a gate and a delay have in common. What does not come through a port is in
 * `holdingElsewhere.ts`.
 *
 * A packet is held by not handing it out after it was dequeued, and released by posting it again. Order matters more
 * than it seems: a packet that was posted by the program proves that whatever stood before it in the port has come,
 * so it must not overtake a packet that is held; and a release must not be overtaken by packets that an off-thread
 * call has already taken. So a release waits until no such call is out, empties the port and posts everything again.
 */
import type { Layout } from "@effect-winsock/schema/Layout"
import { readPointer } from "@effect-winsock/schema/Layout"
import { OVERLAPPED_ENTRY } from "@effect-winsock/schema/Structs"
import { WAIT_TIMEOUT, WSA_IO_INCOMPLETE } from "@effect-winsock/schema/WsaError"
import type { Block, Handle, Seam, SeamMemory } from "../../Seam.ts"
import { HoldingElsewhere } from "./holdingElsewhere.ts"
import type { Args, CallName, Site } from "./intercept.ts"
import { intercept, signatureOf } from "./intercept.ts"

/** A completion packet, as the decorators see it. */
export interface Packet {
  /** The completion port that it was dequeued from, 0 for what completed by an event or a routine. */
  readonly port: Handle
  readonly key: number
  readonly lpOverlapped: number
  readonly bytes: number
  /** The last call that was given this OVERLAPPED, when there was one. */
  readonly operation: CallName | undefined
  /** Whether the program posted it with PostQueuedCompletionStatus. */
  readonly posted: boolean
}

/** When a held packet is due by itself; with neither, only when it is released. */
export interface Terms {
  readonly dequeues?: number
  readonly milliseconds?: number
}

interface Held {
  readonly packet: Packet
  /** Held for the sake of a packet before it, and released with that one. */
  readonly follows: boolean
  dequeues: number | undefined
  withdraw: (() => void) | undefined
  due: boolean
}

interface Port {
  readonly handle: Handle
  readonly site: Site
  held: Array<Held>
  /** Off-thread dequeues that have not reported yet. */
  out: number
  /** Whether a wake-up is on its way to such a call. */
  waking: boolean
  /** Packets in the port that the program posted. */
  readonly posted: Array<Pick<Packet, "key" | "lpOverlapped">>
  /** Packets in the port that have served their terms. */
  readonly served: Array<number>
}

/** What decides, and is told. */
export interface Policy {
  /** The terms to hold a packet on, or `undefined` to let it pass. */
  readonly terms: (packet: Packet) => Terms | undefined
  /** Whether a packet that was held once passes the next time. */
  readonly once: boolean
  /** Packets were held. */
  readonly held: (seam: Seam) => void
}

/** Packets that are held back, and the way to let them go. */
export interface Holding {
  readonly decorate: (seam: Seam) => Seam
  readonly count: () => number
  readonly releaseAll: () => void
}

type Raw = Pick<Packet, "key" | "lpOverlapped" | "bytes" | "posted">

// what a decorator posts again passes through those below it, which must not take it for the program's
let reposting: Raw | undefined

const post = (port: Port, packet: Raw): boolean => {
  const outer = reposting
  reposting = packet
  const { bytes, key, lpOverlapped } = packet
  const posted = port.site.seam.calls.PostQueuedCompletionStatus(port.handle, bytes, key, lpOverlapped) !== 0
  reposting = outer
  return posted
}

const batch = 64
const lookers: ReadonlySet<CallName> = new Set<CallName>([
  "CancelIoEx",
  "GetAddrInfoExOverlappedResult",
  "PostQueuedCompletionStatus",
  "WSAGetOverlappedResult"
])
const dequeue = "GetQueuedCompletionStatusEx"
let holdings = 0

const overlappedIndex = (name: CallName): number =>
  lookers.has(name) ? -1 : signatureOf(name).parameters.findIndex(([parameter]) => parameter === "lpOverlapped")

// what the program allocates through the decorated seam, so that addresses can be looked at
const trackMemory = (memory: SeamMemory) => {
  const blocks = new Map<number, Block>()
  const tracked: SeamMemory = {
    alloc: (size) => {
      const block = memory.alloc(size)
      blocks.set(block.address, block)
      return block
    },
    free: (block) => {
      blocks.delete(block.address)
      memory.free(block)
    }
  }
  const locate = (address: number, size: number): { readonly block: Block; readonly offset: number } | undefined => {
    for (const block of blocks.values()) {
      const offset = address - block.address
      if (offset >= 0 && offset + size <= block.size) return { block, offset }
    }
    return undefined
  }
  return { tracked, locate }
}

type FieldsOf<L> = L extends Layout<infer F> ? keyof F : never

const reader = (seam: Seam) => {
  const offsets = OVERLAPPED_ENTRY.offsets[seam.abi]
  const pointer = (view: DataView, at: number, field: FieldsOf<typeof OVERLAPPED_ENTRY>) =>
    readPointer(seam.abi, view, at + offsets[field])
  return {
    stride: OVERLAPPED_ENTRY.size[seam.abi],
    read: (view: DataView, at: number) => ({
      key: pointer(view, at, "lpCompletionKey"),
      lpOverlapped: pointer(view, at, "lpOverlapped"),
      bytes: view.getUint32(at + offsets.dwNumberOfBytesTransferred, true)
    })
  }
}

export const makeHolding = (policy: Policy): Holding => {
  // wake-ups are told apart by their key: decorators can be stacked, and each takes its own
  const wakeKey = 0x5741_4b45 + holdings++
  const ports: Array<Port> = []
  const others: Array<HoldingElsewhere> = []

  const portOf = (site: Site, handle: Handle): Port => {
    let port = ports.find((port) => port.site === site && port.handle === handle)
    if (port === undefined) {
      port = { handle, site, held: [], out: 0, waking: false, posted: [], served: [] }
      ports.push(port)
    }
    return port
  }

  const markDue = (port: Port): boolean => {
    let all = true
    let any = false
    for (const held of port.held) {
      if (held.follows && all) held.due = true
      all &&= held.due
      any ||= held.due
    }
    return any
  }

  const hold = (port: Port, packet: Packet, terms: Terms | undefined): void => {
    const held: Held = {
      packet,
      follows: terms === undefined,
      dequeues: terms?.dequeues,
      withdraw: undefined,
      due: false
    }
    if (terms?.milliseconds !== undefined) {
      held.withdraw = port.site.seam.host.schedule(() => {
        held.withdraw = undefined
        held.due = true
        release(port)
      }, terms.milliseconds)
    }
    port.held.push(held)
  }

  const judge = (port: Port, packet: Packet): boolean => {
    const behind =
      port.held.length > 0 &&
      (packet.posted || port.held.some((held) => held.due || held.packet.lpOverlapped === packet.lpOverlapped))
    if (behind) {
      hold(port, packet, undefined)
      return true
    }
    const served = port.served.indexOf(packet.lpOverlapped)
    if (served >= 0) {
      port.served.splice(served, 1)
      return false
    }
    const terms = policy.terms(packet)
    if (terms === undefined) return false
    hold(port, packet, terms)
    return true
  }

  const wake = (port: Port): void => {
    if (!port.waking) port.waking = post(port, { key: wakeKey, lpOverlapped: 0, bytes: 0, posted: false })
  }

  const release = (port: Port): void => {
    if (!markDue(port)) return
    if (port.out > 0) return wake(port)
    const due = port.held.filter((held) => held.due)
    const behind = drain(port)
    const packets = [...due.map((held) => held.packet), ...behind]
    const failed = packets.findIndex((packet) => !post(port, packet))
    if (failed >= 0) {
      // all or nothing, or the order would be lost: what was posted is taken back, and the next dequeue tries again
      const own = packets.slice(0, failed)
      const late = drain(port).filter(({ key, lpOverlapped }) => {
        const mine = own[0]?.key === key && own[0].lpOverlapped === lpOverlapped
        if (mine) own.shift()
        return !mine
      })
      for (const { bytes, key, lpOverlapped } of [...behind, ...late]) {
        hold(port, describe(port, key, lpOverlapped, bytes), undefined)
      }
      return
    }
    port.held = port.held.filter((held) => !held.due)
    for (const { follows, packet, withdraw } of due) {
      withdraw?.()
      if (packet.posted) port.posted.push(packet)
      if (policy.once && !follows) port.served.push(packet.lpOverlapped)
    }
  }

  const operations = new Map<Site, Map<number, CallName>>()

  const markOf = (port: Port, key: number, lpOverlapped: number): number =>
    port.posted.findIndex((posted) => posted.key === key && posted.lpOverlapped === lpOverlapped)

  const describe = (port: Port, key: number, lpOverlapped: number, bytes: number): Packet => {
    const mark = markOf(port, key, lpOverlapped)
    if (mark >= 0) port.posted.splice(mark, 1)
    return {
      port: port.handle,
      key,
      lpOverlapped,
      bytes,
      operation: operations.get(port.site)?.get(lpOverlapped),
      posted: mark >= 0
    }
  }

  // empties the port; marks of posted packets stay, for the packets will be back
  const drain = (port: Port): Array<Raw> => {
    const { calls, memory } = port.site.seam
    const { read, stride } = reader(port.site.seam)
    const block = memory.alloc(stride * batch + 16)
    const removedAt = stride * batch
    const packets: Array<Raw> = []
    while (calls[dequeue](port.handle, block.address, batch, block.address + removedAt, 0, 0) !== 0) {
      const removed = Math.min(block.view.getUint32(removedAt, true), batch)
      for (let i = 0; i < removed; i++) {
        const packet = read(block.view, i * stride)
        if (packet.key === wakeKey && packet.lpOverlapped === 0) port.waking = false
        else packets.push({ ...packet, posted: markOf(port, packet.key, packet.lpOverlapped) >= 0 })
      }
    }
    memory.free(block)
    return packets
  }

  // a packet that waits for dequeues must not make one of them wait for it
  const begin = (port: Port, args: Args): Args => {
    for (const held of port.held) {
      if (held.dequeues !== undefined && --held.dequeues <= 0) held.due = true
    }
    release(port)
    if (!port.held.some((held) => held.dequeues !== undefined)) return args
    return args.map((arg, i) => (i === 4 ? 0 : arg))
  }

  const forget = (site: Site, handle: number): void => {
    const at = ports.findIndex((port) => port.site === site && port.handle === handle)
    if (at < 0) return
    for (const held of ports[at].held) held.withdraw?.()
    ports.splice(at, 1)
  }

  const decorate = (seam: Seam): Seam => {
    const { locate, tracked } = trackMemory(seam.memory)
    const { read, stride } = reader(seam)
    const submitted = new Map<number, CallName>()
    const elsewhere = new HoldingElsewhere(seam, policy, (overlapped) => submitted.get(overlapped), locate)
    others.push(elsewhere)

    // takes what is held out of what was dequeued; tells how many packets are left, or undefined if it cannot look
    const sift = (port: Port, args: Args): number | undefined => {
      const [, entriesAt, capacity, removedAt] = args
      const removed = locate(removedAt, 4)
      const entries = locate(entriesAt, capacity * stride)
      if (removed === undefined || entries === undefined) return undefined
      const n = Math.min(removed.block.view.getUint32(removed.offset, true), capacity)
      const before = port.held.length
      let left = 0
      for (let i = 0; i < n; i++) {
        const at = entries.offset + i * stride
        const { bytes, key, lpOverlapped } = read(entries.block.view, at)
        if (lpOverlapped === 0 && key === wakeKey) {
          port.waking = false
          continue
        }
        if (lpOverlapped !== 0 && judge(port, describe(port, key, lpOverlapped, bytes))) continue
        entries.block.bytes.copyWithin(entries.offset + left * stride, at, at + stride)
        left++
      }
      removed.block.view.setUint32(removed.offset, left, true)
      if (port.held.length > before) policy.held(seam)
      return left
    }

    const decorated = intercept(
      seam,
      (site) => {
        operations.set(site, submitted)
        return {
          call: (name, _origin, args, next) => {
            if (name === dequeue) {
              const port = portOf(site, args[0] as Handle)
              const result = next(begin(port, args))
              if (result === 0) return result
              const left = sift(port, args)
              // it was for the call that is out, and it will be missed there
              if (port.out > 0) release(port)
              return left === 0 ? site.fail(dequeue, WAIT_TIMEOUT) : result
            }
            const overlapped = overlappedIndex(name)
            if (overlapped >= 0 && args[overlapped] !== 0) {
              submitted.set(args[overlapped], name)
              elsewhere.submitted(args[overlapped])
            }
            const result = next(args)
            if (name === "WSAGetOverlappedResult" && args[3] === 0) {
              const ended = result !== 0 || seam.calls.WSAGetLastError() !== WSA_IO_INCOMPLETE
              if (ended && elsewhere.isHidden(args[1])) return site.fail(name, WSA_IO_INCOMPLETE)
            }
            if (name === "PostQueuedCompletionStatus" && result !== 0 && args[3] !== 0) {
              const port = portOf(site, args[0] as Handle)
              if (reposting?.posted ?? true) port.posted.push({ key: args[2], lpOverlapped: args[3] })
              if (reposting !== undefined && policy.once) port.served.push(args[3])
            }
            if (name === "CloseHandle" && result !== 0) forget(site, args[0])
            return result
          },
          offThread: (name, args, next, done) => {
            if (name !== dequeue) return next(args, done)
            const port = portOf(site, args[0] as Handle)
            const given = begin(port, args)
            port.out++
            next(given, (result, lastError) => {
              port.out--
              const left = result === 0 ? undefined : sift(port, args)
              release(port)
              if (left === 0) done(0, WAIT_TIMEOUT)
              else done(result, lastError)
            })
          }
        }
      },
      tracked
    )
    return { ...decorated, routine: elsewhere.routine }
  }

  return {
    decorate,
    count: () =>
      ports.reduce((sum, port) => sum + port.held.length, 0) + others.reduce((sum, { count }) => sum + count, 0),
    releaseAll: () => {
      for (const port of ports) {
        for (const held of port.held) held.due = true
        release(port)
      }
      for (const other of others) other.releaseAll()
    }
  }
}
