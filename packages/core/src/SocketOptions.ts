/**
 * Socket options and control codes by name, with the type that each value has. One table says what there is
 * (`OptionTable` and `IoctlTable` of the schema package; docs/options.md shows it): a name that is not for the socket, a
 * value of another type, or reading what can only be written is a type error, and `InvalidArgument` at run time.
 *
 * **Details**
 *
 * Names that begin with `IPV6_` are for IPv6 sockets. `MCAST_JOIN_GROUP` and the like stand for the option of the socket's
 * own family.
 *
 * What the system lacks, or does not have on this socket, fails as Windows documents it: `NotSupported` for
 * `WSAENOPROTOOPT` (the option is unknown) and `WSAEOPNOTSUPP` (the control code is), `InvalidCall` for `WSAEINVAL` (the
 * option is for other sockets, or not to be set now). The meaning names the option.
 *
 * Some settings are the library's own on the sockets that it opens, for another hand at them would break what it promises:
 * messages whole, nothing torn, the thread never blocked. These are refused with `InvalidArgument`, which says what to
 * do instead.
 *
 * @since 0.1.0
 */
import type * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import type * as OptionTable from "@effect-winsock/schema/OptionTable"
import type * as Effect from "effect/Effect"
import type { Live } from "./internal/liveSocket.ts"
import * as internal from "./internal/socketOptions.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * The kinds of socket that options are for.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketKind = OptionTable.SocketKind

/**
 * A socket that this library opened: `UdpSocket`, `TcpSocket`, `TcpServer`, `UnixSocket`, `UnixServer`, those of
 * `BlockingSocket`, and `Winsock2.Socket`. Of a socket whose kind is not known by its type every name is accepted.
 *
 * A `Winsock2.Socket` is the program's to configure: nothing is kept from it, but `FIONBIO` off and an `SO_LINGER` with a
 * time are refused as `Winsock2` does, for a call would wait on the JavaScript thread.
 *
 * @category models
 * @since 0.1.0
 */
export type Socket<Kind extends SocketKind = SocketKind> = Live<Kind>

/**
 * The value of an option.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Value<N extends OptionTable.Name> = OptionTable.ValueOf<N>

// a socket of any kind may have any of them
type For<Kind extends SocketKind, N, Of extends SocketKind, Otherwise> = [SocketKind] extends [Kind]
  ? N
  : [Kind] extends [Of]
    ? Otherwise
    : never

/**
 * The options that can be read of a kind of socket.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Readable<Kind extends SocketKind> = {
  readonly [N in OptionTable.Readable]: For<Kind, N, OptionTable.SocketsOf<N>, N>
}[OptionTable.Readable]

/**
 * The options that can be written of a kind of socket.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Writable<Kind extends SocketKind> = {
  readonly [N in OptionTable.Writable]: For<Kind, N, OptionTable.SocketsOf<N>, N extends OptionTable.Kept ? never : N>
}[OptionTable.Writable]

/**
 * The control codes of a kind of socket.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Ioctls<Kind extends SocketKind> = {
  readonly [N in IoctlTable.Name]: For<Kind, N, IoctlTable.SocketsOf<N>, N extends IoctlTable.Kept ? never : N>
}[IoctlTable.Name]

/**
 * The value of an option (`getsockopt`).
 *
 * Fails with `InvalidArgument` for a name that is none or not for this kind of socket, `SocketClosed`, and as the module
 * says for what the system does not have; `NotConnected` where the option needs a peer.
 *
 * **Example** (How long a connection has been)
 *
 * ```ts
 * import { SocketOptions, type TcpSocket } from "@effect-winsock/core"
 *
 * const age = (tcp: TcpSocket.TcpSocket) => SocketOptions.get(tcp, "SO_CONNECT_TIME") // number | "never"
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export const get: <Kind extends SocketKind, N extends Readable<Kind>>(
  socket: Socket<Kind>,
  name: N
) => Effect.Effect<Value<N>, WinsockError> = internal.get

/**
 * Sets an option (`setsockopt`). The value is read once, when the effect is run.
 *
 * Fails with `InvalidArgument` for a value out of range, with the option and the value, and as `get` does. A setting that
 * the library keeps to itself is refused that way too.
 *
 * **Example** (A time to live, and a group)
 *
 * ```ts
 * import { SocketOptions, type UdpSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const near = (socket: UdpSocket.UdpSocket, group: NetAddress.Ipv4Address) =>
 *   Effect.gen(function*() {
 *     yield* SocketOptions.set(socket, "IP_MULTICAST_TTL", 1)
 *     yield* SocketOptions.set(socket, "IP_ADD_MEMBERSHIP", { imr_multiaddr: group, imr_interface: 0 })
 *   })
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export const set: <Kind extends SocketKind, N extends Writable<Kind>>(
  socket: Socket<Kind>,
  name: N,
  value: Value<N>
) => Effect.Effect<void, WinsockError> = internal.set

/**
 * Whether the provider has an option on this socket: whether `getsockopt` knows it. Of an option that can only be written,
 * and of one whose kind of socket this is not, that says `false` only where the table does.
 *
 * Fails with `InvalidArgument` for a name that is none, and with `SocketClosed`.
 *
 * **Example** (Whether the system can join datagrams)
 *
 * ```ts
 * import { SocketOptions, type UdpSocket } from "@effect-winsock/core"
 *
 * const joins = (socket: UdpSocket.UdpSocket) => SocketOptions.supported(socket, "UDP_RECV_MAX_COALESCED_SIZE")
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export const supported: (socket: Socket, name: OptionTable.Name) => Effect.Effect<boolean, WinsockError> =
  internal.supported

/**
 * Makes a call with a control code (`WSAIoctl`), not overlapped: it answers at once. The input is read once, when the
 * effect is run.
 *
 * Fails as `set` does.
 *
 * **Example** (Keep-alive, and what waits to be read)
 *
 * ```ts
 * import { SocketOptions, type TcpSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const watch = (tcp: TcpSocket.TcpSocket) =>
 *   Effect.gen(function*() {
 *     const times = { onoff: true, keepalivetime: 60_000, keepaliveinterval: 1000 }
 *     yield* SocketOptions.ioctl(tcp, "SIO_KEEPALIVE_VALS", times)
 *     return yield* SocketOptions.ioctl(tcp, "FIONREAD")
 *   })
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export const ioctl: <Kind extends SocketKind, N extends Ioctls<Kind>>(
  socket: Socket<Kind>,
  name: N,
  ...input: IoctlTable.InputOf<N> extends void ? [] : [input: IoctlTable.InputOf<N>]
) => Effect.Effect<IoctlTable.OutputOf<N>, WinsockError> = internal.ioctl
