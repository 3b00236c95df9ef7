/**
 * Completion by event. Each OVERLAPPED has an event object of its own for as long as it lives. The pump looks at the
 * statuses in its turns, which takes no call; while it is idle the off-thread wait for events has these too. An event is only
 * what ends that wait: whether an operation has ended its status tells.
 */
import { STATUS_PENDING } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import { ERROR_NOT_FOUND, WSA_IO_INCOMPLETE } from "@effect-winsock/schema/WsaError"
import { writePointer } from "@effect-winsock/schema/Layout"
import type { Block, SocketHandle } from "../Seam.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Looker, Owner, Source } from "./completion.ts"
import { ENDS, NOTHING_COMES } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { Event, EventWaits, Watched } from "./eventWaits.ts"

/** How many looks in a row may find nothing before the waiting moves off the JS thread. */
const spins = 4
/** The pause between looks while nobody waits: no thread may block then. */
const unattended = 10
/** How many events are kept for the next OVERLAPPEDs. */
const mostSpare = 64

/** An OVERLAPPED with its event. */
class Ticket implements Watched {
  readonly address: number
  readonly event: Event
  readonly endpoint: { readonly packet: () => void }
  owner: Owner | undefined = undefined
  private readonly view: DataView
  private readonly internal: number

  constructor(source: EventSource, address: number, view: DataView, internal: number, event: Event) {
    this.address = address
    this.view = view
    this.internal = internal
    this.event = event
    this.endpoint = { packet: () => source.ask(this) }
  }

  get isPending(): boolean {
    return this.owner !== undefined
  }

  get status(): number {
    return this.view.getUint32(this.internal, true)
  }
}

export class EventSource implements Source, Looker {
  readonly routine = 0
  // the event and the status are set before such a call returns
  readonly tellsAtOnce = false
  private readonly engine: Engine
  private readonly waits: EventWaits
  /** For the bytes and the flags of a result. */
  private readonly block: Block
  private readonly tickets = new Map<number, Ticket>()
  /** Those that the kernel has, in the order of the calls. */
  private readonly active = new Set<Ticket>()
  private readonly spare: Array<Event> = []
  private empty = 0
  private timer: (() => void) | undefined = undefined

  constructor(engine: Engine, waits: EventWaits, block: Block) {
    this.engine = engine
    this.waits = waits
    this.block = block
  }

  adopt(overlapped: number, view: DataView, at: number): void {
    const { abi } = this.engine.seam
    const offsets = OVERLAPPED.offsets[abi]
    const event = this.acquire()
    event.busy = true
    writePointer(abi, view, at + offsets.hEvent, event.handle)
    this.tickets.set(overlapped, new Ticket(this, overlapped, view, at + offsets.Internal, event))
  }

  private acquire(): Event {
    for (let event = this.spare.pop(); event !== undefined; event = this.spare.pop()) if (event.isOpen) return event
    const event = this.waits.make(false)
    // whoever makes an OVERLAPPED knows what it means that there are no means for it
    if (event instanceof WinsockErrors.WinsockError) throw event
    return event
  }

  disown(overlapped: number): void {
    const ticket = this.tickets.get(overlapped)
    if (ticket === undefined) return
    this.tickets.delete(overlapped)
    const { event } = ticket
    event.busy = false
    if (event.isOpen && !this.engine.closed && this.spare.length < mostSpare) this.spare.push(event)
    else this.waits.closeEvent(event, () => {})
  }

  event(overlapped: number): number {
    return this.tickets.get(overlapped)!.event.handle
  }

  opened(): void {
    this.waits.enter()
  }

  closed(): void {
    this.waits.leave()
  }

  submitted(owner: Owner, overlapped: number): void {
    const { counters, pump } = this.engine
    const ticket = this.tickets.get(overlapped)!
    ticket.owner = owner
    this.active.add(ticket)
    counters.pending++
    pump.elsewhere++
    this.empty = 0
    pump.poke()
  }

  completed(overlapped: number): void {
    const { counters, pump } = this.engine
    const ticket = this.tickets.get(overlapped)
    if (ticket?.owner === undefined) return
    ticket.owner = undefined
    ticket.event.operation = undefined
    this.active.delete(ticket)
    counters.pending--
    pump.elsewhere--
  }

  // the kernel may still set its event, which tells nobody anything
  abandoned(): void {}

  /**
   * What the kernel has ended has its status before the call returns. Where it has none, and there is nothing to cancel, the
   * call was refused and nothing will be written.
   */
  undecided(owner: Owner, overlapped: number): number {
    const { calls } = this.engine
    if (this.tickets.get(overlapped)!.status !== STATUS_PENDING) return ENDS
    const unknown = calls.CancelIoEx(owner.socket, overlapped) === 0 && calls.WSAGetLastError() === ERROR_NOT_FOUND
    return unknown ? NOTHING_COMES : ENDS
  }

  /** Tells the owner of an operation if it has ended. */
  ask(ticket: Ticket): void {
    const { owner } = ticket
    if (owner === undefined || ticket.status === STATUS_PENDING || !this.confirms(owner, ticket.address)) return
    this.empty = 0
    owner.packet(ticket.address)
  }

  // as the page has it asked for; a SOCKET that is closed cannot be asked
  private confirms({ socket }: Owner, overlapped: number): boolean {
    if (socket === -1) return true
    const { calls } = this.engine
    const { address } = this.block
    return (
      calls.WSAGetOverlappedResult(socket as SocketHandle, overlapped, address, 0, address + 8) !== 0 ||
      calls.WSAGetLastError() !== WSA_IO_INCOMPLETE
    )
  }

  look(): void {
    if (this.active.size === 0) return
    this.empty++
    for (const ticket of this.active) this.ask(ticket)
  }

  rest(): boolean {
    const { pump } = this.engine
    this.timer?.()
    this.timer = undefined
    if (this.active.size === 0) return false
    if (pump.waiting === 0) {
      this.attend(false)
      this.timer = this.engine.seam.host.schedule(() => {
        this.timer = undefined
        pump.poke()
      }, unattended)
      return false
    }
    if (this.empty < spins) return true
    this.attend(true)
    return false
  }

  // has the off-thread wait see to them, or takes them out of it
  private attend(on: boolean): void {
    let changed = false
    for (const ticket of this.active) {
      const { event } = ticket
      if ((event.operation !== undefined) === on) continue
      event.operation = on ? ticket : undefined
      changed = true
    }
    if (changed) this.waits.joined()
  }

  close(): void {
    this.timer?.()
    this.timer = undefined
  }
}
