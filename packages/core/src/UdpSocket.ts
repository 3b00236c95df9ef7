/**
 * UDP sockets whose every wait can be interrupted without losing a datagram.
 *
 * @since 0.1.0
 */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { FIONBIO, SIO_UDP_CONNRESET, SIO_UDP_NETRESET } from "@effect-winsock/schema/Ioctls"
import { IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE, SO_REUSEADDR } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSA_NOT_ENOUGH_MEMORY, WSAEAFNOSUPPORT } from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Datagram } from "./Datagram.ts"
import type { DatagramOptions } from "./internal/datagrams.ts"
import { Datagrams } from "./internal/datagrams.ts"
import type { Engine } from "./internal/engine.ts"
import { datagramProvider } from "./internal/provider.ts"
import { anAddress } from "./internal/sends.ts"
import type { SocketHandle } from "./Seam.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"
import * as WinsockErrors from "./WinsockError.ts"

/**
 * How a socket is opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The largest datagram that is received whole, in bytes, 0 to 65,535. A longer one is cut, and says so. Each posted
   * receive holds that much memory.
   *
   * @default 65535
   */
  readonly maxMessageSize?: number | undefined
  /**
   * How many receives stay posted although no fiber waits, 0 to 1024: that many datagrams are taken from the kernel
   * ahead of demand. Those not taken when the socket closes are counted as discarded.
   *
   * @default 0
   */
  readonly lookAhead?: number | undefined
  /**
   * How many receives are in the kernel at most, 1 to 1024, however many fibers wait.
   *
   * @default 64
   */
  readonly maxPosted?: number | undefined
  /**
   * How many datagrams one `pull` gives at most, 1 to 4096.
   *
   * @default 64
   */
  readonly batch?: number | undefined
  /**
   * What a datagram larger than `maxMessageSize` becomes: a cut message that says `truncated`, or an error of reason
   * `MessageTooLarge`.
   *
   * @default "deliver"
   */
  readonly truncation?: "deliver" | "fail" | undefined
  /**
   * What an interruption of a waiting fiber does: cancel one operation (`CancelIoEx`), or close the whole socket,
   * which aborts all that wait on it, for providers without `CancelIoEx`. By default the first, except with a provider
   * whose sockets are no file handles (`XP1_IFS_HANDLES`).
   */
  readonly cancel?: "operation" | "close" | undefined
  /**
   * Whether other sockets may bind the same address and port (`SO_REUSEADDR`). By default a fixed port is exclusive
   * (`SO_EXCLUSIVEADDRUSE`): on Windows nobody can steal it then.
   *
   * @default false
   */
  readonly reuseAddress?: boolean | undefined
  /**
   * Whether an IPv6 socket refuses IPv4. With `false` an IPv6 wildcard socket takes both (dual stack), and IPv4 peers
   * have v4-mapped addresses.
   *
   * @default true
   */
  readonly ipv6Only?: boolean | undefined
  /**
   * Whether a send that met a dead peer or an expired TTL makes a later receive fail (`SIO_UDP_CONNRESET`,
   * `SIO_UDP_NETRESET`). By default it never breaks a receive loop.
   *
   * @default false
   */
  readonly peerErrors?: boolean | undefined
}

/**
 * A bound UDP socket. Its receives belong to it, not to the fibers that wait: an interrupted fiber leaves no message
 * behind, and messages are given out once, in the order in which they came.
 *
 * @category models
 * @since 0.1.0
 */
export interface UdpSocket {
  /** The address it is bound to; its port is never 0. */
  readonly address: NetAddress.InetAddress
  /**
   * Waits for the next datagram.
   *
   * Interrupting it cancels a receive that nobody needs any more (`CancelIoEx`), and ends when that has completed. A
   * datagram that came in between is the next one's.
   *
   * Fails with `OperationAborted` when the socket is closed meanwhile, with `SocketClosed` afterwards.
   */
  readonly receive: Effect.Effect<Datagram, WinsockError>
  /** Waits for at least one datagram and takes all that are ready, up to `Options.batch`. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Datagram>, WinsockError>
  /**
   * Sends one datagram, to `to` or to the peer of a connected socket. It is done when the provider has taken the
   * bytes; an interruption while it waits for room cancels it, and one that comes too late counts as sent.
   *
   * Fails with `MessageTooLarge` above the protocol's limit (65,507 bytes over IPv4).
   */
  readonly send: (payload: Uint8Array, to?: NetAddress.InetAddress) => Effect.Effect<void, WinsockError>
  /** Sets the only peer: the default of `send`, and the only one that is received from. Can be repeated. */
  readonly connect: (peer: NetAddress.InetAddress) => Effect.Effect<void, WinsockError>
}

interface Range {
  readonly least: number
  readonly most: number
  readonly default: number
}

const ranges = {
  maxMessageSize: { least: 0, most: 65_535, default: 65_535 },
  lookAhead: { least: 0, most: 1024, default: 0 },
  maxPosted: { least: 1, most: 1024, default: 64 },
  batch: { least: 1, most: 4096, default: 64 }
} as const satisfies Record<string, Range>

type Ranged = keyof typeof ranges

const choices = {
  truncation: ["deliver", "fail"],
  cancel: ["operation", "close"],
  reuseAddress: [true, false],
  ipv6Only: [true, false],
  peerErrors: [true, false]
} as const satisfies { readonly [K in Exclude<keyof Options, Ranged>]: ReadonlyArray<unknown> }

type Checked = { readonly [K in Ranged]: number }

const refuse = (operation: string, option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument(operation, option, value, expected)

const check = (address: NetAddress.InetAddress, options: Options): Checked | WinsockError => {
  if (!NetAddress.isInetAddress(address)) return refuse("bind", "address", address, anAddress)
  const checked: Record<string, number> = {}
  for (const [name, range] of Object.entries(ranges)) {
    const value = options[name as Ranged] ?? range.default
    if (!Number.isInteger(value) || value < range.least || value > range.most) {
      return refuse("WSASocketW", name, value, `an integer from ${range.least} to ${range.most}`)
    }
    checked[name] = value
  }
  for (const [name, allowed] of Object.entries(choices)) {
    const value = options[name as keyof typeof choices] ?? allowed[0]
    if (!(allowed as ReadonlyArray<unknown>).includes(value)) {
      return refuse("WSASocketW", name, value, allowed.map((one) => JSON.stringify(one)).join(" or "))
    }
  }
  return checked as Checked
}

/**
 * Opens a socket and binds it to `address`; port 0 takes any free port. Closing the scope cancels and drains what is
 * pending and closes it.
 *
 * Fails by reason: `InvalidArgument` for an option out of range, `AddressInUse`, `AddressNotAvailable`,
 * `PermissionDenied`, `NotSupported` for a family that the machine lacks, `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (Echoing datagrams)
 *
 * ```ts
 * import * as UdpSocket from "@effect-winsock/core/UdpSocket"
 * import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const echo = Effect.gen(function*() {
 *   const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
 *   while (true) {
 *     const message = yield* socket.receive
 *     yield* socket.send(message.payload, message.from)
 *   }
 * }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = (
  address: NetAddress.InetAddress,
  options: Options = {}
): Effect.Effect<UdpSocket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return Effect.map(
      Effect.acquireRelease(
        Effect.suspend(() => {
          const opened = open(engine, address, options)
          return WinsockErrors.isWinsockError(opened) ? Effect.fail(opened) : Effect.succeed(opened)
        }),
        ({ datagrams }) => Effect.callback<void>((resume) => datagrams.close(() => resume(Effect.void)))
      ),
      ({ batch, bound, datagrams }) => make(engine, datagrams, bound, batch)
    )
  })

const make = (engine: Engine, datagrams: Datagrams, address: NetAddress.InetAddress, batch: number): UdpSocket => ({
  address,
  receive: datagrams.receive,
  pull: datagrams.pull(batch),
  send: (payload, to) => datagrams.sends.send(payload, to),
  connect: (peer) =>
    Effect.suspend(() => {
      const { scratch } = engine
      const { socket } = datagrams
      if (!NetAddress.isInetAddress(peer)) return Effect.fail(refuse("connect", "peer", peer, anAddress))
      if (!datagrams.isOpen() || socket === -1) return Effect.fail(WinsockErrors.socketClosed("connect"))
      const length = SockAddr.write(scratch.view, 0, peer)
      return engine.calls.connect(socket, scratch.address, length) === 0
        ? Effect.void
        : Effect.fail(engine.lastError("connect"))
    })
})

interface Opened {
  readonly datagrams: Datagrams
  readonly bound: NetAddress.InetAddress
  readonly batch: number
}

// in one step, without an effect: Effect may yield between any two, and the layer be released meanwhile
const open = (engine: Engine, address: NetAddress.InetAddress, options: Options): Opened | WinsockError => {
  const { calls } = engine
  const checked = check(address, options)
  if (WinsockErrors.isWinsockError(checked)) return checked
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const family = NetAddress.isInetAddressV4(address) ? AF_INET : AF_INET6
  const socket = calls.WSASocketW(
    family,
    SOCK_DGRAM,
    IPPROTO_UDP,
    0,
    0,
    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  )
  if (socket === -1) return engine.lastError("WSASocketW")
  const opened = prepare(engine, socket, family, address, options, checked)
  // an engine that has the SOCKET is the one that closes it
  if (WinsockErrors.isWinsockError(opened)) calls.closesocket(socket)
  return opened
}

const prepare = (
  engine: Engine,
  socket: SocketHandle,
  family: number,
  address: NetAddress.InetAddress,
  options: Options,
  checked: Checked
): Opened | WinsockError => {
  const provider = datagramProvider(engine, family, socket)
  if (provider === undefined) return engine.lastError("WSAIoctl")
  const failed = configure(engine, socket, address, options)
  if (failed !== undefined) return engine.lastError(failed)
  const bound = localAddress(engine, socket)
  if (bound === undefined) return engine.lastError("getsockname")
  const key = engine.reserve()
  if (engine.calls.CreateIoCompletionPort(socket, engine.port, key, 0) === 0) {
    const error = engine.lastError("CreateIoCompletionPort")
    engine.unreserve(key)
    return error
  }
  const { batch, ...ranged } = checked
  const datagramOptions: DatagramOptions = {
    ...ranged,
    controlSize: 0,
    cancel: options.cancel ?? (provider.ifsHandles ? "operation" : "close"),
    truncation: options.truncation ?? "deliver"
  }
  try {
    return { datagrams: new Datagrams(engine, socket, provider, datagramOptions, key), bound, batch }
  } catch {
    // all that it throws for
    engine.unreserve(key)
    return WinsockErrors.fromCode("WSASocketW", WSA_NOT_ENOUGH_MEMORY)
  }
}

// the calls that make a socket ready, in their order; the first that fails is named
const configure = (
  engine: Engine,
  socket: SocketHandle,
  address: NetAddress.InetAddress,
  options: Options
): string | undefined => {
  const { calls, scratch } = engine
  const setOption = (level: number, option: number, value: number): boolean => {
    scratch.view.setUint32(0, value, true)
    return calls.setsockopt(socket, level, option, scratch.address, 4) === 0
  }
  const ioctl = (code: number, value: number): boolean => {
    scratch.view.setUint32(0, value, true)
    return calls.WSAIoctl(socket, code, scratch.address, 4, 0, 0, scratch.address + 8, 0, 0) === 0
  }
  // the JS thread must never wait in a call
  scratch.view.setUint32(0, 1, true)
  if (calls.ioctlsocket(socket, FIONBIO, scratch.address) !== 0) return "ioctlsocket"
  if (NetAddress.isInetAddressV6(address)) {
    if (!setOption(IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only === false ? 0 : 1)) return "setsockopt"
  }
  if (options.reuseAddress === true) {
    if (!setOption(SOL_SOCKET, SO_REUSEADDR, 1)) return "setsockopt"
  } else if (address.port !== 0 && !setOption(SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)) return "setsockopt"
  // a provider that does not know these never makes such reports
  if (options.peerErrors !== true) {
    ioctl(SIO_UDP_CONNRESET, 0)
    ioctl(SIO_UDP_NETRESET, 0)
  }
  const length = SockAddr.write(scratch.view, 0, address)
  return calls.bind(socket, scratch.address, length) === 0 ? undefined : "bind"
}

const localAddress = (engine: Engine, socket: SocketHandle): NetAddress.InetAddress | undefined => {
  const { calls, scratch } = engine
  const capacity = 128
  scratch.view.setInt32(capacity, capacity, true)
  if (calls.getsockname(socket, scratch.address, scratch.address + capacity) !== 0) return undefined
  const name = SockAddr.read(scratch.view, 0, Math.min(scratch.view.getInt32(capacity, true), capacity))
  if (name._tag === "Inet") return name.address
  calls.WSASetLastError(WSAEAFNOSUPPORT)
  return undefined
}
