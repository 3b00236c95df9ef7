/** Effect's own services of names, over Winsock's. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as AddressResolver from "effect/net/AddressResolver"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import type { Reason, WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import type { Answer } from "./lookups.ts"
import { lookup } from "./lookups.ts"
import { queryOf, reverseQueryOf } from "./nameOptions.ts"
import { reverseLookup } from "./reverseLookups.ts"
import * as WinsockErrors from "../WinsockError.ts"

const reasons: { readonly [T in Reason["_tag"]]?: Dns.DnsErrorReason } = {
  HostNotFound: "NotFound",
  NoData: "NotFound",
  ServiceNotFound: "NotFound",
  TryAgain: "Temporary",
  TimedOut: "Timeout",
  NameServerFailed: "ServerFailure",
  QueryRefused: "Refused",
  InvalidName: "BadName",
  InvalidArgument: "BadName",
  NotSupported: "Unsupported"
}

const dnsError = (method: "lookup" | "reverse", hostname: string) => (cause: WinsockError) =>
  new Dns.DnsError({ reason: reasons[cause.reason._tag] ?? "Unknown", method, hostname, cause })

const ask = (engine: Engine, host: string, options: object): Effect.Effect<Answer, WinsockError> => {
  const query = queryOf(host, options)
  return WinsockErrors.isWinsockError(query) ? Effect.fail(query) : lookup(engine, query)
}

export const makeDns = (engine: Engine): Dns.Dns["Service"] =>
  Dns.make({
    lookup: (host, family) =>
      ask(engine, host, { family }).pipe(
        Effect.map(({ addresses }) => addresses.map(({ address }) => address)),
        Effect.mapError(dnsError("lookup", host))
      ),
    reverse: (address) => {
      const query = reverseQueryOf(address, { flags: ["nameRequired"] })
      return (WinsockErrors.isWinsockError(query) ? Effect.fail(query) : reverseLookup(engine, query)).pipe(
        Effect.map(({ host }) => [host]),
        Effect.mapError(dnsError("reverse", NetAddress.formatIp(address)))
      )
    }
  })

// GetAddrInfoExW knows interfaces by name where the system does
const scopeId =
  (engine: Engine): AddressResolver.ScopeIdLookup =>
  (zone) =>
    ask(engine, `fe80::1%${zone}`, { flags: ["numericHost"] }).pipe(
      Effect.map(({ addresses: [address] }) =>
        NetAddress.isInetAddressV6(address) && address.scopeId !== 0 ? Option.some(address.scopeId) : Option.none()
      ),
      Effect.catchReason("WinsockError", "HostNotFound", () => Effect.succeed(Option.none())),
      Effect.mapError((error) => new NetAddress.NetAddressError({ input: zone, message: error.message }))
    )

/**
 * Effect's own resolver, but for domain names: those keep the scopes of their link-local addresses, which Winsock tells
 * and `Dns.lookup` has no place for.
 */
export const makeAddressResolver = (engine: Engine): AddressResolver.AddressResolver["Service"] => {
  const usual = AddressResolver.make(makeDns(engine), { scopeId: scopeId(engine) })
  const resolve = (
    target: NetAddress.SocketAddress | Host.HostPortInput,
    options?: AddressResolver.ResolveOptions
  ): Effect.Effect<NonEmptyReadonlyArray<NetAddress.SocketAddress>, Dns.DnsError | NetAddress.NetAddressError> => {
    if (NetAddress.isUnixPathAddress(target) || NetAddress.isInetAddress(target)) return usual.resolve(target, options)
    return Effect.flatMap(Effect.fromResult(Host.hostPortFromInput(target)), (endpoint) => {
      const { host, port } = endpoint
      if (!Host.isDomainName(host)) return usual.resolve(endpoint, options)
      return ask(engine, host, { family: options?.family, service: port }).pipe(
        Effect.map(({ addresses }) => addresses),
        Effect.mapError(dnsError("lookup", host))
      )
    })
  }
  return AddressResolver.AddressResolver.of({
    resolve: resolve as AddressResolver.AddressResolver["Service"]["resolve"]
  })
}
