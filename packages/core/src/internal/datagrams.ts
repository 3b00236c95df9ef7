/**
 * The overlapped engine of one datagram socket.
 *
 * Fibers wait, and take what the receives released. A result is paired with a waiter at the moment the waiter is resumed,
 * never earlier, so an interruption can never take a message with it.
 */
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import { WSA_NOT_ENOUGH_MEMORY, WSAEMSGSIZE, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import { Datagram } from "../Datagram.ts"
import type { Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { datagramError } from "./datagramError.ts"
import { mtu as pathMtu } from "./datagramOptions.ts"
import type { Engine } from "./engine.ts"
import { graceSteps } from "./engine.ts"
import type { DatagramOptions, Settle } from "./receives.ts"
import { CLOSED, CLOSING, OPEN, Receives } from "./receives.ts"
import type { SendOwner } from "./sends.ts"
import { Sends } from "./sends.ts"
import { SocketCalls } from "./socketCalls.ts"
import { CANCELLING, NO_MEMORY, Source } from "./slots.ts"
import type { Resume, Server, Waiter } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

type Batch = readonly [Datagram, ...Array<Datagram>]

/** What a fiber waits for: a message (`limit` 0), or a batch of at most `limit`. */
type Limit = number

export class Datagrams extends Receives implements SendOwner, Server<Limit> {
  readonly sends: Sends
  private readonly line: Line<Limit>
  private readonly closers: Array<() => void> = []
  /** Ends what else waits on the socket; whoever closes it. */
  onClose: (() => void) | undefined = undefined
  // how much of the inbox's first result was given out, when it is several datagrams
  private consumed = 0
  private readonly nowSource: Source

  /** Takes the next message. */
  readonly receive: Effect.Effect<Datagram, WinsockError>

  constructor(
    engine: Engine,
    socket: SocketHandle,
    extensions: Pick<Extensions, "WSARecvMsg" | "WSASendMsg">,
    options: DatagramOptions,
    key: number
  ) {
    super(engine, socket, extensions.WSARecvMsg, options, key)
    this.sends = new Sends(engine, extensions.WSASendMsg, this, this.source)
    this.nowSource = new Source(this.shape, this.now, 0)
    // it cannot fail any more: from now on the engine has the SOCKET, and closes it
    engine.register(this)
    engine.counters.sockets++
    this.source.opened()
    this.line = new Line(engine, (settled) => this.left(settled))
    this.receive = this.takeOrWait(0, () => {
      if (this.inbox.head !== -1) {
        const result = this.take()
        if (this.options.lookAhead > 0) this.fill()
        return result
      }
      return this.hot && this.order.head === -1 && !this.options.coalescing ? this.tryNow(false) : undefined
    })
    this.fill()
  }

  /** Takes all messages that are ready, at least one and at most `limit`. */
  pull(limit: number): Effect.Effect<Batch, WinsockError> {
    return this.takeOrWait(limit, () => {
      if (this.inbox.head === -1 && (!this.hot || this.order.head !== -1)) return undefined
      const result = this.takeBatch(limit)
      if (this.options.lookAhead > 0) this.fill()
      return result as Batch | WinsockError | undefined
    })
  }

  /** Gives all that comes to a function, in batches of at most `limit`, until it fails: see `Direct`. */
  consume(limit: number, take: (batch: Batch) => void): Effect.Effect<never, WinsockError> {
    return Effect.callback<never, WinsockError>((resume) => {
      let waiter: Waiter<Limit> | void
      let over = false
      const end = (failure: Effect.Effect<never, WinsockError>): void => {
        over = true
        resume(failure)
      }
      const wait = (): void => {
        // as a fiber does that comes back for more
        while (!over && this.ready()) {
          const result = this.takeBatch(limit)
          if (this.options.lookAhead > 0) this.fill()
          if (result === undefined) break
          if (!Array.isArray(result)) return end(Effect.fail(result))
          take(result as unknown as Batch)
        }
        if (!over) waiter = this.park(limit, given, Effect.never, false)
      }
      const given: Resume = (result) => {
        if (!Exit.isExit(result) || Exit.isFailure(result)) return end(result as Effect.Effect<never, WinsockError>)
        take(result.value as Batch)
        wait()
      }
      wait()
      return Effect.suspend(() => {
        over = true
        return waiter ?? Effect.void
      })
    })
  }

  // whether something may be taken without waiting, and nobody is ahead
  private ready(): boolean {
    return (
      this.state === OPEN && this.line.length === 0 && (this.inbox.head !== -1 || (this.hot && this.order.head === -1))
    )
  }

  private takeOrWait<A extends Datagram | Batch>(
    limit: Limit,
    now: () => A | WinsockError | undefined
  ): Effect.Effect<A, WinsockError> {
    return takeOrWait(
      () => {
        if (this.state !== OPEN) return closed
        const result = this.line.length === 0 ? now() : undefined
        return result === undefined ? undefined : handed(result)
      },
      (resume, again, hesitant) => this.park(limit, resume, again, hesitant)
    )
  }

  isOpen(): boolean {
    return this.state === OPEN
  }

  mtu(): number {
    return this.state === OPEN && this.socket !== -1
      ? pathMtu(new SocketCalls(this.engine, this.socket), !this.options.ipv4)
      : -1
  }

  fits(address: NetAddress.InetAddress): boolean {
    return NetAddress.isInetAddressV4(address) === this.options.ipv4
  }

  packet(overlapped: number): void {
    if (!this.receivePacket(overlapped) && this.sends.packet(overlapped)) this.engine.mark(this)
  }

  protected waiting(): number {
    return this.line.length
  }

  // --- waiting ---

  private park(limit: Limit, resume: Resume, again: Effect.Effect<any, any>, hesitant: boolean): Waiter<Limit> | void {
    const { engine } = this
    if (this.state !== OPEN) return resume(closed)
    if (engine.brokenBy !== 0) return resume(Effect.fail(portFailed(engine.brokenBy)))
    const waiter = this.line.join(limit, resume, again, hesitant)
    this.fill()
    // what is in hand already is handed over by the pump: resuming from here would add to the fiber's steps with a value
    // in hand, and where it yields after a few of them an interruption would drop the value
    if (this.inbox.head !== -1 || this.starved) engine.poke(this)
    return waiter
  }

  /** An interruption ends when the operation that it cancels has completed. */
  private left(settled: Settle): void {
    const { engine } = this
    const newest = this.active.tail
    if (newest === -1 || this.wanted() >= 0) return settled(Effect.void)
    engine.pump.retain()
    this.settlers[newest] = settled
    if (this.options.cancel === "close") {
      this.shut()
      return engine.poke(this)
    }
    this.startCancelling(newest)
    engine.cancel(this.socket as SocketHandle, this.slots.address[newest])
    engine.pump.poke()
  }

  // --- handing over ---

  // the oldest result; the inbox must not be empty
  private take(): Datagram | WinsockError {
    const { engine, inbox, slots } = this
    const piece = this.options.coalescing ? this.takePiece(inbox.head) : undefined
    if (piece !== undefined) return piece
    const slot = inbox.shift()
    engine.counters.inbox--
    const code = this.codeOf(slot)
    const result =
      code === 0
        ? this.messages.datagram(
            slots.source[slot],
            slots.view[slot],
            slots.at[slot],
            slots.size[slot],
            slots.truncated[slot] === 1
          )
        : this.error(code)
    this.giveBack(slot)
    return result
  }

  // the next of the datagrams that the provider joined, if it said that it did; the last one gives the slot back
  private takePiece(slot: number): Datagram | undefined {
    const { consumed, engine, inbox, messages, slots } = this
    const size = this.pieceSize(slot)
    if (size === 0) return undefined
    const rest = slots.size[slot] - consumed
    const last = size >= rest
    const piece = messages.datagram(
      slots.source[slot],
      slots.view[slot],
      slots.at[slot],
      last ? rest : size,
      last && slots.truncated[slot] === 1,
      consumed
    )
    this.consumed = last ? 0 : consumed + size
    if (last) {
      inbox.shift()
      engine.counters.inbox--
      this.giveBack(slot)
    }
    return piece
  }

  // 0 for a result that is one datagram, or does not say that it is several
  private pieceSize(slot: number): number {
    const { messages, slots } = this
    if (!this.options.coalescing || this.codeOf(slot) !== 0) return 0
    const view = slots.view[slot]
    const at = slots.at[slot]
    const control = messages.control(view, at)
    const size = isControlIssue(control) ? 0 : (control.coalescedSize ?? 0)
    return size > 0 && size < slots.size[slot] ? size : 0
  }

  // how many datagrams of a result were not given out
  private piecesLeft(slot: number): number {
    const size = this.pieceSize(slot)
    return size === 0 ? 1 : Math.ceil((this.slots.size[slot] - this.consumed) / size)
  }

  private codeOf(slot: number): number {
    const { slots } = this
    return slots.truncated[slot] === 1 && slots.code[slot] === 0 && this.options.truncation === "fail"
      ? WSAEMSGSIZE
      : slots.code[slot]
  }

  // what is ready, up to `limit`: an error ends a batch, and is the first of the next
  private takeBatch(limit: number): Array<Datagram> | WinsockError | undefined {
    const { inbox, order } = this
    const batch: Array<Datagram> = []
    while (batch.length < limit && inbox.head !== -1) {
      if (batch.length > 0 && this.codeOf(inbox.head) !== 0) return batch
      const result = this.take()
      if (!(result instanceof Datagram)) return result
      batch.push(result)
    }
    // no receive is in the kernel, so what a call finds now is next in order
    while (batch.length < limit && order.head === -1 && !this.options.coalescing) {
      const result = this.tryNow(batch.length > 0)
      if (result === undefined) break
      if (!(result instanceof Datagram)) return result
      batch.push(result)
    }
    return batch.length > 0 ? batch : undefined
  }

  can(): boolean {
    return this.state === OPEN && this.inbox.head !== -1
  }

  give(limit: Limit): Effect.Effect<unknown, WinsockError> {
    return handed<unknown>(limit === 0 ? this.take() : this.takeBatch(limit))
  }

  /**
   * Receives without waiting: a call that is not overlapped on a socket that does not block. With `keepError` an error
   * is put into the inbox, for there is a batch to return first.
   */
  private tryNow(keepError: boolean): Datagram | WinsockError | undefined {
    const { engine, messages, now, shape } = this
    const { view } = now
    // out of turn: whoever asks waits for the pump, which lets the event loop turn first
    if (engine.pump.direct-- <= 0) return undefined
    this.messages.reset(view, 0)
    view.setUint32(shape.stride, shape.payloadCapacity, true)
    const rc = this.recvMsg(this.socket as SocketHandle, now.address + shape.message, now.address + shape.stride, 0, 0)
    const code = rc === 0 ? 0 : engine.calls.WSAGetLastError()
    if (code === WSAEWOULDBLOCK || this.ignores(code)) {
      this.hot = false
      return undefined
    }
    const { receive } = engine.counters
    receive.submitted++
    if (code !== 0 && code !== WSAEMSGSIZE) return this.failedNow(code, keepError)
    receive.completed++
    this.hot = true
    const size = messages.bounded(view.getUint32(shape.stride, true))
    receive.bytes += size
    const cut = messages.isCut(view, 0, code === WSAEMSGSIZE)
    if (cut && this.options.truncation === "fail") return this.failedNow(WSAEMSGSIZE, keepError)
    return messages.datagram(this.nowSource, view, 0, size, cut)
  }

  private failedNow(code: number, keep: boolean): WinsockError | undefined {
    this.hot = false
    if (code !== WSAEMSGSIZE) this.engine.counters.receive.fail(code)
    if (!keep) return this.error(code)
    const slot = this.slots.acquire()
    if (slot === NO_MEMORY) return undefined
    this.slots.code[slot] = code
    this.slots.owed[slot] = 0
    this.slots.truncated[slot] = 0
    this.toInbox(slot)
    return undefined
  }

  private error(code: number): WinsockError {
    return datagramError("WSARecvMsg", code)
  }

  // --- coming to rest ---

  settle(): void {
    const { engine, inbox } = this
    this.releaseHead()
    this.line.serve(this)
    this.fill()
    if (this.state !== OPEN) this.line.fail(WinsockErrors.operationAborted("WSARecvMsg"))
    else if (engine.brokenBy !== 0) this.line.fail(portFailed(engine.brokenBy))
    else if (this.starved) this.line.fail(this.error(WSA_NOT_ENOUGH_MEMORY))
    this.sends.settle()
    // one by one out of the list: what throws must not take the others with it
    for (let settle = this.settled.shift(); settle !== undefined; settle = this.settled.shift()) {
      engine.pump.release()
      settle(Effect.void)
    }
    if (this.state === CLOSING && engine.brokenBy !== 0 && this.inKernel + this.sends.pending > 0) {
      // no packet will ever come: there is nothing to wait for
      this.shut()
      this.giveUp()
      this.sends.giveUp()
      engine.mark(this)
    } else if (this.state === CLOSING && this.inKernel === 0 && this.sends.pending === 0) this.finishClose()
    else if (this.state === CLOSED) this.reportClosed()
    else if (this.state === OPEN && inbox.head !== -1 && this.line.length > 0) engine.mark(this)
  }

  broken(): void {
    this.engine.poke(this)
  }

  // --- closing ---

  /** Cancels and drains what is pending, then closes the socket. */
  readonly close = (done: () => void): void => {
    const { engine } = this
    if (this.state === CLOSED) return done()
    this.closers.push(done)
    if (this.state === OPEN) {
      this.state = CLOSING
      engine.pump.retain()
      if (this.inKernel === 0 && this.sends.pending === 0 && this.line.length === 0) {
        return this.finishClose()
      }
      if (this.active.length + this.sends.pending > 0) engine.cancel(this.socket as SocketHandle, 0)
      this.cancelAll()
    }
    engine.poke(this)
  }

  private cancelAll(): void {
    while (this.active.head !== -1) this.startCancelling(this.active.head)
    this.sends.cancelled(this.engine.epoch)
  }

  // closes the SOCKET under its operations: they complete, each with an error that is our doing
  private shut(): void {
    if (this.state === OPEN) {
      this.state = CLOSING
      this.engine.pump.retain()
    }
    const { socket } = this
    if (socket === -1) return
    this.socket = -1
    this.cancelAll()
    this.engine.calls.closesocket(socket)
    this.engine.counters.sockets--
  }

  // a cancellation that does not complete: close the socket, and when that does not help either, give up its memory
  grace(epoch: number): void {
    const { order, slots } = this
    let expired = false
    for (let slot = order.head; slot !== -1; slot = order.after(slot)) {
      if (slots.state[slot] === CANCELLING && epoch - slots.epoch[slot] >= graceSteps) expired = true
    }
    if (!expired && !this.sends.expired(epoch)) return
    if (this.socket !== -1) {
      this.shut()
      for (let slot = order.head; slot !== -1; slot = order.after(slot)) slots.epoch[slot] = epoch
      this.sends.cancelled(epoch)
    } else {
      this.giveUp()
      this.sends.giveUp()
    }
    this.engine.poke(this)
  }

  private finishClose(): void {
    const { engine, inbox, slots } = this
    this.state = CLOSED
    // before anybody hears of it: the layer may go on to its own end
    this.onClose?.()
    // what completed in the turn that is under way has not been released yet
    this.releaseHead()
    if (this.socket !== -1) {
      engine.calls.closesocket(this.socket)
      engine.counters.sockets--
      this.socket = -1
    }
    // results that nobody waited for; an error is no message
    let dropped = 0
    for (; inbox.head !== -1; engine.counters.inbox--) {
      if (slots.code[inbox.head] === 0) dropped += this.piecesLeft(inbox.head)
      this.consumed = 0
      inbox.shift()
    }
    engine.counters.discarded += dropped
    if (dropped > 0) engine.life?.dropped(this, "datagrams that nobody had received were dropped", dropped)
    if (this.leaked) slots.abandon()
    else slots.dispose()
    engine.unregister(this, this.leaked)
    this.source.closed()
    engine.pump.release()
    this.reportClosed()
  }

  private reportClosed(): void {
    for (let done = this.closers.pop(); done !== undefined; done = this.closers.pop()) done()
  }
}

const closed = Effect.suspend(() => Effect.fail(WinsockErrors.socketClosed("WSARecvMsg")))

const handed = <A>(result: A | WinsockError): Effect.Effect<A, WinsockError> =>
  result instanceof Datagram || Array.isArray(result)
    ? Effect.succeed(result as A)
    : Effect.fail(result as WinsockError)

const portFailed = (code: number): WinsockError =>
  WinsockErrors.fromCode("GetQueuedCompletionStatusEx", code, "datagram")
