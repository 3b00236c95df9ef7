/**
 * Effect's own `DatagramSocket` (effect/socket) over `UdpSocket`: a program that was written for `NodeDatagramSocket` of
 * @effect/platform-node runs on Winsock with only its layer, or its constructor, changed.
 *
 * **Details**
 *
 * What it does besides: an interrupted write is cancelled, and does not go on; an answer leaves from the address that was
 * asked; names are looked up without a thread of Node's; and everything that `UdpSocket` can is within reach: its
 * options, the control data of what came (`Datagram`) and of what is sent (`OutgoingDatagram`), and the socket itself
 * (`Reader.socket`). Code that knows only of effect/socket's types need not know of any of it.
 *
 * As with every `DatagramSocket` the reader owns the socket: a client that only sends must acquire one, too, or its writes
 * wait. While a reader is open it receives, into a queue that is bounded, whether somebody pulls or not.
 *
 * Where something was reported that no write is left to fail of, a port unreachable of a connected socket, `onError` hears
 * of it and the reader goes on. What `Datagram`s there are in the queue comes before an error that ends the reader.
 *
 * **Example** (An echo server)
 *
 * ```ts
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { WinsockDatagramSocket } from "@effect-winsock/platform"
 * import { Effect, Layer } from "effect"
 * import { DatagramSocket } from "effect/socket"
 *
 * const echo = Effect.gen(function*() {
 *   const socket = yield* DatagramSocket.DatagramSocket
 *   const reader = yield* socket.reader
 *   const writer = yield* socket.writer
 *   while (true) {
 *     for (const received of yield* reader.pull) yield* writer.write(received)
 *   }
 * }).pipe(Effect.scoped)
 *
 * const layer = WinsockDatagramSocket.layer({ bind: { port: 9000 } }).pipe(Layer.provide(MockWinsock.layer()))
 *
 * const main = Effect.provide(echo, layer)
 * ```
 *
 * @since 0.1.0
 */
import type { Datagram as Message } from "@effect-winsock/core/Datagram"
import type * as SocketOptions from "@effect-winsock/core/SocketOptions"
import type * as UdpSocket from "@effect-winsock/core/UdpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import * as opening from "./internal/datagramOpen.ts"
import * as internal from "./internal/datagramSocket.ts"

/**
 * A host and a port. A name is looked up once per reader (`Names.lookup`); an `InetAddress` is one, too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly address: string | NetAddress.IpAddress
  /** 0 to 65,535. */
  readonly port: number
}

/**
 * Where to bind. By default every address of the machine, of the family that is chosen, and a port that is free.
 *
 * @category models
 * @since 0.1.0
 */
export interface BindOptions {
  readonly address?: string | NetAddress.IpAddress | undefined
  /** @default 0 */
  readonly port?: number | undefined
}

/**
 * How a socket is opened: the options of `NodeDatagramSocket` by the same names, and those of `UdpSocket.Options`.
 *
 * **Details**
 *
 * `peer` is where datagrams without an address go; `connect` makes it the only one that is received from, too, and
 * reports of dead peers `onError`'s (`peerErrors`). They exclude each other.
 *
 * The family is the first there is of: `family`, that of an address in `bind`, that of `peer` or `connect`, that of a name
 * in `bind`, and IPv4. Names are looked up in the family that is chosen by then; where none is, IPv4 is preferred.
 *
 * Some options have other defaults than with `UdpSocket.bind`: `ipv6Only` is `false`, as it is for Node; `peerErrors` is
 * `true` with `connect`; and a socket of all addresses has `control: ["packetInfo"]`, so that answers leave from the
 * address that was asked. `reusePort` is something that Winsock does not have: acquiring the reader fails with
 * `DatagramSocketUnsupportedError`.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = Omit<UdpSocket.Options, "ipv6Only" | "peerErrors" | "control"> & {
  readonly bind?: BindOptions | undefined
  readonly family?: "ipv4" | "ipv6" | undefined
  readonly reusePort?: boolean | undefined
  /** @default false */
  readonly ipv6Only?: boolean | undefined
  /** As `UdpSocket.Options` has it. @default whether it is connected */
  readonly peerErrors?: boolean | undefined
  /** As `UdpSocket.Options` has it. By default `["packetInfo"]` on a socket of all addresses. */
  readonly control?: UdpSocket.Options["control"]
  /** `SO_RCVBUF`, in bytes: 0 to 2^31 - 1. */
  readonly kernelReceiveBufferSize?: number | undefined
  /** `SO_SNDBUF`, in bytes: 0 to 2^31 - 1. */
  readonly kernelSendBufferSize?: number | undefined
  /** Time to live, or hop limit, of what goes to single addresses: 1 to 255 (`IP_TTL`, `IPV6_UNICAST_HOPS`). */
  readonly ttl?: number | undefined
  /** `multicastInterface`, `multicastLoopback` and `multicastHops` by Node's names, which come first. */
  readonly multicast?:
    | {
        readonly interface?: NetAddress.MulticastInterface | undefined
        readonly loopback?: boolean | undefined
        readonly ttl?: number | undefined
      }
    | undefined
  /** Any other options of the table (docs/options.md), set in this order when the socket is bound. */
  readonly socketOptions?:
    | { readonly [N in SocketOptions.Writable<"udp">]?: SocketOptions.Value<N> | undefined }
    | undefined
  readonly receiveBuffer?: DatagramSocket.ReceiveBufferOptions | undefined
  /** What is told of errors that end nothing. What it throws is ignored. */
  readonly onError?: ((error: DatagramSocket.DatagramSocketError) => void) | undefined
} & (
    | { readonly peer?: Endpoint | undefined; readonly connect?: undefined }
    | { readonly connect: Endpoint; readonly peer?: undefined }
  )

/**
 * What can be said of a socket that the program opened itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface FromSocketOptions {
  /** Where datagrams without an address go, unless the socket is connected. */
  readonly peer?: Endpoint | undefined
  readonly receiveBuffer?: DatagramSocket.ReceiveBufferOptions | undefined
  readonly onError?: ((error: DatagramSocket.DatagramSocketError) => void) | undefined
}

/**
 * A received datagram: effect/socket's, and all that the kernel told of it. `address` and `control` are decoded when they
 * are first asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagram extends DatagramSocket.Datagram {
  /** Control data, as far as `Options.control` asks for it: `packetInfo`, `hopLimit`, `ecn`, ... */
  readonly control: Message["control"]
  /** The datagram as `UdpSocket` gave it: flags, whether it was cut, to a group, to everybody. */
  readonly message: Message
}

/**
 * A datagram to send: effect/socket's, with what can be said of a single one. A received datagram as `address`, or as
 * the whole, is answered, or echoed, from the address that it came to. A connected socket sends to its peer only, and
 * refuses an `InetAddress`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutgoingDatagram {
  /** A string is sent as UTF-8; several pieces are one datagram. */
  readonly payload: UdpSocket.Payload | string
  readonly address?: NetAddress.InetAddress | DatagramSocket.Datagram | undefined
  /** Source address, hop limit, ECN, size of segments, ... for this one. */
  readonly options?: UdpSocket.SendOptions | undefined
}

/**
 * The side that receives.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reader extends DatagramSocket.Reader {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Datagram>, DatagramSocket.DatagramSocketError>
  /**
   * The socket beneath, for its capabilities, groups and options. What it is told to receive is lost to `pull`.
   */
  readonly socket: UdpSocket.UdpSocket
}

/**
 * The side that sends. An interrupted write that waits for room is cancelled; one that comes too late counts as sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  readonly write: (datagram: OutgoingDatagram) => Effect.Effect<void, DatagramSocket.DatagramSocketError>
  /** Sends in order. When one fails, those before it were sent and those after it were not. */
  readonly writeAll: (
    datagrams: NonEmptyReadonlyArray<OutgoingDatagram>
  ) => Effect.Effect<void, DatagramSocket.DatagramSocketError>
}

/**
 * effect/socket's `DatagramSocket` that tells more, and can be told more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Socket extends DatagramSocket.DatagramSocket {
  readonly reader: Effect.Effect<Reader, DatagramSocket.DatagramSocketError, Scope.Scope>
  readonly writer: Effect.Effect<Writer, never, Scope.Scope>
}

/**
 * Whether a datagram is one of this adapter's, for code that has effect/socket's service only.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDatagram = (u: unknown): u is Datagram => u instanceof internal.Received

/**
 * Makes a socket that is opened anew for each reader. Nothing can fail before a reader is acquired; that fails with
 * `DatagramSocketOpenError` (`AddressInUse`, `AddressNotAvailable`, which a name without an address is too,
 * `PermissionDenied`, `Unknown`), whose `cause` is the `WinsockError`. An interruption of it ends at once; the next reader
 * waits until what was begun is closed.
 *
 * A `receiveBuffer.capacity` that is no positive integer, and a `strategy` that is none, is a defect.
 *
 * **Example** (Where a datagram came to, and an answer that is marked)
 *
 * ```ts
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { WinsockDatagramSocket } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 *
 * const answer = Effect.gen(function*() {
 *   const socket = yield* WinsockDatagramSocket.make({ bind: { port: 53 }, control: ["packetInfo", "ecn"] })
 *   const reader = yield* socket.reader
 *   const writer = yield* socket.writer
 *   const [query] = yield* reader.pull
 *   yield* Effect.log(query.control)
 *   yield* writer.write({ payload: "an answer", address: query, options: { ecn: 2 } })
 * }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Socket, never, Winsock> =>
  made(opening.open(options), options)

/**
 * Makes a socket of one that the program opens and configures itself, anew for each reader. `acquire` runs in the reader's
 * scope: a socket that it binds is closed with it. One that it takes from elsewhere is left open, and received from while
 * there is a reader.
 *
 * **Example** (A socket of the program's own)
 *
 * ```ts
 * import { UdpSocket } from "@effect-winsock/core"
 * import { WinsockDatagramSocket } from "@effect-winsock/platform"
 * import { NetAddress } from "effect/net"
 *
 * const any = NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 5353)
 *
 * const socket = WinsockDatagramSocket.fromSocket(UdpSocket.bind(any, { reuseAddress: true, lookAhead: 16 }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket = <R>(
  acquire: Effect.Effect<UdpSocket.UdpSocket, DatagramSocket.DatagramSocketError | WinsockError, R>,
  options: FromSocketOptions = {}
): Effect.Effect<Socket, never, Exclude<R, Scope.Scope> | Winsock> => made(opening.adopt(acquire, options), options)

/**
 * Layer that provides effect/socket's `DatagramSocket`, as `make` makes it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<DatagramSocket.DatagramSocket, never, Winsock> =>
  Layer.effect(DatagramSocket.DatagramSocket, make(options))

const made = <R>(
  open: Effect.Effect<opening.Opened, DatagramSocket.DatagramSocketError, R>,
  { onError, receiveBuffer }: FromSocketOptions
): Effect.Effect<Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.suspend(() => {
    const { capacity = 1024, strategy = "dropping" } = receiveBuffer ?? {}
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`receiveBuffer.capacity is ${String(capacity)} and must be a positive integer`)
    }
    if (strategy !== "dropping" && strategy !== "sliding") {
      throw new RangeError(`receiveBuffer.strategy is ${String(strategy)} and must be "dropping" or "sliding"`)
    }
    return internal.make(open, { capacity, sliding: strategy === "sliding", onError })
  })
