/**
 * What a simulation recorded: calls with their arguments, completions, packets, datagrams and segments, and what the guard
 * objected to.
 *
 * @since 0.1.0
 */

interface Occurrence {
  /** Milliseconds of Effect's clock since the simulation began. */
  readonly at: number
  /** The machine it happened on. */
  readonly host: string
}

/**
 * A call of a DLL function: arguments by their documented names, the result, and the last error when it failed
 * (0 when it did not).
 *
 * @category models
 * @since 0.1.0
 */
export interface Call extends Occurrence {
  readonly _tag: "Call"
  readonly name: string
  readonly args: { readonly [parameter: string]: number }
  readonly result: number
  readonly error: number
}

/**
 * A fault that struck: the call that it struck, which is the one before it, and what it does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faulted extends Occurrence {
  readonly _tag: "Faulted"
  readonly call: string
  /** The SOCKET or HANDLE of the call, 0 for none. */
  readonly socket: number
  readonly description: string
}

/**
 * The end of an overlapped operation: its NTSTATUS, its byte count, and whether a packet was queued for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completed extends Occurrence {
  readonly _tag: "Completed"
  readonly socket: number
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
  readonly packet: boolean
}

/**
 * A packet taken from a completion port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dequeued extends Occurrence {
  readonly _tag: "Dequeued"
  readonly port: number
  readonly key: number
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
}

/**
 * A completion routine that was run, in an alertable wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ran extends Occurrence {
  readonly _tag: "Ran"
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
}

interface DatagramFields extends Occurrence {
  /** The datagram's number in the simulation, from 1. */
  readonly id: number
  /** `address:port`, IPv6 addresses in brackets. */
  readonly from: string
  readonly to: string
  /** Of IP: 17 for UDP, 1 for ICMP, 58 for ICMPv6, or what a raw socket was opened for. */
  readonly protocol: number
  /** Payload bytes. */
  readonly bytes: number
  /** The payload, not to be changed. */
  readonly payload: Uint8Array
  /** The hop limit it travels with, and its traffic class (DSCP and ECN). */
  readonly ttl: number
  readonly tos: number
}

/**
 * A datagram's way: sent by a socket, delivered to a socket's buffer or receive, or dropped and why.
 *
 * @category models
 * @since 0.1.0
 */
export type DatagramEvent =
  | ({ readonly _tag: "Sent"; readonly socket: number } & DatagramFields)
  | ({ readonly _tag: "Delivered"; readonly socket: number } & DatagramFields)
  | ({ readonly _tag: "Dropped"; readonly reason: string } & DatagramFields)

interface SegmentFields extends Occurrence {
  /** The segment's number in the simulation, from 1. */
  readonly id: number
  /** The machine's socket of that connection, 0 while or when no socket has it. */
  readonly socket: number
  /** `address:port`, IPv6 addresses in brackets. */
  readonly from: string
  readonly to: string
  readonly flags: ReadonlyArray<"SYN" | "FIN" | "RST" | "ACK" | "WINDOW" | "PROBE">
  /** Payload bytes. */
  readonly bytes: number
  /** The payload, not to be changed. */
  readonly payload: Uint8Array
  /** Whether the last byte is urgent. */
  readonly urgent: boolean
  /** Bytes of the stream before it and how often it was sent before; both 0 where no rule has judged it. */
  readonly offset: number
  readonly retransmissions: number
}

/**
 * A TCP segment: sent by a machine, and arrived at one, or dropped on its way and why. `flags` are TCP's, and `WINDOW` where a segment is there to tell
 * of room, `PROBE` where it is a keep-alive. Data is acknowledged by its arrival, without a
 * segment, unless rules of the network judge segments.
 *
 * @category models
 * @since 0.1.0
 */
export type SegmentEvent =
  | ({ readonly _tag: "Segment" } & SegmentFields)
  | ({ readonly _tag: "SegmentArrived" } & SegmentFields)
  | ({ readonly _tag: "SegmentDropped"; readonly reason: string } & SegmentFields)

/**
 * What the guard objects to.
 *
 * - `FreeUnderOperation`: memory given back while a pending operation or wait refers to it
 * - `BadFree`: memory given back that is not allocated
 * - `OverlappedReused`: an `OVERLAPPED` submitted while its operation is pending, or its packet not yet dequeued
 * - `MemoryChanged`: bytes that belong to the kernel changed while the operation was pending (of a buffer larger than
 *   4 KiB its first and last 2 KiB are watched)
 * - `MemoryGone`: an operation completed into memory that is no longer there
 * - `DeadSocket`: a call on a SOCKET or HANDLE that is closed
 * - `WouldWait`: a call that waits, made on the JS thread
 * - `PacketsDiscarded`: a completion port closed with completions nobody saw
 * - `RoutineGone`: a completion routine taken back while it would still be run
 * - `LeftBehind`: something open, allocated or pending at the end
 * - `TaskThrew`: an exception in a scheduled task
 *
 * @category models
 * @since 0.1.0
 */
export type ViolationKind =
  | "FreeUnderOperation"
  | "BadFree"
  | "OverlappedReused"
  | "MemoryChanged"
  | "MemoryGone"
  | "DeadSocket"
  | "WouldWait"
  | "PacketsDiscarded"
  | "RoutineGone"
  | "LeftBehind"
  | "TaskThrew"

/**
 * A place in the user's program: frames of the JS stack outside of the library, innermost first, and the fiber's spans and
 * functions made with `Effect.fn`. What a library's own turn of the event loop does has no frames, and perhaps no spans.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallSite {
  readonly frames: ReadonlyArray<string>
  readonly spans: ReadonlyArray<string>
}

/**
 * A breach of Winsock's memory and handle rules. With `Behaviour.callSites` it says where the offending call was made, and
 * where what it is about (the operation, the socket that was left open) was begun.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violated extends Occurrence {
  readonly _tag: "Violated"
  readonly kind: ViolationKind
  readonly message: string
  readonly callSite?: CallSite | undefined
  readonly submittedAt?: CallSite | undefined
}

/**
 * A machine's power went, or it is up again.
 *
 * @category models
 * @since 0.1.0
 */
export type PowerEvent = ({ readonly _tag: "Crashed" } & Occurrence) | ({ readonly _tag: "Restarted" } & Occurrence)

/**
 * Anything that a trace records.
 *
 * @category models
 * @since 0.1.0
 */
export type Event = Call | Faulted | Completed | Dequeued | Ran | DatagramEvent | SegmentEvent | Violated | PowerEvent

const hex = (n: number): string => `0x${n.toString(16)}`

const segment = (e: SegmentEvent): string =>
  `${e.flags.join(",")}: ${e.from} -> ${e.to}${e.bytes === 0 ? "" : `, ${e.bytes} bytes`}${e.urgent ? ", urgent" : ""}${
    e.retransmissions === 0 ? "" : `, retransmission ${e.retransmissions}`
  }`

const formatters: { readonly [K in Event["_tag"]]: (event: Extract<Event, { _tag: K }>) => string } = {
  Call: (e) => {
    const args = Object.entries(e.args).map(([name, value]) => `${name}=${value > 0xffff ? hex(value) : value}`)
    return `${e.name}(${args.join(", ")}) -> ${e.result}${e.error === 0 ? "" : `, error ${e.error}`}`
  },
  Faulted: (e) => `FAULT ${e.description}`,
  Completed: (e) =>
    `completed ${hex(e.overlapped)} of socket ${e.socket}: ${hex(e.status)}, ${e.bytes} bytes${
      e.packet ? ", packet queued" : ""
    }`,
  Dequeued: (e) => `dequeued from ${e.port}: key ${e.key}, ${hex(e.overlapped)}, ${hex(e.status)}, ${e.bytes} bytes`,
  Ran: (e) => `ran the routine of ${hex(e.overlapped)}: ${hex(e.status)}, ${e.bytes} bytes`,
  Sent: (e) => `#${e.id} sent by ${e.socket}: ${e.from} -> ${e.to}, ${e.bytes} bytes`,
  Delivered: (e) => `#${e.id} delivered to ${e.socket}: ${e.from} -> ${e.to}, ${e.bytes} bytes`,
  Dropped: (e) => `#${e.id} dropped (${e.reason}): ${e.from} -> ${e.to}, ${e.bytes} bytes`,
  Segment: (e) => segment(e),
  SegmentArrived: (e) => `arrived: ${segment(e)}`,
  SegmentDropped: (e) => `dropped (${e.reason}): ${segment(e)}`,
  Violated: (e) => `VIOLATION ${e.kind}: ${e.message}`,
  Crashed: () => "crashed",
  Restarted: () => "restarted"
}

/**
 * Returns an event as one line of text, without its time.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (event: Event): string =>
  `[${event.host}] ${(formatters[event._tag] as (event: Event) => string)(event)}`

/**
 * Returns a trace as text, a line an event. A line begins with the time since the simulation began, in seconds, where
 * that has moved since the line before.
 *
 * @category formatting
 * @since 0.1.0
 */
export const toText = (events: ReadonlyArray<Event>): string => {
  let last = -1
  return events
    .map((event) => {
      const time = event.at === last ? "" : formatTime(event.at)
      last = event.at
      return `${time.padStart(timeWidth)} ${format(event)}`
    })
    .join("\n")
}

const timeWidth = 10

/**
 * Returns milliseconds as seconds with three decimals: `"0.250s"`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatTime = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(3)}s`
