/**
 * The sends of one datagram socket. A send almost always answers at once: it is tried without waiting first, and only
 * one that finds the send buffer full becomes an overlapped operation, which keeps its place behind those before it.
 */
import { STATUS_PENDING, toWsaError } from "@effect-winsock/schema/NtStatus"
import type { ControlMessage } from "@effect-winsock/schema/ControlMessage"
import * as Control from "@effect-winsock/schema/ControlMessage"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { writePointer } from "@effect-winsock/schema/Layout"
import { OVERLAPPED, WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import {
  WSA_IO_PENDING,
  WSA_NOT_ENOUGH_MEMORY,
  WSA_OPERATION_ABORTED,
  WSAEMSGSIZE,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type { Block, Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress } from "./checks.ts"
import { datagramError } from "./datagramError.ts"
import type { Owner, Source } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { graceSteps } from "./engine.ts"
import type { Linked } from "./lists.ts"
import { LinkedList } from "./lists.ts"
import type { Payload } from "./payload.ts"
import { aPayload, copyPayload, isPayload, lengthOf } from "./payload.ts"
import type { SlotShape } from "./slots.ts"
import { makeShape, writeConstants } from "./slots.ts"
import { sendControlCapacity } from "./udpControls.ts"

/** The largest UDP payload there is (IPv6: 65,535 - 8): more cannot be one datagram. */
const largest = 65527

const none: ReadonlyArray<ControlMessage> = []

/** What an address must be that the socket cannot reach. */
export const ofItsFamily = "an address of the socket's family"

/** What the sends need to know of their socket. */
export interface SendOwner extends Owner {
  /** Whether an address is of its family. */
  readonly fits: (address: NetAddress.InetAddress) => boolean
  /** What it was opened as: for reports, never for calls. */
  readonly number: number
  readonly isOpen: () => boolean
  readonly ignores: (code: number) => boolean
  /** The path MTU of a connected socket, or -1. */
  readonly mtu: () => number
}

type Resume = (effect: Effect.Effect<void, WinsockError>) => void

/** One send that the kernel holds. */
class Send implements Linked<Send> {
  next: Send | undefined = undefined
  previous: Send | undefined = undefined
  readonly block: Block
  resume: Resume | undefined
  settled: ((effect: Effect.Effect<void>) => void) | undefined = undefined
  cancelling = false
  epoch = 0
  code = 0
  readonly length: number
  constructor(block: Block, length: number, resume: Resume) {
    this.block = block
    this.length = length
    this.resume = resume
  }
}

const sendError = (code: number): WinsockError => datagramError("WSASendMsg", code)

export class Sends {
  private readonly engine: Engine
  private readonly sendMsg: Extensions["WSASendMsg"]
  private readonly scratchShape: SlotShape
  private readonly scratch: Block
  private readonly held = new Map<number, Send>()
  private completed = new LinkedList<Send>()
  private readonly owner: SendOwner
  private readonly source: Source

  constructor(engine: Engine, sendMsg: Extensions["WSASendMsg"], owner: SendOwner, source: Source) {
    this.engine = engine
    this.source = source
    this.owner = owner
    this.sendMsg = sendMsg
    this.scratchShape = makeShape(engine.seam.abi, sendControlCapacity(engine.seam.abi), largest)
    this.scratch = engine.shared("send", this.scratchShape.stride + 16, (block) => {
      writeConstants(this.scratchShape, block, 0)
    })
  }

  /** How many sends the kernel holds or have not been reported. */
  get pending(): number {
    return this.held.size + this.completed.length
  }

  send(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage> = none
  ): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const answer = this.tryNow(payload, to, control)
      if (answer === 0) return Effect.void
      if (answer !== WSAEWOULDBLOCK) return Effect.fail(answer as WinsockError)
      return this.wait(payload, to, control)
    })
  }

  /** Sends what found no room: an overlapped operation, which ends when it has left. */
  wait(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage> = none
  ): Effect.Effect<void, WinsockError> {
    return Effect.callback<void, WinsockError>((resume) => this.post(payload, to, control, resume))
  }

  /**
   * Sends without waiting, through a SOCKET that may be another than the owner's: 0, or WSAEWOULDBLOCK when there is no
   * room or sends wait that came before, or the error.
   */
  tryNow(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage>,
    through: SocketHandle | -1 = this.owner.socket
  ): number | WinsockError {
    const refused = this.refuse(payload, to)
    if (refused !== undefined) return refused
    // behind a send that waits, in order
    if (this.held.size > 0) return WSAEWOULDBLOCK
    const code = this.sendNow(through as SocketHandle, payload, to, control)
    return code === 0 || code === WSAEWOULDBLOCK ? code : this.error(code)
  }

  /** What cannot be sent, and why: found out before any call is made. */
  refuse(payload: Payload, to: NetAddress.InetAddress | undefined): WinsockError | undefined {
    if (!isPayload(payload)) {
      return WinsockErrors.invalidArgument("WSASendMsg", "payload", payload, aPayload)
    }
    if (to !== undefined && !NetAddress.isInetAddress(to)) {
      return WinsockErrors.invalidArgument("WSASendMsg", "to", to, anAddress)
    }
    if (to !== undefined && !this.owner.fits(to)) {
      return WinsockErrors.invalidArgument("WSASendMsg", "to", to, ofItsFamily)
    }
    if (!this.owner.isOpen()) return WinsockErrors.socketClosed("WSASendMsg")
    return lengthOf(payload) > largest ? sendError(WSAEMSGSIZE) : undefined
  }

  // a datagram that must not be cut: what would have been carried is worth a call
  private error(code: number): WinsockError {
    const mtu = code === WSAEMSGSIZE ? this.owner.mtu() : -1
    return mtu === -1 ? sendError(code) : WinsockErrors.messageTooLarge("WSASendMsg", mtu)
  }

  private failure(code: number): Effect.Effect<never, WinsockError> {
    return Effect.fail(this.error(code))
  }

  private sendNow(
    socket: SocketHandle,
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage>
  ): number {
    const { engine, scratch, scratchShape: shape } = this
    this.write(shape, scratch, payload, to, control)
    let code = this.call(socket)
    // Linux, under Wine, gives a report about an earlier datagram instead of sending this one
    if (code !== 0 && this.owner.ignores(code)) code = this.call(socket)
    if (code === WSAEWOULDBLOCK) return code
    const counters = engine.counters.send
    counters.submitted++
    if (code === 0) {
      counters.completed++
      counters.bytes += lengthOf(payload)
    } else counters.fail(code)
    return code
  }

  private call(socket: SocketHandle): number {
    const { scratch, scratchShape: shape } = this
    const rc = this.sendMsg(socket, scratch.address + shape.message, 0, scratch.address + shape.stride, 0, 0)
    return rc === 0 ? 0 : this.engine.calls.WSAGetLastError()
  }

  private write(
    shape: SlotShape,
    block: Block,
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage>
  ): void {
    const { abi } = shape
    const { address, bytes, view } = block
    const msg = WSAMSG.offsets[abi]
    const length = copyPayload(payload, bytes, shape.payload)
    view.setUint32(shape.buffer + WSABUF.offsets[abi].len, length, true)
    writePointer(abi, view, shape.message + msg.name, to === undefined ? 0 : address + shape.name)
    view.setInt32(shape.message + msg.namelen, to === undefined ? 0 : SockAddr.write(view, shape.name, to), true)
    // exactly what is used: zeroes behind it would be read as another header
    const used = control.length === 0 ? 0 : Control.encode(abi, control, view, shape.control)
    view.setUint32(shape.message + msg.Control.len, used, true)
  }

  private post(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage>,
    resume: Resume
  ): Effect.Effect<void> | void {
    const { engine, owner, source } = this
    // the caller may have changed it since it was tried
    const refused = this.refuse(payload, to)
    if (refused !== undefined) return resume(Effect.fail(refused))
    const shape = makeShape(engine.seam.abi, Control.encodedLength(engine.seam.abi, control), lengthOf(payload))
    const block = this.allocate(shape.stride)
    if (block === undefined) return resume(this.failure(WSA_NOT_ENOUGH_MEMORY))
    writeConstants(shape, block, 0)
    this.write(shape, block, payload, to, control)
    engine.counters.send.submitted++
    const message = block.address + shape.message
    const rc = this.sendMsg(owner.socket as SocketHandle, message, 0, 0, block.address, source.routine)
    const code = rc === 0 ? 0 : engine.calls.WSAGetLastError()
    if (code !== 0 && code !== WSA_IO_PENDING) {
      engine.counters.send.fail(code)
      this.free(block)
      return resume(this.failure(code))
    }
    const send = new Send(block, lengthOf(payload), resume)
    this.held.set(block.address, send)
    source.submitted(owner, block.address)
    engine.pump.retain()
    return Effect.callback<void>((settled) => {
      if (send.resume === undefined) return settled(Effect.void)
      send.resume = undefined
      send.settled = settled
      this.cancel(send)
    })
  }

  // memory that begins with an OVERLAPPED
  private allocate(size: number): Block | undefined {
    const { heap } = this.engine
    let block: Block | undefined
    try {
      block = heap.alloc(size)
      this.source.adopt(block.address, block.view, 0)
      return block
    } catch {
      if (block !== undefined) heap.free(block)
      return undefined
    }
  }

  private free(block: Block): void {
    this.source.disown(block.address)
    this.engine.heap.free(block)
  }

  // each send carries its own bytes, so the one that is interrupted is the one to cancel
  private cancel(send: Send): void {
    const { engine } = this
    if (!this.held.has(send.block.address) || send.cancelling) return
    this.startCancelling(send, engine.epoch)
    engine.cancel(this.owner.socket as SocketHandle, send.block.address)
    engine.pump.poke()
  }

  private startCancelling(send: Send, epoch: number): void {
    if (!send.cancelling) this.engine.graceBegins()
    send.cancelling = true
    send.epoch = epoch
  }

  /** Notes a packet; false when it is none of ours. */
  packet(overlapped: number): boolean {
    const send = this.held.get(overlapped)
    if (send === undefined) return false
    const status = send.block.view.getUint32(OVERLAPPED.offsets[this.engine.seam.abi].Internal, true)
    if (status === STATUS_PENDING) return false
    this.finish(send, toWsaError(status) === 0 ? 0 : status | 0)
    this.free(send.block)
    return true
  }

  private finish(send: Send, code: number): void {
    const { engine } = this
    const counters = engine.counters.send
    this.held.delete(send.block.address)
    this.source.completed(send.block.address)
    if (send.cancelling) engine.graceEnds()
    send.code = code
    if (code === 0) {
      counters.completed++
      counters.bytes += send.length
      if (send.cancelling) engine.recovered(this.owner.number, "WSASendMsg")
    } else if (send.cancelling) counters.aborted++
    else counters.fail(code)
    this.completed.push(send)
  }

  /** Resumes those whose sends completed. */
  settle(): void {
    for (let send = this.completed.head; send !== undefined; send = this.completed.head) {
      this.completed.remove(send)
      this.engine.pump.release()
      const { resume, settled } = send
      send.resume = undefined
      if (settled !== undefined) settled(Effect.void)
      else resume?.(this.outcome(send))
    }
  }

  // a send that completed although its socket was being closed counts as sent
  private outcome(send: Send): Effect.Effect<void, WinsockError> {
    if (send.code === 0) return Effect.void
    return send.cancelling ? Effect.fail(WinsockErrors.operationAborted("WSASendMsg")) : this.failure(send.code)
  }

  /** The socket is being closed: all that is held is being cancelled from now on. */
  cancelled(epoch: number): void {
    for (const send of this.held.values()) this.startCancelling(send, epoch)
  }

  /** Whether a cancellation is overdue. */
  expired(epoch: number): boolean {
    for (const send of this.held.values()) {
      if (send.cancelling && epoch - send.epoch >= graceSteps) return true
    }
    return false
  }

  /** Leaves the memory of what never completed to the kernel. */
  giveUp(): void {
    const { engine } = this
    for (const send of this.held.values()) {
      engine.leak("WSASendMsg", this.owner.number, send.block.view, 0, send.block.address)
      this.finish(send, WSA_OPERATION_ABORTED)
      this.source.abandoned(send.block.address)
      this.source.disown(send.block.address)
      engine.heap.abandon(send.block)
    }
  }
}
