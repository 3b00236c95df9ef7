/** Sockets in blocking mode: what they are opened with, and their calls. */
import {
  AF_INET,
  AF_INET6,
  MSG_CTRUNC,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { writePointer } from "@effect-winsock/schema/Layout"
import { SO_EXCLUSIVEADDRUSE, SO_RCVTIMEO, SO_SNDTIMEO } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY, WSAEMSGSIZE, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Public from "../BlockingSocket.ts"
import { Datagram } from "../Datagram.ts"
import type { Block, Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { BlockingCall } from "./blockingCalls.ts"
import { Blocking } from "./blockingCalls.ts"
import type { Request, Store } from "./blockingTakes.ts"
import { Takes } from "./blockingTakes.ts"
import { anAddress, isWithin, millisOf, refuseChoice, refused, refuseOptions } from "./checks.ts"
import type { Engine } from "./engine.ts"
import type { LiveKind } from "./liveSocket.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import type { Payload } from "./payload.ts"
import { aPayload, copyPayload, isPayload, lengthOf } from "./payload.ts"
import { extensionMissing, providerOf } from "./provider.ts"
import { SocketCalls } from "./socketCalls.ts"

/** The largest datagram there is, and the most that one call sends or receives of a stream. */
const largestMessage = 65_535
const largestPiece = 0x1000_0000
const longest = 0x7fff_ffff

// --- opening ---

const timeouts = { receiveTimeout: SO_RCVTIMEO, sendTimeout: SO_SNDTIMEO } as const
const aTimeout = "a duration from 1 millisecond to 24 days, on a socket that is overlapped"

interface Checked {
  readonly overlapped: boolean
  readonly timeouts: ReadonlyArray<readonly [option: number, milliseconds: number]>
}

const check = (address: NetAddress.InetAddress, options: Public.Options): Checked | WinsockError => {
  if (!NetAddress.isInetAddress(address)) return refused("address", address, anAddress)
  const unread = refuseOptions(options) ?? refuseChoice({ overlapped: [true, false] }, options)
  if (unread !== undefined) return unread
  const overlapped = options.overlapped !== false
  const wished: Array<readonly [number, number]> = []
  for (const [name, option] of Object.entries(timeouts)) {
    const given = options[name as keyof typeof timeouts]
    if (given === undefined) continue
    const millis = Math.ceil(millisOf(given))
    // without the flag they never take effect, and 0 would be none
    if (!overlapped || !isWithin(millis, 1, longest)) return refused(name, given, aTimeout)
    wished.push([option, millis])
  }
  return { overlapped, timeouts: wished }
}

interface Plan extends Checked {
  readonly address: NetAddress.InetAddress
  readonly type: typeof SOCK_STREAM | typeof SOCK_DGRAM
}

/** Makes a SOCKET, of which somebody takes possession in the same step. */
const make = (
  engine: Engine,
  plan: Plan,
  prepare: (on: SocketCalls) => string | undefined
): Blocking | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const isStream = plan.type === SOCK_STREAM
  const family = NetAddress.isInetAddressV6(plan.address) ? AF_INET6 : AF_INET
  const flags = (plan.overlapped ? WSA_FLAG_OVERLAPPED : 0) | WSA_FLAG_NO_HANDLE_INHERIT
  const socket = engine.calls.WSASocketW(family, plan.type, 0, 0, 0, flags)
  if (socket === -1) return engine.lastError("WSASocketW", isStream ? "stream" : "datagram")
  const on = new SocketCalls(engine, socket)
  const failed =
    prepare(on) ??
    (plan.timeouts.every(([option, value]) => on.set(SOL_SOCKET, option, value)) ? undefined : "setsockopt")
  if (failed === undefined) return new Blocking(engine, socket, isStream)
  const error = engine.lastError(failed, isStream ? "stream" : "datagram")
  engine.calls.closesocket(socket)
  return error
}

const closing = (blocking: Blocking): Effect.Effect<void> =>
  Effect.callback<void>((resume) => blocking.close(() => resume(Effect.void)))

const opened = <A>(
  open: () => Blocking | WinsockError,
  use: (blocking: Blocking) => A | WinsockError
): Effect.Effect<A, WinsockError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.suspend(() => {
        const blocking = open()
        return blocking instanceof WinsockErrors.WinsockError ? Effect.fail(blocking) : Effect.succeed(blocking)
      }),
      closing
    ),
    (blocking) => {
      const made = use(blocking)
      return made instanceof WinsockErrors.WinsockError ? Effect.fail(made) : Effect.succeed(made)
    }
  )

const bound = (on: SocketCalls, address: NetAddress.InetAddress): string | undefined => {
  if (address.port !== 0 && !on.set(SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)) return "setsockopt"
  return on.bind(address) ? undefined : "bind"
}

const localOf = (blocking: Blocking): NetAddress.InetAddress | WinsockError =>
  on(blocking).localAddress() ?? blocking.engine.lastError("getsockname")

/** For options: the library keeps its promises, so modes and timeouts stay as they were opened with. */
const live = <Kind extends LiveKind>(
  blocking: Blocking,
  kind: Kind,
  address: NetAddress.InetAddress
): LiveSocketOf<Kind> =>
  new LiveSocketOf(blocking.engine, kind, NetAddress.isInetAddressV6(address) ? AF_INET6 : AF_INET, () =>
    blocking.isOpen ? blocking.socket : -1
  )

const on = (blocking: Blocking): SocketCalls => new SocketCalls(blocking.engine, blocking.socket as SocketHandle)

// --- memory of calls ---

// one block holds all that a call refers to: counts, WSABUF, WSAMSG, name, then the payload
const countAt = 0
const flagsAt = 4
const bufferAt = 16
const messageAt = 32
const nameAt = 96
const nameCapacity = 128
const payloadAt = nameAt + nameCapacity

const outOfMemory = (name: string): WinsockError => WinsockErrors.fromCode(name, WSA_NOT_ENOUGH_MEMORY)

const memory = (engine: Engine, size: number): Block | undefined => {
  let block: Block
  try {
    block = engine.heap.alloc(payloadAt + size)
  } catch {
    return undefined
  }
  const { abi } = engine.seam
  const buffer = WSABUF.offsets[abi]
  block.view.setUint32(bufferAt + buffer.len, size, true)
  writePointer(abi, block.view, bufferAt + buffer.buf, block.address + payloadAt)
  return block
}

const sizeIs = (size: unknown, most: number, name: string): WinsockError | undefined =>
  isWithin(size, 1, most)
    ? undefined
    : WinsockErrors.invalidArgument(name, "size", size, `an integer from 1 to ${most}`)

const now = <A>(attempt: () => A | WinsockError): Effect.Effect<A, WinsockError> =>
  Effect.suspend(() => {
    const answer = attempt()
    return answer instanceof WinsockErrors.WinsockError ? Effect.fail(answer) : Effect.succeed(answer)
  })

/** What a call that answers at once gives, on a SOCKET where nobody is ahead. */
const tried = <A>(
  blocking: Blocking,
  name: "WSARecv" | "WSASend" | "WSARecvMsg" | "WSASendTo",
  isBehind: boolean,
  call: BlockingCall<A> | WinsockError,
  invoke: (socket: SocketHandle, args: ReadonlyArray<number>) => number
): A | WinsockError => {
  if (call instanceof WinsockErrors.WinsockError) return call
  const { engine } = blocking
  const kind = blocking.isStream ? "stream" : "datagram"
  try {
    if (isBehind) return WinsockErrors.fromCode(name, WSAEWOULDBLOCK, kind)
    const result = blocking.now((socket) => invoke(socket, call.args))
    if (result !== -1) return call.read(result)
    const code = engine.calls.WSAGetLastError()
    return call.rescue?.(code) ?? WinsockErrors.fromCode(name, code, kind)
  } finally {
    engine.heap.free(call.memory!)
  }
}

/** Sends of one socket. */
class Sends {
  readonly blocking: Blocking
  private readonly name: "WSASend" | "WSASendTo"

  constructor(blocking: Blocking, name: "WSASend" | "WSASendTo") {
    this.blocking = blocking
    this.name = name
  }

  send(payload: Payload, to: NetAddress.InetAddress | undefined): Effect.Effect<number, WinsockError> {
    return Effect.suspend(() => {
      const wrong = this.refuse(payload, to)
      if (wrong !== undefined) return Effect.fail(wrong)
      // a program may have changed it while it waited for its turn
      return this.blocking.run(this.name, () => this.refuse(payload, to) ?? this.call(payload, to))
    })
  }

  try(payload: Payload, to: NetAddress.InetAddress | undefined): Effect.Effect<number, WinsockError> {
    return now(() => {
      const { blocking, name } = this
      const wrong = this.refuse(payload, to) ?? blocking.refusal(name)
      if (wrong !== undefined) return wrong
      return tried(blocking, name, blocking.isAhead(name), this.call(payload, to), (_, args) =>
        // the table gives each name its parameters
        (blocking.engine.calls[name] as (...args: ReadonlyArray<number>) => number)(...args)
      )
    })
  }

  private refuse(payload: unknown, to: unknown): WinsockError | undefined {
    const { blocking, name } = this
    if (!isPayload(payload)) return WinsockErrors.invalidArgument(name, "payload", payload, aPayload)
    const most = blocking.isStream ? largestPiece : largestMessage
    if (lengthOf(payload) > most) {
      return WinsockErrors.invalidArgument(name, "payload.length", lengthOf(payload), `at most ${most}`)
    }
    if (blocking.isStream || NetAddress.isInetAddress(to)) return undefined
    return WinsockErrors.invalidArgument(name, "to", to, anAddress)
  }

  private call(payload: Payload, to: NetAddress.InetAddress | undefined): BlockingCall<number> | WinsockError {
    const { blocking, name } = this
    const block = memory(blocking.engine, lengthOf(payload))
    if (block === undefined) return outOfMemory(name)
    copyPayload(payload, block.bytes, payloadAt)
    const { address, view } = block
    const args = [blocking.socket, address + bufferAt, 1, address + countAt, 0]
    if (to !== undefined) args.push(address + nameAt, SockAddr.write(view, nameAt, to))
    return { args: [...args, 0, 0], memory: block, read: () => view.getUint32(countAt, true) }
  }
}

// --- streams ---

/** Bytes that calls have brought: as much as is asked for, the rest for the next. */
class Bytes implements Store<Uint8Array> {
  private readonly pieces: Array<Uint8Array> = []
  private readonly blocking: Blocking

  constructor(blocking: Blocking) {
    this.blocking = blocking
  }

  make({ peek, size }: Request): BlockingCall<Uint8Array> | WinsockError {
    const block = memory(this.blocking.engine, size)
    if (block === undefined) return outOfMemory("WSARecv")
    const { address, bytes, view } = block
    view.setUint32(flagsAt, peek ? MSG_PEEK : 0, true)
    return {
      args: [this.blocking.socket, address + bufferAt, 1, address + countAt, address + flagsAt, 0, 0],
      memory: block,
      read: () => bytes.slice(payloadAt, payloadAt + Math.min(view.getUint32(countAt, true), size)),
      // the line keeps it
      keep: () => {}
    }
  }

  has(): boolean {
    return this.pieces.length > 0
  }

  put(piece: Uint8Array): void {
    this.pieces.push(piece)
  }

  take({ size }: Request): Effect.Effect<Uint8Array, WinsockError> {
    const piece = this.pieces.shift()!
    if (piece.length === 0) return ended
    if (piece.length <= size) return Effect.succeed(piece)
    this.pieces.unshift(piece.subarray(size))
    return Effect.succeed(piece.subarray(0, size))
  }

  peek(value: Uint8Array | undefined, { size }: Request): Effect.Effect<Uint8Array, WinsockError> {
    const piece = this.pieces[0] ?? value
    return piece.length === 0 ? ended : Effect.succeed(piece.slice(0, size))
  }
}

const ended = Effect.suspend(() => Effect.fail(WinsockErrors.endOfStream("WSARecv", 0, "a byte at least")))

class Stream implements Public.Stream {
  readonly [LiveKey]: LiveSocketOf<"tcp">
  readonly localAddress: NetAddress.InetAddress
  readonly peerAddress: NetAddress.InetAddress
  private readonly blocking: Blocking
  private readonly bytes: Bytes
  private readonly takes: Takes<Uint8Array>
  private readonly sends: Sends

  constructor(blocking: Blocking, local: NetAddress.InetAddress, peer: NetAddress.InetAddress) {
    this.blocking = blocking
    this[LiveKey] = live(blocking, "tcp", local)
    this.localAddress = local
    this.peerAddress = peer
    this.bytes = new Bytes(blocking)
    this.takes = new Takes(blocking, "WSARecv", this.bytes)
    this.sends = new Sends(blocking, "WSASend")
    blocking.owner = this.takes
  }

  receive(size: number): Effect.Effect<Uint8Array, WinsockError> {
    return this.get({ size, peek: false })
  }

  peek(size: number): Effect.Effect<Uint8Array, WinsockError> {
    return this.get({ size, peek: true })
  }

  private get(request: Request): Effect.Effect<Uint8Array, WinsockError> {
    const wrong = sizeIs(request.size, largestPiece, "WSARecv")
    return wrong === undefined ? this.takes.take(request) : Effect.fail(wrong)
  }

  tryReceive(size: number): Effect.Effect<Uint8Array, WinsockError> {
    const { blocking, bytes, takes } = this
    return Effect.suspend(() => {
      const wrong = sizeIs(size, largestPiece, "WSARecv") ?? blocking.refusal("WSARecv")
      if (wrong !== undefined) return Effect.fail(wrong)
      const request = { size, peek: false }
      if (!takes.isBusy && !bytes.has()) {
        const got = tried(blocking, "WSARecv", false, bytes.make(request), (_, args) =>
          (blocking.engine.calls.WSARecv as (...args: ReadonlyArray<number>) => number)(...args)
        )
        if (got instanceof WinsockErrors.WinsockError) return Effect.fail(got)
        bytes.put(got)
      }
      if (takes.isBusy) return Effect.fail(WinsockErrors.fromCode("WSARecv", WSAEWOULDBLOCK, "stream"))
      return takes.take(request)
    })
  }

  send(payload: Payload): Effect.Effect<number, WinsockError> {
    return this.sends.send(payload, undefined)
  }

  trySend(payload: Payload): Effect.Effect<number, WinsockError> {
    return this.sends.try(payload, undefined)
  }
}

const streamOf = (blocking: Blocking, peer: NetAddress.InetAddress): Stream | WinsockError => {
  const local = localOf(blocking)
  return local instanceof WinsockErrors.WinsockError
    ? local
    : new Stream(blocking, local, on(blocking).peerAddress() ?? peer)
}

export const connect = (
  engine: Engine,
  to: NetAddress.InetAddress,
  options: Public.Options
): Effect.Effect<Public.Stream, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const checked = check(to, options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    const open = () => make(engine, { ...checked, address: to, type: SOCK_STREAM }, () => undefined)
    return Effect.flatMap(
      opened(open, (blocking) => blocking),
      (blocking) =>
        Effect.flatMap(
          blocking.run("connect", () => {
            const block = memory(engine, 0)
            if (block === undefined) return outOfMemory("connect")
            const length = SockAddr.write(block.view, nameAt, to)
            const args = [blocking.socket, block.address + nameAt, length]
            return { args, memory: block, read: () => {} }
          }),
          () => now(() => streamOf(blocking, to))
        )
    )
  })

// --- listeners ---

/** Connections that calls have brought. */
class Connections implements Store<void> {
  readonly sockets: Array<SocketHandle> = []
  private readonly blocking: Blocking

  constructor(blocking: Blocking) {
    this.blocking = blocking
  }

  make(): BlockingCall<void> {
    const args = [this.blocking.socket, 0, 0]
    return { args, read: (socket) => this.keep(socket as SocketHandle), keep: () => {} }
  }

  private keep(socket: SocketHandle): void {
    this.sockets.push(socket)
  }

  has(): boolean {
    return this.sockets.length > 0
  }

  put(): void {}

  // it is taken by who was told of it, in the step in which it is registered in a scope
  take(): Effect.Effect<void> {
    return Effect.void
  }

  peek(): Effect.Effect<void> {
    return Effect.void
  }
}

class Listener implements Public.Listener {
  readonly [LiveKey]: LiveSocketOf<"listener">
  readonly address: NetAddress.InetAddress
  readonly accept: Public.Listener["accept"]

  constructor(blocking: Blocking, address: NetAddress.InetAddress) {
    this.address = address
    this[LiveKey] = live(blocking, "listener", address)
    const { engine } = blocking
    const connections = new Connections(blocking)
    const takes = new Takes<void>(blocking, "accept", connections)
    blocking.owner = takes
    const ready = takes.take({ size: 0, peek: false })
    this.accept = Effect.uninterruptibleMask((restore) => {
      const next = (): Effect.Effect<Public.Stream, WinsockError, Scope.Scope> =>
        Effect.flatMap(restore(ready), () =>
          Effect.suspend(() => {
            const socket = connections.sockets.shift()
            if (socket === undefined) return next()
            const accepted = new Blocking(engine, socket, true)
            // the listener may not have been for a moment
            accepted.setBlocking(true)
            return Effect.andThen(
              Effect.addFinalizer(() => closing(accepted)),
              now(() => streamOf(accepted, address))
            )
          })
        )
      return next()
    })
    this.connections = connections
  }

  private readonly connections: Connections

  /** Closes what nobody accepted. */
  discard(engine: Engine): void {
    for (const socket of this.connections.sockets.splice(0)) {
      engine.counters.discarded++
      engine.calls.closesocket(socket)
    }
  }
}

export const listen = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: Public.ListenOptions
): Effect.Effect<Public.Listener, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const checked = check(address, options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    const { backlog = 200 } = options
    if (!isWithin(backlog, 1, longest)) return Effect.fail(refused("backlog", backlog, "an integer from 1"))
    let listener: Listener | undefined
    const open = () =>
      make(engine, { ...checked, address, type: SOCK_STREAM }, (on) => {
        const failed = bound(on, address)
        return failed ?? (engine.calls.listen(on.socket, backlog) === 0 ? undefined : "listen")
      })
    return Effect.andThen(
      // runs after the SOCKET was closed
      Effect.addFinalizer(() => Effect.sync(() => listener?.discard(engine))),
      opened(open, (blocking) => {
        const local = localOf(blocking)
        return local instanceof WinsockErrors.WinsockError ? local : (listener = new Listener(blocking, local))
      })
    )
  })

// --- datagrams ---

/** Messages that calls have brought. */
class Messages implements Store<Datagram> {
  private readonly messages: Array<Datagram> = []
  private readonly blocking: Blocking
  private readonly at: number

  constructor(blocking: Blocking, at: number) {
    this.blocking = blocking
    this.at = at
  }

  make({ peek, size }: Request): BlockingCall<Datagram> | WinsockError {
    const { abi } = this.blocking.engine.seam
    const block = memory(this.blocking.engine, size)
    if (block === undefined) return outOfMemory("WSARecvMsg")
    const { address, bytes, view } = block
    const message = WSAMSG.offsets[abi]
    writePointer(abi, view, messageAt + message.name, address + nameAt)
    view.setInt32(messageAt + message.namelen, nameCapacity, true)
    writePointer(abi, view, messageAt + message.lpBuffers, address + bufferAt)
    view.setUint32(messageAt + message.dwBufferCount, 1, true)
    view.setUint32(messageAt + message.dwFlags, peek ? MSG_PEEK : 0, true)
    const read = (truncated: boolean): Datagram => {
      // the count of a call that failed may not have been written
      const length = truncated ? size : Math.min(view.getUint32(countAt, true), size)
      const nameLength = Math.min(Math.max(view.getInt32(messageAt + message.namelen, true), 0), nameCapacity)
      const flags = view.getUint32(messageAt + message.dwFlags, true)
      const name = bytes.slice(nameAt, nameAt + nameLength)
      const payload = bytes.slice(payloadAt, payloadAt + length)
      return new Datagram(payload, flags, truncated, abi, new DataView(name.buffer), 0, nameLength, nameLength, 0)
    }
    return {
      args: [this.blocking.socket, address + messageAt, address + countAt, 0, 0],
      address: this.at,
      memory: block,
      read: () => read(false),
      // Wine sets no MSG_TRUNC
      rescue: (code) => {
        if (code !== WSAEMSGSIZE) return undefined
        const flags = view.getUint32(messageAt + message.dwFlags, true)
        return read((flags & MSG_TRUNC) !== 0 || (flags & MSG_CTRUNC) === 0)
      },
      keep: () => {}
    }
  }

  has(): boolean {
    return this.messages.length > 0
  }

  put(message: Datagram): void {
    this.messages.push(message)
    this.blocking.engine.counters.inbox++
  }

  take(): Effect.Effect<Datagram> {
    this.blocking.engine.counters.inbox--
    return Effect.succeed(this.messages.shift()!)
  }

  peek(value: Datagram | undefined): Effect.Effect<Datagram> {
    return Effect.succeed(this.messages[0] ?? value)
  }

  discard(): void {
    const { counters } = this.blocking.engine
    counters.inbox -= this.messages.length
    counters.discarded += this.messages.length
    this.messages.length = 0
  }
}

class Datagrams implements Public.Datagrams {
  readonly [LiveKey]: LiveSocketOf<"udp">
  readonly address: NetAddress.InetAddress
  readonly messages: Messages
  readonly receiveMessage: Effect.Effect<Datagram, WinsockError>
  readonly peek: Effect.Effect<Datagram, WinsockError>
  readonly tryReceive: Effect.Effect<Datagram, WinsockError>
  private readonly sends: Sends

  constructor(
    blocking: Blocking,
    address: NetAddress.InetAddress,
    at: number,
    WSARecvMsg: Extensions["WSARecvMsg"],
    size: number
  ) {
    this.address = address
    this[LiveKey] = live(blocking, "udp", address)
    const messages = new Messages(blocking, at)
    this.messages = messages
    const takes = new Takes(blocking, "WSARecvMsg", messages)
    blocking.owner = takes
    const request = { size, peek: false }
    this.receiveMessage = takes.take(request)
    this.peek = takes.take({ size, peek: true })
    this.tryReceive = Effect.suspend(() => {
      const wrong = blocking.refusal("WSARecvMsg")
      if (wrong !== undefined) return Effect.fail(wrong)
      if (!takes.isBusy && !messages.has()) {
        const got = tried(blocking, "WSARecvMsg", false, messages.make(request), (_, args) =>
          (WSARecvMsg as (...args: ReadonlyArray<number>) => number)(...args)
        )
        if (got instanceof WinsockErrors.WinsockError) return Effect.fail(got)
        messages.put(got)
      }
      if (takes.isBusy) return Effect.fail(WinsockErrors.fromCode("WSARecvMsg", WSAEWOULDBLOCK, "datagram"))
      return this.receiveMessage
    })
    this.sends = new Sends(blocking, "WSASendTo")
  }

  send(payload: Payload, to: NetAddress.InetAddress): Effect.Effect<number, WinsockError> {
    return this.sends.send(payload, to)
  }

  trySend(payload: Payload, to: NetAddress.InetAddress): Effect.Effect<number, WinsockError> {
    return this.sends.try(payload, to)
  }
}

export const bind = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: Public.BindOptions
): Effect.Effect<Public.Datagrams, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const checked = check(address, options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    const { maxMessageSize = largestMessage } = options
    if (!isWithin(maxMessageSize, 1, largestMessage)) {
      return Effect.fail(refused("maxMessageSize", maxMessageSize, `an integer from 1 to ${largestMessage}`))
    }
    let datagrams: Datagrams | undefined
    const open = () => make(engine, { ...checked, address, type: SOCK_DGRAM }, (on) => bound(on, address))
    return Effect.andThen(
      // runs after the SOCKET was closed
      Effect.addFinalizer(() => Effect.sync(() => datagrams?.messages.discard())),
      opened(open, (blocking) => {
        const local = localOf(blocking)
        if (local instanceof WinsockErrors.WinsockError) return local
        const socket = blocking.socket as SocketHandle
        const provider = providerOf(
          engine,
          NetAddress.isInetAddressV6(address) ? AF_INET6 : AF_INET,
          SOCK_DGRAM,
          socket
        )
        const at = provider.addressOf("WSARecvMsg", socket)
        const WSARecvMsg = provider.get("WSARecvMsg", socket)
        if (at === undefined || WSARecvMsg === undefined) {
          return extensionMissing(engine, "WSARecvMsg", "datagram")
        }
        return (datagrams = new Datagrams(blocking, local, at, WSARecvMsg, maxMessageSize))
      })
    )
  })
