/** Questions about this machine's interfaces: what `Interfaces` asks, and how the answers are read. */
import * as InterfaceList from "@effect-winsock/schema/InterfaceList"
import {
  SIO_ADDRESS_LIST_CHANGE,
  SIO_ADDRESS_LIST_QUERY,
  SIO_GET_INTERFACE_LIST,
  SIO_ROUTING_INTERFACE_CHANGE,
  SIO_ROUTING_INTERFACE_QUERY
} from "@effect-winsock/schema/Ioctls"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSAEAFNOSUPPORT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ChangeOptions, Interface } from "../Interfaces.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress, isRecord, oneOf } from "./checks.ts"
import type { Engine } from "./engine.ts"
import type { Question } from "./ioctlSocket.ts"
import { acquire } from "./ioctlSocket.ts"

type Asked<A> = Question<A> | WinsockError

const refused = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument("WSAIoctl", option, value, expected)

// --- reading ---

// an address to bind to: any port
const anyPort = (address: NetAddress.InetAddress): NetAddress.InetAddress =>
  NetAddress.isInetAddressV6(address)
    ? Result.getOrThrow(NetAddress.inetAddressV6(address.address, 0, { scopeId: address.scopeId }))
    : NetAddress.inetAddressUnsafe(address.address, 0)

// Wine tells of addresses of the other family, and that an interface has none by the unspecified one
const readAddresses = (engine: Engine, family: NetAddress.IpFamily): Question<Addresses>["read"] => {
  const { abi } = engine.seam
  return (view, length, at) =>
    InterfaceList.readAddresses(abi, view, length, at)
      .filter((one) => NetAddress.familyOf(one) === family && !NetAddress.isUnspecified(one.address))
      .map(anyPort)
}

type Addresses = ReadonlyArray<NetAddress.InetAddress>

const interfaceOf = (info: InterfaceList.InterfaceInfo): Interface => {
  const has = (flag: number): boolean => (info.flags & flag) !== 0
  return {
    address: info.address,
    netmask: info.netmask,
    prefixLength: InterfaceList.prefixOf(info.netmask),
    broadcast: info.broadcast,
    isUp: has(InterfaceList.IFF_UP),
    isLoopback: has(InterfaceList.IFF_LOOPBACK),
    isPointToPoint: has(InterfaceList.IFF_POINTTOPOINT),
    canBroadcast: has(InterfaceList.IFF_BROADCAST),
    canMulticast: has(InterfaceList.IFF_MULTICAST)
  }
}

// undefined for what is no address
const readRoute = (view: DataView, length: number): NetAddress.InetAddress | undefined => {
  const name = SockAddr.read(view, 0, length)
  return name._tag === "Inet" ? anyPort(name.address) : undefined
}

// --- asking ---

// false or the error of an argument that is none
const currentOf = (options: ChangeOptions): boolean | WinsockError => {
  if (!isRecord(options)) return refused("options", options, "a record of options")
  const { current = false } = options
  return typeof current === "boolean" ? current : refused("current", current, "true or false")
}

const addressesOf = (
  engine: Engine,
  family: NetAddress.IpFamily,
  change: number,
  options: ChangeOptions
): Asked<Addresses> => {
  if (family !== "IPv4" && family !== "IPv6") return refused("family", family, oneOf(["IPv4", "IPv6"]))
  const current = currentOf(options)
  if (typeof current !== "boolean") return current
  return { family, query: SIO_ADDRESS_LIST_QUERY, change, read: readAddresses(engine, family), current }
}

const routeOf = (
  remote: NetAddress.InetAddress,
  change: number,
  options: ChangeOptions
): Asked<NetAddress.InetAddress | undefined> => {
  if (!NetAddress.isInetAddress(remote)) return refused("remote", remote, anAddress)
  const current = currentOf(options)
  if (typeof current !== "boolean") return current
  const write = (view: DataView): number => SockAddr.write(view, 0, remote)
  const family = NetAddress.familyOf(remote)
  return { family, query: SIO_ROUTING_INTERFACE_QUERY, change, write, read: readRoute, current }
}

const once = <A>(engine: Engine, asked: () => Asked<A>): Effect.Effect<A, WinsockError> =>
  Effect.scoped(
    Effect.suspend(() => {
      const question = asked()
      if (question instanceof WinsockErrors.WinsockError) return Effect.fail(question)
      return Effect.flatMap(acquire(engine, question), ({ next }) => next)
    })
  )

const again = <A>(engine: Engine, asked: () => Asked<A>): Stream.Stream<A, WinsockError> =>
  Stream.unwrap(
    Effect.suspend(() => {
      const question = asked()
      if (question instanceof WinsockErrors.WinsockError) return Effect.fail(question)
      return Effect.map(acquire(engine, question), ({ next }) => Stream.fromEffectRepeat(next))
    })
  )

const noAddress = (): Effect.Effect<never, WinsockError> =>
  Effect.fail(WinsockErrors.fromCode("WSAIoctl", WSAEAFNOSUPPORT))

const anAnswer = (route: NetAddress.InetAddress | undefined): Effect.Effect<NetAddress.InetAddress, WinsockError> =>
  route === undefined ? noAddress() : Effect.succeed(route)

const noOptions: ChangeOptions = {}

export const list = (engine: Engine): Effect.Effect<ReadonlyArray<Interface>, WinsockError> =>
  once(engine, () => ({
    family: "IPv4",
    query: SIO_GET_INTERFACE_LIST,
    change: 0,
    read: (view, length) => InterfaceList.readInterfaces(view, length).map(interfaceOf),
    current: true
  }))

export const addresses = (engine: Engine, family: NetAddress.IpFamily): Effect.Effect<Addresses, WinsockError> =>
  once(engine, () => addressesOf(engine, family, 0, noOptions))

export const changes = (
  engine: Engine,
  family: NetAddress.IpFamily,
  options: ChangeOptions
): Stream.Stream<Addresses, WinsockError> =>
  again(engine, () => addressesOf(engine, family, SIO_ADDRESS_LIST_CHANGE, options))

export const routeTo = (
  engine: Engine,
  remote: NetAddress.InetAddress
): Effect.Effect<NetAddress.InetAddress, WinsockError> =>
  Effect.flatMap(
    once(engine, () => routeOf(remote, 0, noOptions)),
    anAnswer
  )

export const routeChanges = (
  engine: Engine,
  remote: NetAddress.InetAddress,
  options: ChangeOptions
): Stream.Stream<NetAddress.InetAddress, WinsockError> =>
  Stream.mapEffect(
    again(engine, () => routeOf(remote, SIO_ROUTING_INTERFACE_CHANGE, options)),
    anAnswer
  )
