/**
 * A stream SOCKET, of TCP or AF_UNIX, with the two halves of its connection: how it comes to be connected, and how it ends.
 *
 * Closing is in steps, none of which waits on the JS thread: sends get their time, this side is ended, the peer's end is
 * waited for if that is wished, what is pending is cancelled and waited for, and only then the SOCKET is closed.
 */
import { SD_SEND, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { SO_LINGER, SO_UPDATE_CONNECT_CONTEXT } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSA_NOT_ENOUGH_MEMORY, WSAEALREADY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type { Block, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { Operation, PENDING } from "./operation.ts"
import { extensionMissing, type Provider } from "./provider.ts"
import type { SocketCalls } from "./socketCalls.ts"
import type { CompletionMode, Settle } from "./socketEndpoint.ts"
import { CLOSING, ENDING, OPEN, SocketEndpoint } from "./socketEndpoint.ts"
import { streamError } from "./streamError.ts"
import { StreamReceives } from "./streamReceives.ts"
import { StreamSends } from "./streamSends.ts"
import type { Unowned } from "./tcpOpen.ts"
import type { StreamOptions } from "./tcpOptions.ts"
import { UrgentReceives } from "./urgentReceives.ts"

type Resume = (effect: Effect.Effect<void, WinsockError>) => void

/** Room for a socket address of any family, aligned. */
const nameCapacity = 112

export class Stream extends SocketEndpoint {
  readonly on: SocketCalls
  readonly provider: Provider
  readonly options: StreamOptions
  readonly receives: StreamReceives
  readonly sends: StreamSends
  // most connections never have any: made when they are asked for
  private urgentReceives: UrgentReceives | undefined = undefined
  /** Whether this side was ended. */
  sentEnd = false

  private connected = false
  private reusable = false
  private connecting: Connecting | undefined = undefined
  private timer: (() => void) | undefined = undefined
  // this side was ended, and the peer's end is waited for
  private lingering = false

  /** Throws when there is no memory; the SOCKET is its maker's still then. */
  constructor(engine: Engine, unowned: Unowned, key: number, mode: CompletionMode, options: StreamOptions) {
    super(engine, unowned.on.socket, key, mode)
    this.on = unowned.on
    this.provider = unowned.provider
    this.options = options
    this.receives = new StreamReceives(engine, this, options.chunkSize)
    this.sends = new StreamSends(engine, this, options.sendQueue)
    // it cannot fail any more: from now on the engine has the SOCKET, and closes it
    this.own()
  }

  get isOpen(): boolean {
    return this.state === OPEN
  }

  get urgent(): UrgentReceives {
    return (this.urgentReceives ??= new UrgentReceives(this.engine, this))
  }

  // --- connecting ---

  /**
   * Connects by ConnectEx, which takes a SOCKET that is bound; `bytes` go along. An interruption cancels it and ends when
   * that is done: whether it is connected all the same `isConnected` says then.
   */
  connect(to: NetAddress.SocketAddress, bytes: Uint8Array): Effect.Effect<void, WinsockError> {
    return Effect.callback<void, WinsockError>((resume) => {
      if (this.state !== OPEN) return resume(Effect.fail(WinsockErrors.socketClosed("ConnectEx")))
      if (this.connecting !== undefined) return resume(Effect.fail(streamError("ConnectEx", WSAEALREADY)))
      const begun = this.beginConnect(to, bytes, resume)
      if (begun instanceof WinsockErrors.WinsockError) return resume(Effect.fail(begun))
      if (begun === undefined) return resume(Effect.void)
      return Effect.callback<void>((settled) => this.interruptConnect(begun, settled))
    })
  }

  get isConnected(): boolean {
    return this.connected
  }

  /** It was connected by others: an accept. */
  accepted(bytes: Uint8Array): void {
    this.connected = true
    this.receives.begin(bytes)
  }

  private beginConnect(
    to: NetAddress.SocketAddress,
    bytes: Uint8Array,
    resume: Resume
  ): Connecting | WinsockError | undefined {
    const { engine } = this
    const socket = this.socket as SocketHandle
    const ConnectEx = this.provider.get("ConnectEx", socket)
    if (ConnectEx === undefined) return extensionMissing(engine, "ConnectEx", "stream")
    let connecting: Connecting
    try {
      connecting = new Connecting(this, bytes, resume)
    } catch {
      return streamError("ConnectEx", WSA_NOT_ENOUGH_MEMORY)
    }
    const { block, operation } = connecting
    const { address } = block
    const length = SockAddr.write(block.view, 0, to)
    block.bytes.set(bytes, nameCapacity)
    operation.prepare()
    const send = bytes.length === 0 ? 0 : address + nameCapacity
    const ok = ConnectEx(socket, address, length, send, bytes.length, 0, operation.address)
    if (operation.answered(ok !== 0 ? 0 : engine.calls.WSAGetLastError())) return this.finishConnect(connecting)
    this.connecting = connecting
    engine.pump.retain()
    return connecting
  }

  private interruptConnect(connecting: Connecting, settled: Settle): void {
    if (connecting.resume === undefined) return settled(Effect.void)
    connecting.resume = undefined
    const { operation } = connecting
    if (operation.state === PENDING) this.interrupted(operation, settled)
    // it has ended, or is being cancelled: the pump comes to it
    else this.settleLater(settled)
    this.engine.poke(this)
  }

  // undefined when it is connected
  private finishConnect(connecting: Connecting): WinsockError | undefined {
    const { code, cancelled } = connecting.operation
    connecting.dispose()
    // its SOCKET may be closed by now, and the number another's
    if (this.socket === -1 || (cancelled && code !== 0)) return WinsockErrors.operationAborted("ConnectEx")
    if (code !== 0) return streamError("ConnectEx", code)
    // without this neither shutdown nor getpeername know of the connection
    if (!this.on.setNothing(SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT)) {
      return streamError("setsockopt", this.engine.calls.WSAGetLastError())
    }
    this.connected = true
    this.reusable = false
    this.sentEnd = false
    this.receives.restart()
    this.sends.restart()
    this.urgentReceives?.restart()
    return undefined
  }

  private serveConnect(): void {
    const { connecting } = this
    if (connecting === undefined || !connecting.over) return
    this.connecting = undefined
    this.engine.pump.release()
    const error = this.finishConnect(connecting)
    connecting.resume?.(error === undefined ? Effect.void : Effect.fail(error))
  }

  /** DisconnectEx has freed it for another connection. */
  disconnected(reuse: boolean): void {
    this.sentEnd = true
    this.reusable = reuse
  }

  get isReusable(): boolean {
    return this.reusable
  }

  // --- as an endpoint ---

  protected ended(operation: Operation): void {
    if (
      this.receives.completed(operation) ||
      this.sends.completed(operation) ||
      this.urgentReceives?.completed(operation) === true
    ) {
      return
    }
    if (operation === this.connecting?.operation) this.connecting.over = true
  }

  protected work(): void {
    this.serveConnect()
    const { brokenBy } = this.engine
    if (brokenBy !== 0) this.portBroken(brokenBy)
    if (this.state === OPEN) this.receives.work()
    // whoever was served may have closed it
    if (this.state === OPEN) this.urgentReceives?.work()
    if (this.state !== OPEN) {
      const aborted = WinsockErrors.operationAborted("WSARecv")
      this.receives.line.fail(aborted)
      this.urgentReceives?.line.fail(aborted)
    }
    this.sends.work()
    if (this.state === ENDING) this.goOnEnding()
  }

  // what is pending will not complete
  private portBroken(code: number): void {
    this.sends.portBroken(code)
    const { connecting } = this
    connecting?.resume?.(Effect.fail(streamError("GetQueuedCompletionStatusEx", code)))
    if (connecting !== undefined) connecting.resume = undefined
  }

  protected dispose(): void {
    this.clearTimer()
    this.receives.dispose()
    this.sends.dispose()
    this.urgentReceives?.dispose()
  }

  // --- closing ---

  protected end(): void {
    // what is in line goes on, and nothing comes to it any more
    this.sends.refuse(WinsockErrors.socketClosed)
    if (!this.sends.isIdle) this.giveTime(this.options.closeTimeout)
  }

  /** Resets the connection at once. */
  abort(done: () => void): void {
    this.close(done)
    this.reset()
  }

  private goOnEnding(): void {
    const { engine, receives, sends } = this
    // nothing that is under way will end
    if (engine.brokenBy !== 0) return this.reset()
    if (!sends.isIdle) return
    // the peer must not take what was torn for a whole message
    if (sends.isBroken) return this.reset()
    if (!this.lingering) {
      this.clearTimer()
      const alive = this.connected && !receives.hasFailed
      if (alive && !this.sentEnd) this.engine.calls.shutdown(this.socket as SocketHandle, SD_SEND)
      if (!alive || this.options.linger === 0) return this.stop()
      this.lingering = true
      this.giveTime(this.options.linger)
    }
    if (receives.drain()) this.stop()
  }

  protected override stop(): void {
    this.sends.fail(WinsockErrors.operationAborted, WinsockErrors.socketClosed)
    super.stop()
  }

  private reset(): void {
    if (this.state >= CLOSING) return
    this.closeAbortively()
    this.stop()
  }

  protected override shut(): void {
    this.sends.fail(WinsockErrors.operationAborted, WinsockErrors.socketClosed)
    this.closeAbortively()
    super.shut()
  }

  // l_onoff 1 and l_linger 0: closing does not end this side, it resets the connection
  private closeAbortively(): void {
    if (this.socket === -1) return
    this.on.set(SOL_SOCKET, SO_LINGER, 1)
    this.engine.life?.reset(this)
  }

  private giveTime(milliseconds: number): void {
    this.timer = this.engine.seam.host.schedule(() => {
      this.timer = undefined
      this.reset()
    }, milliseconds)
  }

  private clearTimer(): void {
    this.timer?.()
    this.timer = undefined
  }
}

/** A connect that is under way. */
class Connecting {
  readonly operation: Operation
  readonly block: Block
  resume: Resume | undefined
  /** Whether it has ended. */
  over = false
  private abandoned = false
  private readonly engine: Engine

  /** Throws when there is no memory. */
  constructor(stream: Stream, bytes: Uint8Array, resume: Resume) {
    const { engine } = stream
    this.engine = engine
    this.resume = resume
    this.block = engine.heap.alloc(nameCapacity + bytes.length)
    try {
      this.operation = new Operation(stream, "ConnectEx", engine.counters.connect)
    } catch (error) {
      engine.heap.free(this.block)
      throw error
    }
    this.operation.abandon = () => {
      this.abandoned = true
      engine.heap.abandon(this.block)
    }
  }

  dispose(): void {
    this.operation.release()
    if (!this.abandoned) this.engine.heap.free(this.block)
  }
}
