/** The opaque sockets of Winsock2, and what owns the operations of each. */
import {
  AF_UNIX,
  SOCK_RAW,
  SOCK_STREAM,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { STATUS_BUFFER_OVERFLOW } from "@effect-winsock/schema/NtStatus"
import { ERROR_NOT_FOUND, WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { SocketKind } from "./conditions.ts"
import type { Mode } from "./completion.ts"
import { associate, ENDS, SENTINEL_COMES } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { LiveKind, LiveSocket } from "./liveSocket.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import type { Operation } from "./operation.ts"
import { PENDING } from "./operation.ts"
import type { Provider } from "./provider.ts"
import { providerOf } from "./provider.ts"
import { SocketCalls } from "./socketCalls.ts"
import type { CompletionMode } from "./socketEndpoint.ts"
import { OPEN, SocketEndpoint } from "./socketEndpoint.ts"
import { skipPackets } from "./tcpOpen.ts"

export const TypeId: unique symbol = Symbol.for("@effect-winsock/core/Winsock2/Socket")

/** What a socket was made as. */
export interface Shape {
  readonly family: number
  readonly type: number
  readonly protocol: number
  readonly overlapped: boolean
  /** Undefined for the layer's. */
  readonly completion: Mode | undefined
}

/** One overlapped call that the kernel has. */
export interface Pending {
  /** It has ended. Runs nobody's code. */
  readonly ended: () => void
  /** Resumes those who wait for it. */
  readonly deliver: () => void
  /** The port failed: its end will never be heard of. */
  readonly unheard: (code: number) => void
}

const kindOf = (type: number): SocketKind => (type === SOCK_STREAM ? "stream" : type === SOCK_RAW ? "raw" : "datagram")

export class CallSocket extends SocketEndpoint {
  readonly shape: Shape
  readonly kind: SocketKind
  readonly on: SocketCalls
  readonly provider: Provider
  /** Whether a send was cancelled of which a part may have left: what is sent now would follow a torn message. */
  torn = false
  private readonly calls = new Map<Operation, Pending>()
  private readonly over: Array<Pending> = []
  private readonly undecidedOnes = new Map<number, Operation>()

  constructor(on: SocketCalls, key: number, mode: CompletionMode, provider: Provider, shape: Shape) {
    super(on.engine, on.socket, key, mode)
    this.on = on
    this.provider = provider
    this.shape = shape
    this.kind = kindOf(shape.type)
    this.own()
  }

  get isOpen(): boolean {
    return this.state === OPEN
  }

  /** The error of a call that has just failed, or of a status (negative) that an operation ended with. */
  error(operation: string, code = this.engine.calls.WSAGetLastError()): WinsockError {
    return code < 0
      ? WinsockErrors.fromStatus(operation, code >>> 0, this.kind)
      : WinsockErrors.fromCode(operation, code, this.kind)
  }

  /** The kernel has it now. */
  expect(operation: Operation, pending: Pending): void {
    this.calls.set(operation, pending)
  }

  /** An operation that was accepted has failed with WSAEMSGSIZE: whether more is heard of it depends on how it completes. */
  decide(operation: Operation): void {
    const { address } = operation
    const answer = operation.undecided()
    if (answer === SENTINEL_COMES) this.undecidedOnes.set(address, operation)
    if (answer === SENTINEL_COMES || answer === ENDS) return
    // the call's own answer is the result
    operation.answerIs(STATUS_BUFFER_OVERFLOW)
    super.packet(address)
    this.engine.poke(this)
  }

  override packet(overlapped: number): void {
    if (!this.undecidedOnes.has(overlapped)) super.packet(overlapped)
  }

  override sentinel(overlapped: number): void {
    const operation = this.undecidedOnes.get(overlapped)
    if (operation === undefined) return
    this.undecidedOnes.delete(overlapped)
    // where no packet came the call's own answer is the result
    operation.answerIs(STATUS_BUFFER_OVERFLOW)
    super.packet(overlapped)
  }

  /** Resumes those who wait for it in a turn of the pump. */
  deliverLater(pending: Pending): void {
    this.over.push(pending)
    this.engine.poke(this)
  }

  /** Asks the kernel to give back one operation; where it cannot, the socket is closed. */
  cancel(operation: Operation): void {
    if (operation.state === PENDING) this.interrupted(operation, undefined)
  }

  /** Asks the kernel to give back all that it has, with one call. */
  cancelPending(): WinsockError | undefined {
    let some = false
    for (let one = this.pending.head; one !== undefined; one = one.next) if (one.state === PENDING) some = true
    if (!some) return this.error("CancelIoEx", ERROR_NOT_FOUND)
    if (this.cancelCloses) {
      this.shut()
      return undefined
    }
    for (let one = this.pending.head; one !== undefined; one = one.next) one.startCancelling()
    this.cancellations++
    this.engine.cancel(this.socket as SocketHandle, 0)
    this.engine.pump.poke()
    return undefined
  }

  protected ended(operation: Operation): void {
    const pending = this.calls.get(operation)
    if (pending === undefined) return
    this.calls.delete(operation)
    pending.ended()
    this.over.push(pending)
  }

  protected work(): void {
    const { brokenBy } = this.engine
    if (brokenBy !== 0) {
      for (const pending of this.calls.values()) {
        pending.unheard(brokenBy)
        if (!this.over.includes(pending)) this.over.push(pending)
      }
    }
    const { over } = this
    // it leaves the list when all are resumed: what throws must not take the others with it
    for (let one = over[0]; one !== undefined; one = over[0]) {
      one.deliver()
      over.shift()
    }
  }

  protected end(): void {
    this.stop()
  }

  protected dispose(): void {}
}

const liveKindOf = ({ family, type }: Shape): LiveKind =>
  family === AF_UNIX ? "unix" : type === SOCK_STREAM ? "tcp" : type === SOCK_RAW ? "raw" : "udp"

/** As `ioctlsocket` and `setsockopt` refuse it. */
const instead: LiveSocket["refuses"] = (name, value) => {
  if (name === "FIONBIO") return value === true ? undefined : "true: no call may wait on the JavaScript thread"
  if (name === "SO_UPDATE_ACCEPT_CONTEXT") return "left to Winsock2.setsockopt, which takes the listening Socket"
  if (name !== "SO_LINGER") return undefined
  const { l_linger, l_onoff } = value as { readonly l_onoff: boolean; readonly l_linger: number }
  return l_onoff && l_linger > 0 ? "without a time, which closesocket would wait for" : undefined
}

const generations = new WeakMap<Engine, number>()

const nextGeneration = (engine: Engine): number => {
  const generation = (generations.get(engine) ?? 0) + 1
  generations.set(engine, generation)
  return generation
}

export class SocketOf {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly generation: number
  readonly family: number
  readonly type: number
  readonly protocol: number
  readonly overlapped: boolean
  /** A function of its own: structured clone refuses it, so that no socket can be posted to another thread. */
  readonly toJSON: () => object
  readonly #endpoint: CallSocket

  constructor(endpoint: CallSocket) {
    const { family, overlapped, protocol, type } = endpoint.shape
    const generation = nextGeneration(endpoint.engine)
    this.generation = generation
    this.family = family
    this.type = type
    this.protocol = protocol
    this.overlapped = overlapped
    this.toJSON = () => ({ _id: "Socket", generation, family, type, protocol, overlapped })
    this.#endpoint = endpoint
  }

  /** For options: the SOCKET is the program's to configure, so long as no call can wait on the JS thread. */
  get [LiveKey](): LiveSocketOf<LiveKind> | undefined {
    const endpoint = SocketOf.endpointOf(this)
    if (endpoint === undefined) return undefined
    const { engine, shape } = endpoint
    const current = (): SocketHandle | -1 => (endpoint.isOpen ? endpoint.socket : -1)
    return new LiveSocketOf<LiveKind>(engine, liveKindOf(shape), shape.family, current, false, instead)
  }

  /** What is behind a socket; `undefined` for whatever else it may be. */
  static endpointOf(socket: unknown): CallSocket | undefined {
    return typeof socket === "object" && socket !== null && #endpoint in socket ? socket.#endpoint : undefined
  }
}

/** Why a call must not be made on the thread that runs now. */
const onOtherThread = (engine: Engine, operation: string): WinsockError | undefined => {
  const thread = engine.calls.GetCurrentThreadId()
  return thread === engine.thread
    ? undefined
    : WinsockErrors.invalidArgument(operation, "thread", thread, `${engine.thread}, on which the layer was started`)
}

/** What is behind a socket that a call may use, or why it may not. */
export const endpointFor = (engine: Engine, operation: string, socket: unknown): CallSocket | WinsockError => {
  const endpoint = SocketOf.endpointOf(socket)
  if (endpoint?.engine !== engine) {
    return WinsockErrors.invalidArgument(operation, "socket", socket, "a Socket that this layer's WSASocket has made")
  }
  if (!endpoint.isOpen) return WinsockErrors.socketClosed(operation)
  return onOtherThread(engine, operation) ?? endpoint
}

/** Makes a SOCKET. In one step: the layer may be released at any other. */
export const open = (engine: Engine, shape: Shape): SocketOf | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const elsewhere = onOtherThread(engine, "WSASocketW")
  if (elsewhere !== undefined) return elsewhere
  const { family, overlapped, protocol, type } = shape
  const flags = WSA_FLAG_NO_HANDLE_INHERIT | (overlapped ? WSA_FLAG_OVERLAPPED : 0)
  const socket = engine.calls.WSASocketW(family, type, protocol, 0, 0, flags)
  if (socket === -1) return WinsockErrors.fromCode("WSASocketW", engine.calls.WSAGetLastError(), kindOf(type))
  return adopt(engine, socket, shape)
}

/** Makes a SOCKET the engine's, which closes it from then on; on failure it is closed here. */
export const adopt = (engine: Engine, socket: SocketHandle, shape: Shape): SocketOf | WinsockError => {
  const on = new SocketCalls(engine, socket)
  const refuse = (operation: string, code = engine.calls.WSAGetLastError()): WinsockError => {
    engine.calls.closesocket(socket)
    return WinsockErrors.fromCode(operation, code, kindOf(shape.type))
  }
  if (engine.brokenBy !== 0) return refuse("GetQueuedCompletionStatusEx", engine.brokenBy)
  if (!on.doNotBlock()) return refuse("ioctlsocket")
  const provider = providerOf(engine, shape.family, shape.type, socket)
  // without the overlapped attribute nothing completes
  const completion = engine.completion(shape.overlapped ? shape.completion : "port")
  if (completion instanceof WinsockErrors.WinsockError) {
    engine.calls.closesocket(socket)
    return completion
  }
  const key = engine.reserve()
  if (shape.overlapped && !associate(engine, completion, socket, key)) {
    engine.unreserve(key)
    return refuse("CreateIoCompletionPort")
  }
  const mode = {
    completion,
    skips: shape.overlapped && shape.type === SOCK_STREAM && skipPackets(engine, completion, socket, provider),
    cancelCloses: !provider.ifsHandles
  }
  return new SocketOf(new CallSocket(on, key, mode, provider, shape))
}

/** Ends it, and is over when nothing refers to its SOCKET or memory. */
export const close = (socket: object): Effect.Effect<void> =>
  Effect.callback<void>((resume) => SocketOf.endpointOf(socket)!.close(() => resume(Effect.void)))

export const outOfMemory = (operation: string): WinsockError => WinsockErrors.fromCode(operation, WSA_NOT_ENOUGH_MEMORY)
