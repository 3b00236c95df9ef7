/**
 * A listening SOCKET: accepts that are posted ahead, connections that nobody has asked for yet, and fibers that wait for
 * one.
 *
 * Accepts belong to the server, not to the fibers: an interruption concerns the line only. A connection is taken by a
 * fiber in the step in which it becomes its scope's.
 */
import { SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { pointerSize, readPointer, writePointer } from "@effect-winsock/schema/Layout"
import { toWsaError } from "@effect-winsock/schema/NtStatus"
import { SO_LINGER, SO_UPDATE_ACCEPT_CONTEXT } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import {
  ERROR_NETNAME_DELETED,
  ERROR_SEM_TIMEOUT,
  WSA_NOT_ENOUGH_MEMORY,
  WSAECONNABORTED,
  WSAECONNRESET,
  WSAEHOSTUNREACH,
  WSAEMFILE,
  WSAENETRESET,
  WSAENETUNREACH,
  WSAENOBUFS,
  WSAENOTCONN,
  WSAETIMEDOUT
} from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Block, Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import type { LiveKind } from "./liveSocket.ts"
import { Operation } from "./operation.ts"
import { Reposts } from "./reposts.ts"
import type { ReadName } from "./socketCalls.ts"
import type { CompletionMode } from "./socketEndpoint.ts"
import { OPEN, SocketEndpoint } from "./socketEndpoint.ts"
import { socketAttributes } from "./spans.ts"
import type { Stream } from "./stream.ts"
import type { StreamConnection } from "./streamConnection.ts"
import { streamError } from "./streamError.ts"
import type { Unowned } from "./tcpOpen.ts"
import { attach, configure, lastError, makeSocket } from "./tcpOpen.ts"
import type { ListenChecked } from "./tcpOptions.ts"
import { Line } from "./waiters.ts"

/** Pauses while resources lack, in milliseconds: the first, and the longest. */
const firstPause = 10
const longestPause = 1000

/** What ends a single connection before it is accepted. */
const ofOneConnection: ReadonlySet<number> = new Set([
  WSAECONNRESET,
  WSAECONNABORTED,
  WSAENETRESET,
  WSAETIMEDOUT,
  WSAEHOSTUNREACH,
  WSAENETUNREACH,
  WSAENOTCONN,
  ERROR_NETNAME_DELETED,
  ERROR_SEM_TIMEOUT
])

/** What passes when others give back what they hold. */
const ofResources: ReadonlySet<number> = new Set([WSAENOBUFS, WSAEMFILE, WSA_NOT_ENOUGH_MEMORY])

const codeOf = (code: number): number => (code < 0 ? toWsaError(code >>> 0) : code)

/** One accept: its operation, its part of the listener's memory, and the SOCKET that becomes the connection. */
interface Accept {
  readonly operation: Operation
  readonly at: number
  acceptor: Unowned | undefined
}

export interface AcceptFunctions {
  readonly AcceptEx: Extensions["AcceptEx"]
  readonly GetAcceptExSockaddrs: Extensions["GetAcceptExSockaddrs"]
}

/** What the connections of one address family are made of. */
export interface Kind<A, C extends StreamConnection, out L extends LiveKind = LiveKind> {
  /** What it is to options. */
  readonly live: L
  /** Of what `getsockname` and AcceptEx say, the addresses of this family. */
  readonly read: ReadName<A>
  /** Room for one address as AcceptEx writes it: 16 bytes more than a sockaddr, aligned. */
  readonly nameCapacity: number
  readonly make: (stream: Stream, local: A, remote: A) => C
}

/** What of a server's options it goes by. */
export type ListenerOptions = Pick<ListenChecked, "stream" | "acceptAhead" | "receiveLength">

export class Listener<A, C extends StreamConnection> extends SocketEndpoint {
  private readonly functions: AcceptFunctions
  private readonly options: ListenerOptions
  private readonly family: number
  private readonly kind: Kind<A, C>
  private readonly line: Line<void>
  private readonly block: Block
  private readonly accepts = new Map<Operation, Accept>()
  private readonly idle: Array<Accept> = []
  // accepts that have ended, whose connections are still to be made of them
  private readonly over: Array<Accept> = []
  private readonly inbox: Array<C> = []
  private readonly reposts = new Reposts()
  private pause = 0
  private timer: (() => void) | undefined = undefined
  // makes accepting impossible: told to those who wait, or to the next who does
  private failure: WinsockError | undefined = undefined

  /** Throws when there is no memory; the SOCKET is its maker's still then. */
  constructor(
    engine: Engine,
    socket: SocketHandle,
    key: number,
    mode: CompletionMode,
    family: number,
    kind: Kind<A, C>,
    functions: AcceptFunctions,
    options: ListenerOptions
  ) {
    super(engine, socket, key, mode)
    this.functions = functions
    this.options = options
    this.family = family
    this.kind = kind
    // nothing was asked of the kernel for a fiber that waits
    this.line = new Line<void>(engine, (settled) => settled(Effect.void))
    const stride = options.receiveLength + 2 * kind.nameCapacity
    this.block = engine.heap.alloc(stride * options.acceptAhead)
    try {
      for (let i = 0; i < options.acceptAhead; i++) {
        const operation = new Operation(this, "AcceptEx", engine.counters.accept)
        const accept = { operation, at: i * stride, acceptor: undefined }
        this.accepts.set(operation, accept)
        this.idle.push(accept)
      }
    } catch (error) {
      for (const { operation } of this.idle) operation.release()
      engine.heap.free(this.block)
      throw error
    }
    // it cannot fail any more: from now on the engine has the SOCKET, and closes it
    this.own()
    this.fill()
    engine.poke(this)
  }

  // --- taking ---

  /**
   * The oldest connection, which is the caller's from now on; or why there is none, or `undefined` when it is to be
   * waited for. Who comes anew (`woken` false) takes only what nobody else is in line for.
   */
  take(woken: boolean): C | WinsockError | undefined {
    if (this.state !== OPEN) {
      return woken ? WinsockErrors.operationAborted("AcceptEx") : WinsockErrors.socketClosed("AcceptEx")
    }
    if (!woken && this.line.length > 0) return undefined
    const connection = this.inbox.shift()
    if (connection === undefined) return undefined
    this.engine.counters.inbox--
    this.engine.poke(this)
    return connection
  }

  /** Waits until there is a connection to be taken; gives none, so an interruption can take none along. */
  readonly ready: Effect.Effect<void, WinsockError> = Effect.callback<void, WinsockError>((resume) => {
    if (this.state !== OPEN) return resume(Effect.fail(WinsockErrors.operationAborted("AcceptEx")))
    const waiter = this.line.join(undefined, resume, Effect.void, false)
    this.engine.poke(this)
    return waiter
  })

  // --- posting ---

  // the invariant: posted + accepted but not taken <= acceptAhead
  private fill(): void {
    while (
      this.state === OPEN &&
      this.engine.brokenBy === 0 &&
      this.failure === undefined &&
      this.timer === undefined &&
      this.idle.length > this.inbox.length &&
      this.post(this.idle.pop()!)
    );
  }

  // whether the next one can be posted
  private post(accept: Accept): boolean {
    const { block, engine, functions, options } = this
    const { nameCapacity } = this.kind
    const acceptor = makeSocket(engine, this.family)
    if (acceptor instanceof WinsockErrors.WinsockError) {
      this.idle.push(accept)
      return this.refused(acceptor)
    }
    engine.counters.sockets++
    accept.acceptor = acceptor
    const { operation } = accept
    operation.prepare()
    const ok = functions.AcceptEx(
      this.socket as SocketHandle,
      acceptor.on.socket,
      block.address + accept.at,
      options.receiveLength,
      nameCapacity,
      nameCapacity,
      operation.address + engine.records.shape.count,
      operation.address
    )
    if (!operation.answered(ok !== 0 ? 0 : engine.calls.WSAGetLastError())) return true
    if (operation.code === 0) {
      this.over.push(accept)
      engine.mark(this)
      return true
    }
    this.giveBack(accept)
    return ofOneConnection.has(codeOf(operation.code))
      ? this.backOff()
      : this.refused(streamError("AcceptEx", operation.code))
  }

  // what lacks is waited for, whatever else goes wrong ends accepting
  private refused(error: WinsockError): false {
    if (ofResources.has(error.reason.code)) return this.backOff()
    this.failure = error
    this.engine.mark(this)
    return false
  }

  private backOff(): false {
    const { engine } = this
    if (this.timer !== undefined) return false
    this.pause = this.pause === 0 ? firstPause : Math.min(this.pause * 2, longestPause)
    this.timer = engine.seam.host.schedule(() => {
      this.timer = undefined
      engine.poke(this)
    }, this.pause)
    return false
  }

  // --- completing ---

  protected ended(operation: Operation): void {
    this.over.push(this.accepts.get(operation)!)
  }

  private concludeAll(): void {
    for (let accept = this.over.shift(); accept !== undefined; accept = this.over.shift()) this.conclude(accept)
  }

  private conclude(accept: Accept): void {
    const { operation } = accept
    if (operation.code !== 0) return this.failed(accept)
    this.reposts.reset()
    this.pause = 0
    if (this.state !== OPEN) {
      this.engine.counters.discarded++
      return this.giveBack(accept, true)
    }
    const connection = this.made(accept)
    if (!(connection instanceof WinsockErrors.WinsockError)) {
      this.inbox.push(connection)
      this.engine.counters.inbox++
    } else if (ofResources.has(connection.reason.code)) this.backOff()
  }

  private failed(accept: Accept): void {
    const { operation } = accept
    this.giveBack(accept)
    const code = codeOf(operation.code)
    if (operation.cancelled || this.reposts.allow(operation) || ofOneConnection.has(code)) return
    if (ofResources.has(code)) this.backOff()
    else this.failure = streamError("AcceptEx", operation.code)
  }

  // gives the accept back without its connection; a SOCKET that has one resets it
  private giveBack(accept: Accept, connected = false): void {
    const { acceptor } = accept
    accept.acceptor = undefined
    this.idle.push(accept)
    if (acceptor === undefined) return
    // l_onoff 1 and l_linger 0
    if (connected) acceptor.on.set(SOL_SOCKET, SO_LINGER, 1)
    this.engine.calls.closesocket(acceptor.on.socket)
    this.engine.counters.sockets--
  }

  // makes a connection of the accept's SOCKET; a failure is one of this connection, or of resources
  private made(accept: Accept): C | WinsockError {
    const { engine, kind, options } = this
    const unowned = accept.acceptor!
    const { on } = unowned
    const refused = (operation: string): WinsockError => {
      const error = lastError(engine, operation)
      this.giveBack(accept, true)
      return error
    }
    // without this neither shutdown nor getpeername know of the connection
    if (!this.updateContext(on.socket)) return refused("setsockopt")
    const unset = configure(on, options.stream)
    if (unset !== undefined) return refused(unset)
    const names = this.names(accept)
    const local = names.local ?? on.address("getsockname", kind.read)
    if (local === undefined) return refused("getsockname")
    const remote = names.remote ?? on.address("getpeername", kind.read)
    if (remote === undefined) return refused("getpeername")
    const bytes = this.block.bytes.slice(accept.at, accept.at + Math.min(accept.operation.bytes, options.receiveLength))
    // from here on it is the stream's, or closed
    accept.acceptor = undefined
    this.idle.push(accept)
    engine.counters.sockets--
    const stream = attach(engine, unowned, options.stream)
    if (stream instanceof WinsockErrors.WinsockError) return stream
    stream.accepted(bytes)
    const transport = kind.live === "unix" ? "unix" : "tcp"
    engine.life?.opened(stream, "connection accepted", socketAttributes(transport, local, remote))
    return kind.make(stream, local, remote)
  }

  private updateContext(socket: SocketHandle): boolean {
    const { calls, scratch, seam } = this.engine
    writePointer(seam.abi, scratch.view, 0, this.socket)
    const size = pointerSize(seam.abi)
    return calls.setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, scratch.address, size) === 0
  }

  // the addresses that AcceptEx wrote, each where it is one
  private names(accept: Accept): { local: A | undefined; remote: A | undefined } {
    const { block, engine, functions, options } = this
    const { nameCapacity, read } = this.kind
    const { scratch, seam } = engine
    const out = (i: number): number => scratch.address + i * 8
    scratch.bytes.fill(0, 0, 32)
    functions.GetAcceptExSockaddrs(
      block.address + accept.at,
      options.receiveLength,
      nameCapacity,
      nameCapacity,
      out(0),
      out(1),
      out(2),
      out(3)
    )
    const name = (i: number): A | undefined => {
      const at = readPointer(seam.abi, scratch.view, i * 8) - block.address
      const length = scratch.view.getInt32(i * 8 + 8, true)
      if (at < accept.at || at + length > accept.at + options.receiveLength + 2 * nameCapacity) return undefined
      return read(SockAddr.read(block.view, at, length))
    }
    return { local: name(0), remote: name(2) }
  }

  // --- as an endpoint ---

  protected work(): void {
    const { engine, line } = this
    this.concludeAll()
    if (this.state !== OPEN) return line.fail(WinsockErrors.operationAborted("AcceptEx"))
    line.serve({ can: () => this.inbox.length > 0, give: () => Effect.void })
    if (engine.brokenBy !== 0) return line.fail(streamError("GetQueuedCompletionStatusEx", engine.brokenBy))
    const { failure } = this
    if (failure !== undefined && line.length > 0) {
      this.failure = undefined
      return line.fail(failure)
    }
    this.fill()
  }

  protected end(): void {
    this.timer?.()
    this.timer = undefined
    if (this.inbox.length > 0) {
      this.engine.life?.dropped(this, "connections that nobody had accepted were reset", this.inbox.length)
    }
    // nobody has spoken to them
    for (let one = this.inbox.shift(); one !== undefined; one = this.inbox.shift()) {
      this.engine.counters.inbox--
      this.engine.counters.discarded++
      one.internal.abort(() => {})
    }
    this.stop()
  }

  protected dispose(): void {
    this.concludeAll()
    for (const accept of this.accepts.values()) {
      accept.operation.release()
    }
    if (this.leaked) this.engine.heap.abandon(this.block)
    else this.engine.heap.free(this.block)
  }
}
