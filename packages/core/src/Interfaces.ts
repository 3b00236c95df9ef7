/**
 * This machine's interfaces and addresses, the address that it would reach another machine from, and changes of both:
 * `WSAIoctl`, overlapped. Each question, and each stream of changes, has a SOCKET of its own that nobody else sees, and
 * that is closed when it has its answer or is no longer wanted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as internal from "./internal/interfaces.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * An IPv4 address of an interface, as `INTERFACE_INFO` tells of it; an interface with two addresses is two of these.
 * Source: `ws2ipdef.h`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Interface {
  readonly address: NetAddress.Ipv4Address
  readonly netmask: NetAddress.Ipv4Address
  /** How many ones the netmask begins with, 0 to 32; undefined where ones follow after a zero. */
  readonly prefixLength: number | undefined
  /** Where broadcasts go, as the provider tells it: Windows says 255.255.255.255 of every interface. */
  readonly broadcast: NetAddress.Ipv4Address
  /** `IFF_UP` */
  readonly isUp: boolean
  /** `IFF_LOOPBACK` */
  readonly isLoopback: boolean
  /** `IFF_POINTTOPOINT` */
  readonly isPointToPoint: boolean
  /** `IFF_BROADCAST` */
  readonly canBroadcast: boolean
  /** `IFF_MULTICAST` */
  readonly canMulticast: boolean
}

/**
 * How changes are told.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChangeOptions {
  /**
   * Whether the first element is how things are when the stream begins, before any change.
   *
   * @default false
   */
  readonly current?: boolean | undefined
}

/**
 * The IPv4 addresses of all interfaces, loopback too (`SIO_GET_INTERFACE_LIST`). Windows has no such list for IPv6: see
 * `addresses`.
 *
 * Interrupting it cancels the call (`CancelIoEx`), and ends when that was seen to end. Fails with `SocketClosed` once the
 * layer is released, with `OperationAborted` while it is being released, and with `NetworkDown`, `NoBufferSpace`,
 * `OutOfMemory`. Source: "Winsock IOCTLs".
 *
 * **Example** (The networks of this machine)
 *
 * ```ts
 * import { Interfaces } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const program = Effect.map(Interfaces.list, (list) =>
 *   list.map(({ address, prefixLength }) => `${NetAddress.formatIp(address)}/${prefixLength}`)
 * ).pipe(Effect.provide(MockWinsock.layerLoopback))
 *
 * console.log(await Effect.runPromise(program)) // [ '127.0.0.1/8' ]
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<Interface>, WinsockError, Winsock> = Effect.flatMap(Winsock, (winsock) =>
  internal.list(winsock[EngineKey])
)

/**
 * The addresses of a family that a socket can be bound to (`SIO_ADDRESS_LIST_QUERY`), each with port 0, and link-local
 * IPv6 ones with their scope. Loopback is not among them.
 *
 * Interrupting it cancels the call. Fails with `InvalidArgument` for a family that is none, with `NotSupported` where the
 * family is not installed, and as `list` does. Wine tells no IPv6 addresses. Source: the page of `SIO_ADDRESS_LIST_QUERY`.
 *
 * @category getters
 * @since 0.1.0
 */
export const addresses = (
  family: NetAddress.IpFamily
): Effect.Effect<ReadonlyArray<NetAddress.InetAddress>, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => internal.addresses(winsock[EngineKey], family))

/**
 * The addresses of a family after each change of them (`SIO_ADDRESS_LIST_CHANGE`, then `addresses`), from the moment in
 * which the stream is run.
 *
 * No change is missed: the wait for the next one is in the kernel before the addresses are asked for. Changes in quick
 * succession, and those that come while the consumer is busy, are one element, which has them all; and an element may
 * equal the one before it, for the system tells that something changed, not what.
 *
 * While nobody waits for an element, nothing keeps the process alive. Ending the stream, in whatever way, cancels the
 * wait (`CancelIoEx`), sees it end, and closes the SOCKET. Fails as `addresses` does.
 *
 * **Example** (Following the addresses)
 *
 * ```ts
 * import { Interfaces } from "@effect-winsock/core"
 * import { Effect, Stream } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const follow = Interfaces.changes("IPv4", { current: true }).pipe(
 *   Stream.map((addresses) => addresses.map(({ address }) => NetAddress.formatIp(address)).join(", ")),
 *   Stream.runForEach((line) => Effect.log(line))
 * )
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const changes = (
  family: NetAddress.IpFamily,
  options: ChangeOptions = {}
): Stream.Stream<ReadonlyArray<NetAddress.InetAddress>, WinsockError, Winsock> =>
  Stream.unwrap(Effect.map(Winsock, (winsock) => internal.changes(winsock[EngineKey], family, options)))

/**
 * The local address that a datagram to `remote` would leave from (`SIO_ROUTING_INTERFACE_QUERY`), with port 0: a socket
 * can be bound to it. Nothing is sent. The port of `remote` does not matter.
 *
 * Interrupting it cancels the call. Fails with `NetworkUnreachable` or `HostUnreachable` where no route leads there, with
 * `InvalidArgument` for what is no address, with `NotSupported` where the provider cannot tell (Wine, of IPv6), and as
 * `list` does. Source: "Winsock IOCTLs".
 *
 * @category getters
 * @since 0.1.0
 */
export const routeTo = (remote: NetAddress.InetAddress): Effect.Effect<NetAddress.InetAddress, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => internal.routeTo(winsock[EngineKey], remote))

/**
 * The local address that leads to `remote` after each change of it (`SIO_ROUTING_INTERFACE_CHANGE`, then `routeTo`), as
 * `changes` tells of addresses. Fails as `routeTo` does, also when a change leaves no route; with `NotSupported` on Wine.
 *
 * @category streams
 * @since 0.1.0
 */
export const routeChanges = (
  remote: NetAddress.InetAddress,
  options: ChangeOptions = {}
): Stream.Stream<NetAddress.InetAddress, WinsockError, Winsock> =>
  Stream.unwrap(Effect.map(Winsock, (winsock) => internal.routeChanges(winsock[EngineKey], remote, options)))
