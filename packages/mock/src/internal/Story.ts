/**
 * A trace retold for a picture: a lane for each socket, a bar for each overlapped operation, an arrow for each packet, and
 * marks for what stands out. Everything has its step: the events that are shown, in order.
 */
import { IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import { nameOf, WSA_IO_PENDING, WSA_OPERATION_ABORTED, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import type { Call, DatagramEvent, Event, SegmentEvent } from "../MockTrace.ts"

export class Lane {
  readonly host: string
  /** 0 for the machine itself: what no socket has or had. */
  readonly socket: number
  label = ""
  readonly from: number
  /** The step at which it was closed. */
  to: number | undefined = undefined
  constructor(host: string, socket: number, from: number) {
    this.host = host
    this.socket = socket
    this.from = from
  }
}

/** What a lane is called. */
export const laneName = ({ label, socket }: Lane): string => {
  if (socket === 0) return "system"
  return label === "" ? `socket ${socket}` : label
}

/** How an operation ended. */
export type Outcome = "succeeded" | "aborted" | "failed" | "pending"

export interface Bar {
  readonly lane: Lane
  readonly name: string
  readonly from: number
  to: number | undefined
  outcome: Outcome
  /** What came of it, in a word or two. */
  result: string
  title: string
}

export type MarkKind = "cancel" | "fault" | "failure" | "dropped" | "violation"

export interface Mark {
  readonly lane: Lane
  readonly step: number
  readonly kind: MarkKind
  readonly title: string
}

export interface Arrow {
  readonly lane: Lane
  readonly from: number
  /** Undefined while it is under way; of a lost one, where that is told. */
  to: { readonly lane: Lane; readonly step: number } | undefined
  lost: boolean
  readonly label: string
  readonly title: string
}

export interface Story {
  /** When each step was, in milliseconds. */
  readonly times: ReadonlyArray<number>
  readonly lanes: ReadonlyArray<Lane>
  readonly bars: ReadonlyArray<Bar>
  readonly marks: ReadonlyArray<Mark>
  readonly arrows: ReadonlyArray<Arrow>
}

// calls whose failure is an answer
const answers: ReadonlySet<number> = new Set([0, WSA_IO_PENDING, WSAEWOULDBLOCK])
// these look for what may not be there: that nothing is, or that a wait is over, is no failure
const looks: ReadonlySet<string> = new Set([
  "GetQueuedCompletionStatusEx",
  "WSAWaitForMultipleEvents",
  "WSAGetOverlappedResult",
  "SleepEx"
])

/** The SOCKET that a call is about, by what the parameters are called. */
export const socketOf = (call: Call): number =>
  call.args.s ?? call.args.sListenSocket ?? call.args.hSocket ?? call.args.hFile ?? 0

const statusName = (status: number): string => NtStatus.nameOf(status) ?? `0x${(status >>> 0).toString(16)}`

const outcomeOf = (status: number): Outcome => {
  const code = NtStatus.toWsaError(status)
  return code === 0 ? "succeeded" : code === WSA_OPERATION_ABORTED ? "aborted" : "failed"
}

const codeOf = (code: number): string => `${nameOf(code) ?? "code"} (${code})`

const bytes = (n: number): string => (n === 1 ? "1 byte" : `${n} bytes`)

const datagramLabel = ({ protocol }: DatagramEvent, end: string): string =>
  protocol === IPPROTO_UDP ? `UDP ${end}` : `raw ${protocol} ${end}`

/** What an arrow of a segment says. */
const said = ({ bytes: size, flags, retransmissions }: SegmentEvent): string =>
  (size > 0 ? bytes(size) : flags.join("+")) + (retransmissions > 0 ? " again" : "")

type Lost = Extract<Event, { readonly _tag: "Dropped" | "SegmentDropped" }>

class Teller {
  readonly times: Array<number> = []
  readonly lanes: Array<Lane> = []
  readonly bars: Array<Bar> = []
  readonly marks: Array<Mark> = []
  readonly arrows: Array<Arrow> = []
  private readonly current = new Map<string, Lane>()
  private readonly pending = new Map<string, Bar>()
  private readonly flights = new Map<string, Arrow>()

  tell(event: Event): void {
    switch (event._tag) {
      case "Call":
        return this.call(event)
      case "Completed": {
        const key = `${event.host} ${event.overlapped}`
        const bar = this.pending.get(key)
        if (bar === undefined) return
        this.pending.delete(key)
        bar.to = this.step(event)
        bar.outcome = outcomeOf(event.status)
        bar.result = bar.outcome === "succeeded" ? bytes(event.bytes) : statusName(event.status)
        bar.title += `, ${bar.outcome}: ${statusName(event.status)}, ${bytes(event.bytes)}`
        return
      }
      case "Sent": {
        const lane = this.lane(event, event.socket)
        if (event.socket !== 0) lane.label ||= datagramLabel(event, event.from)
        return this.depart(`datagram ${event.id}`, lane, event, bytes(event.bytes), `${event.from} to ${event.to}`)
      }
      case "Delivered": {
        const lane = this.lane(event, event.socket)
        if (event.socket !== 0) lane.label ||= datagramLabel(event, event.to)
        return this.arrive(`datagram ${event.id}`, lane, event)
      }
      case "Dropped":
        return this.drop(`datagram ${event.id}`, event, bytes(event.bytes))
      case "Segment": {
        const lane = this.lane(event, event.socket)
        if (event.socket !== 0) lane.label ||= `TCP ${event.from}`
        return this.depart(`segment ${event.id}`, lane, event, said(event), `${event.from} to ${event.to}`)
      }
      case "SegmentArrived":
        return this.arrive(`segment ${event.id}`, this.lane(event, event.socket), event)
      case "SegmentDropped":
        return this.drop(`segment ${event.id}`, event, said(event))
      case "Violated":
        return this.mark("violation", this.lane(event, 0), event, `${event.kind}: ${event.message}`)
      case "Faulted":
        return this.mark("fault", this.lane(event, event.socket), event, `fault: ${event.description}`)
      case "Crashed":
        return this.mark("failure", this.lane(event, 0), event, "crashed")
      case "Restarted":
        return this.mark("failure", this.lane(event, 0), event, "restarted")
      case "Dequeued":
      case "Ran":
        return
    }
  }

  private call(call: Call): void {
    const { error, host, name } = call
    if (name === "closesocket") {
      const lane = this.current.get(`${host} ${socketOf(call)}`)
      if (lane === undefined || error !== 0) return
      lane.to = this.step(call)
      this.current.delete(`${host} ${socketOf(call)}`)
      return
    }
    if (name === "CancelIoEx" || name === "CancelIo") {
      const bar = this.pending.get(`${host} ${call.args.lpOverlapped}`)
      const what = bar === undefined ? "" : ` of ${bar.name}`
      const answer = error === 0 ? "" : `: ${codeOf(error)}`
      return this.mark("cancel", bar?.lane ?? this.lane(call, socketOf(call)), call, `${name}${what}${answer}`)
    }
    if (looks.has(name)) return
    const overlapped = call.args.lpOverlapped ?? 0
    if (overlapped !== 0 && (error === 0 || error === WSA_IO_PENDING)) {
      const lane = this.lane(call, socketOf(call))
      const bar: Bar = { lane, name, from: this.step(call), to: undefined, outcome: "pending", result: "", title: name }
      this.bars.push(bar)
      this.pending.set(`${host} ${overlapped}`, bar)
      return
    }
    if (!answers.has(error)) this.mark("failure", this.lane(call, socketOf(call)), call, `${name}: ${codeOf(error)}`)
  }

  private step(event: Event): number {
    return this.times.push(event.at) - 1
  }

  private lane(event: Event, socket: number): Lane {
    const key = `${event.host} ${socket}`
    let lane = this.current.get(key)
    if (lane === undefined) {
      lane = new Lane(event.host, socket, this.times.length)
      this.current.set(key, lane)
      this.lanes.push(lane)
    }
    return lane
  }

  private mark(kind: MarkKind, lane: Lane, event: Event, title: string): void {
    this.marks.push({ lane, step: this.step(event), kind, title })
  }

  private depart(key: string, lane: Lane, event: Event, label: string, way: string): void {
    const arrow: Arrow = { lane, from: this.step(event), to: undefined, lost: false, label, title: `${label}, ${way}` }
    this.arrows.push(arrow)
    this.flights.set(key, arrow)
  }

  private arrive(key: string, lane: Lane, event: Event): void {
    const flight = this.flights.get(key)
    if (flight === undefined) return
    const to = { lane, step: this.step(event) }
    this.end(flight, to, false)
  }

  private drop(key: string, event: Lost, what: string): void {
    const lane = this.lane(event, 0)
    this.mark("dropped", lane, event, `dropped (${event.reason}): ${event.from} to ${event.to}, ${what}`)
    const flight = this.flights.get(key)
    if (flight !== undefined) this.end(flight, { lane, step: this.times.length - 1 }, true)
  }

  // a broadcast arrives more than once, and of copies one may be lost
  private end(flight: Arrow, to: NonNullable<Arrow["to"]>, lost: boolean): void {
    if (flight.to !== undefined) return void this.arrows.push({ ...flight, to, lost })
    flight.to = to
    flight.lost = lost
  }
}

export const tell = (events: ReadonlyArray<Event>): Story => {
  const teller = new Teller()
  for (const event of events) teller.tell(event)
  const hosts = [...new Set(teller.lanes.map((lane) => lane.host))]
  const order = (lane: Lane): number => hosts.indexOf(lane.host) * 2 + (lane.socket === 0 ? 1 : 0)
  return { ...teller, lanes: teller.lanes.toSorted((a, b) => order(a) - order(b) || a.from - b.from) }
}
