/**
 * Names to addresses and back: `GetAddrInfoExW` and `GetNameInfoW`, without ever blocking the JS thread, and so that
 * every wait can be interrupted. Also Effect's own services of names, made of them.
 *
 * **Example** (Where a name leads)
 *
 * ```ts
 * import { Names } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const program = Effect.gen(function*() {
 *   const addresses = yield* Names.lookup("localhost", 80).pipe(Effect.timeout("3 seconds"))
 *   return addresses.map(NetAddress.formatInet)
 * }).pipe(Effect.provide(MockWinsock.layerLoopback))
 *
 * console.log(await Effect.runPromise(program)) // [ '[::1]:80', '127.0.0.1:80' ]
 * ```
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AddressResolver from "effect/net/AddressResolver"
import * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"
import * as lookups from "./internal/lookups.ts"
import * as options from "./internal/nameOptions.ts"
import * as resolver from "./internal/resolver.ts"
import * as reverseLookups from "./internal/reverseLookups.ts"
import { tracedLookup } from "./internal/spans.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"
import * as WinsockErrors from "./WinsockError.ts"

/**
 * What can be asked for with a lookup. Source: the page of `ADDRINFOEXW`.
 *
 * - `"passive"`: for binding; without a host the addresses are the wildcards, not loopback (`AI_PASSIVE`)
 * - `"canonicalName"`: the name that an alias stands for (`AI_CANONNAME`)
 * - `"fullyQualifiedName"`: the whole name that a single label stands for (`AI_FQDN`); not with `"canonicalName"`
 * - `"numericHost"`: the host is an address in numbers, nothing is looked up (`AI_NUMERICHOST`)
 * - `"numericService"`: the service is a port in numbers (`AI_NUMERICSERV`)
 * - `"addressConfig"`: only families of which this host has an address other than loopback (`AI_ADDRCONFIG`)
 * - `"v4Mapped"`: with family `"IPv6"`, IPv4 addresses in mapped form where there is no other (`AI_V4MAPPED`)
 * - `"all"`: with `"v4Mapped"`, the mapped ones besides the others (`AI_ALL`)
 * - `"dnsOnly"`: nobody but DNS is asked (`AI_DNS_ONLY`)
 * - `"bypassCache"`: DNS is asked though the answer is in the cache (`AI_BYPASS_DNS_CACHE`)
 * - `"fileServer"`: a hint that files are shared (`AI_FILESERVER`)
 * - `"noIdnEncoding"`: a name that is not ASCII is not converted (`AI_DISABLE_IDN_ENCODING`)
 *
 * @category models
 * @since 0.1.0
 */
export type LookupFlag = keyof typeof options.lookupFlags

/**
 * Who is asked. `"all"` are all providers that are installed; `"dns"` is DNS with what its client knows besides, the
 * hosts file and this host's names (`NS_ALL`, `NS_DNS`, `NS_NETBT`, `NS_WINS`).
 *
 * @category models
 * @since 0.1.0
 */
export type Namespace = keyof typeof options.namespaces

/**
 * How a name is looked up. An option that is none fails with `InvalidArgument` and its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface LookupOptions {
  /**
   * The family of the addresses.
   *
   * @default both
   */
  readonly family?: NetAddress.IpFamily | undefined
  /**
   * The port of the addresses, as a number, or the name of a service, such as `"https"`.
   *
   * @default 0
   */
  readonly service?: number | string | undefined
  /** For which sockets; matters for a service by name. By default for all. */
  readonly socketType?: "stream" | "datagram" | undefined
  /** @default [] */
  readonly flags?: ReadonlyArray<LookupFlag> | undefined
  /** @default "all" */
  readonly namespace?: Namespace | undefined
  /**
   * How long the provider tries, 1 millisecond to 24 days; it then fails with `TimedOut`. Wine ignores it: there, and
   * everywhere, `Effect.timeout` ends the wait.
   *
   * @default the provider's own
   */
  readonly timeout?: Duration.Input | undefined
}

/**
 * What a lookup found.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressInfo {
  /** Each address once, in the order in which they should be tried. IPv6 addresses have their scopes. */
  readonly addresses: NonEmptyReadonlyArray<NetAddress.InetAddress>
  /** The name that was asked for with `"canonicalName"` or `"fullyQualifiedName"`. */
  readonly canonicalName: string | undefined
}

/**
 * Looks a host up (`GetAddrInfoExW`, overlapped). `host` is a name, in any script, or an address in numbers, with or
 * without a scope; `""` is this host, and without it the addresses are this host's loopback ones, or the wildcards with
 * `"passive"`.
 *
 * An interruption cancels the lookup (`GetAddrInfoExCancel`), or takes it out of the line if it had no turn. It ends when
 * the lookup has, after `Winsock.Options.cancelGrace` at the latest; many providers go on with the work all the same.
 *
 * Fails by reason: `HostNotFound`, `NoData` (the name exists, without such an address), `TryAgain`, `NameServerFailed`,
 * `TimedOut` (with `timeout`), `ServiceNotFound`, `InvalidArgument` before any call, `NotSupported`, `OutOfMemory`,
 * `OperationAborted` when the layer is released meanwhile, `SocketClosed` afterwards. Source: the page of
 * `GetAddrInfoExW`.
 *
 * **Example** (What an alias stands for)
 *
 * ```ts
 * import { Names } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const info = yield* Names.addressInfo("www.example.org", { service: "https", flags: ["canonicalName"] })
 *   return info.canonicalName
 * }).pipe(
 *   Effect.catchReason("WinsockError", "HostNotFound", () => Effect.succeed(undefined))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const addressInfo = (
  host: string | undefined,
  lookupOptions?: LookupOptions
): Effect.Effect<AddressInfo, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => {
    const query = options.queryOf(host, lookupOptions)
    if (WinsockErrors.isWinsockError(query)) return Effect.fail(query)
    const engine = winsock[EngineKey]
    return tracedLookup(engine, "lookup", host, lookups.lookup(engine, query))
  })

/**
 * Looks up the addresses of a host and port, in the order in which they should be tried: what `TcpSocket.connect` takes.
 * Waits, ends and fails as `addressInfo` does.
 *
 * **Example** (Connecting to a name)
 *
 * ```ts
 * import { Names, TcpSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const program = Names.lookup("example.org", 80).pipe(
 *   Effect.flatMap((addresses) => TcpSocket.connect(addresses)),
 *   Effect.timeout("3 seconds")
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const lookup = (
  host: string,
  port = 0,
  lookupOptions?: Omit<LookupOptions, "service">
): Effect.Effect<NonEmptyReadonlyArray<NetAddress.InetAddress>, WinsockError, Winsock> =>
  Effect.map(addressInfo(host, { ...lookupOptions, service: port }), ({ addresses }) => addresses)

/**
 * How an address is told. Source: the page of `GetNameInfoW`.
 *
 * - `"nameRequired"`: an address without a name fails with `HostNotFound`; by default its numbers are its name
 *   (`NI_NAMEREQD`)
 * - `"numericHost"`: the host in numbers, nothing is looked up (`NI_NUMERICHOST`)
 * - `"numericService"`: the port in numbers (`NI_NUMERICSERV`)
 * - `"noDomain"`: of hosts in this host's domain, the first label only (`NI_NOFQDN`)
 * - `"datagram"`: the service is one of datagrams (`NI_DGRAM`)
 *
 * @category models
 * @since 0.1.0
 */
export type ReverseFlag = keyof typeof options.reverseFlags

/**
 * How an address is looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReverseOptions {
  /** @default [] */
  readonly flags?: ReadonlyArray<ReverseFlag> | undefined
}

/**
 * The names of an address and its port.
 *
 * @category models
 * @since 0.1.0
 */
export interface NameInfo {
  readonly host: string
  readonly service: string
}

/**
 * Looks up the names of an address and its port (`GetNameInfoW`, on a thread of its own,
 * `Winsock.Options.reverseLookups` at a time).
 *
 * The call cannot be cancelled. An interruption leaves it alone and ends at once; the call's place is taken until it
 * returns, and releasing the layer waits for it.
 *
 * Fails by reason: `HostNotFound` (with `"nameRequired"`), `TryAgain`, `NameServerFailed`, `InvalidArgument`,
 * `OutOfMemory`, `NoBufferSpace` when too many threads are busy, `OperationAborted` and `SocketClosed` as
 * `addressInfo`. Source: the page of `GetNameInfoW`.
 *
 * **Example** (Who is it?)
 *
 * ```ts
 * import { Names } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 80)
 * const program = Names.nameInfo(address).pipe(Effect.provide(MockWinsock.layerLoopback))
 *
 * console.log(await Effect.runPromise(program)) // { host: 'localhost', service: 'http' }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const nameInfo = (
  address: NetAddress.IpAddress | NetAddress.InetAddress,
  reverseOptions?: ReverseOptions
): Effect.Effect<NameInfo, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => {
    const query = options.reverseQueryOf(address, reverseOptions)
    return WinsockErrors.isWinsockError(query)
      ? Effect.fail(query)
      : tracedLookup(winsock[EngineKey], "nameInfo", address, reverseLookups.reverseLookup(winsock[EngineKey], query))
  })

/**
 * Looks up the name of an address; one that has none fails with `HostNotFound`. Waits, ends and fails as `nameInfo`
 * does. Names of addresses are hints: whoever owns the address chooses them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reverse = (
  address: NetAddress.IpAddress | NetAddress.InetAddress
): Effect.Effect<string, WinsockError, Winsock> =>
  Effect.map(nameInfo(address, { flags: ["nameRequired"] }), ({ host }) => host)

/**
 * Layer that provides Effect's own `Dns` over Winsock: `lookup` and `reverse`. `resolve`, which queries records, fails
 * with `Unsupported`: Winsock has no such function. The `cause` of a `DnsError` is the `WinsockError`.
 *
 * **Example** (A program that knows nothing of Winsock)
 *
 * ```ts
 * import { Names } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Layer } from "effect"
 * import { Dns } from "effect/net"
 *
 * const program = Effect.flatMap(Dns.Dns, (dns) => dns.lookup("localhost", { family: "IPv4" }))
 *
 * const layer = Names.layerDns.pipe(Layer.provide(MockWinsock.layerLoopback))
 *
 * const main = Effect.provide(program, layer)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDns: Layer.Layer<Dns.Dns, never, Winsock> = Layer.effect(
  Dns.Dns,
  Effect.map(Winsock, (winsock) => resolver.makeDns(winsock[EngineKey]))
)

/**
 * Layer that provides Effect's own `AddressResolver` over Winsock. Link-local addresses of domain names keep their
 * scopes, which the usual one has to leave out, and zones can be names of interfaces where the system knows them.
 *
 * **Example** (Resolving an endpoint)
 *
 * ```ts
 * import { Names } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Layer } from "effect"
 * import { AddressResolver } from "effect/net"
 *
 * const program = Effect.flatMap(AddressResolver.AddressResolver, (resolver) => resolver.resolve("localhost:8080"))
 *
 * const layer = Names.layerAddressResolver.pipe(Layer.provide(MockWinsock.layerLoopback))
 *
 * const main = Effect.provide(program, layer)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAddressResolver: Layer.Layer<AddressResolver.AddressResolver, never, Winsock> = Layer.effect(
  AddressResolver.AddressResolver,
  Effect.map(Winsock, (winsock) => resolver.makeAddressResolver(winsock[EngineKey]))
)
