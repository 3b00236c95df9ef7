/**
 * One table of all socket options: level, number, value, which sockets have it, whether it can be read and written, since
 * which Windows, and which the library keeps to itself on the sockets that it keeps promises about.
 *
 * Sources: the header of each row, and the pages of the options of each level. Which sockets have which option is what
 * Wine's tests saw on Windows (`test_sockopt_validity`), or else what the pages say.
 *
 * @since 0.1.0
 */
import { AF_INET6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP } from "./Flags.ts"
import type { OptionRow, SocketKind as Kind } from "./internal/optionRow.ts"
import { ipOptions } from "./internal/optionsIp.ts"
import { ipv6Options } from "./internal/optionsIpv6.ts"
import { socketOptions } from "./internal/optionsSocket.ts"
import { tcpOptions, udpOptions } from "./internal/optionsTransport.ts"
import type { OptionValue, ValueOf as Value } from "./OptionValue.ts"
import { WSAEINVAL, WSAENOPROTOOPT } from "./WsaError.ts"

/**
 * The kinds of socket that options are for. A `listener` is a TCP socket that listens.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketKind = Kind

/**
 * What is known of one option.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptionInfo {
  readonly name: Name
  readonly level: number
  readonly number: number
  readonly value: OptionValue<any>
  readonly sockets: ReadonlyArray<SocketKind>
  /** Whether `getsockopt`, `setsockopt` or both take it. */
  readonly access: "r" | "w" | "rw"
  /** The first Windows that has it, where that is later than Windows Vista. */
  readonly since: string | undefined
  /** The header that defines it. */
  readonly source: string
  /** Why the library does not let a program set it on its sockets, in words that complete "it must be ...". */
  readonly kept: string | undefined
}

type Rows = typeof socketOptions & typeof ipOptions & typeof ipv6Options & typeof udpOptions & typeof tcpOptions

/**
 * The names of all options, which are those of the headers.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof Rows

/**
 * The value of an option.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ValueOf<N extends Name> = Value<Rows[N]["value"]>

/**
 * The kinds of socket that have an option.
 *
 * @category utility types
 * @since 0.1.0
 */
export type SocketsOf<N extends Name> = Rows[N]["sockets"][number]

/**
 * The options that can be read.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Readable = { [N in Name]: Rows[N] extends OptionRow<any, any, "w", any> ? never : N }[Name]

/**
 * The options that can be written, whether or not the library keeps them to itself.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Writable = { [N in Name]: Rows[N] extends OptionRow<any, any, "r", any> ? never : N }[Name]

/**
 * The options whose setting the library keeps to itself.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Kept = { [N in Name]: Rows[N]["kept"] extends string ? N : never }[Name]

/**
 * Every option. Those of level `IPPROTO_IP` and `IPPROTO_IPV6` that have the same name stand in it twice.
 *
 * @category constants
 * @since 0.1.0
 */
export const table: ReadonlyArray<OptionInfo> = [socketOptions, ipOptions, ipv6Options, udpOptions, tcpOptions].flatMap(
  (level) =>
    Object.entries<OptionRow<any, SocketKind, "r" | "w" | "rw", string | undefined>>(level).map(([name, row]) =>
      Object.assign({ name: name as Name }, row)
    )
)

// no level is above 0xffff and no number is beyond 16 bits signed
const key = (level: number, number: number): number => level * 0x1_0000 + (number & 0xffff)

const byKey: ReadonlyMap<number, OptionInfo> = new Map(table.map((info) => [key(info.level, info.number), info]))

const byName: ReadonlyMap<string, ReadonlyArray<OptionInfo>> = Map.groupBy(table, ({ name }) => name)

/**
 * Returns what is known of an option, or `undefined` for one that is not in `table`.
 *
 * @category getters
 * @since 0.1.0
 */
export const infoOf = (level: number, number: number): OptionInfo | undefined => {
  const info = byKey.get(key(level, number))
  return info?.number === number ? info : undefined
}

/**
 * Returns the option of a name, or `undefined` where there is none. Where both levels of IP have the name it is the one of
 * the socket's address family.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (name: string, family: number): OptionInfo | undefined => {
  const found = byName.get(name)
  if (found === undefined || found.length === 1) return found?.[0]
  const level = family === AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP
  return found.find((info) => info.level === level)
}

/**
 * Returns the code with which Windows answers for an option that a socket does not have, or that cannot be read or
 * written: `WSAENOPROTOOPT`, or `WSAEINVAL` for an option of IP on a socket of the wrong type. 0 says that it has it.
 *
 * IPv4's options are there on IPv6 sockets, for the IPv4 traffic of those with dual stack; IPv6's are on no IPv4 socket.
 *
 * @category getters
 * @since 0.1.0
 */
export const refusal = (info: OptionInfo, kind: SocketKind, family: number, access: "r" | "w"): number => {
  const { level, sockets } = info
  if (kind === "unix" && level !== socketOptions.SO_TYPE.level) return WSAENOPROTOOPT
  if (level === IPPROTO_IPV6 && family !== AF_INET6) return WSAENOPROTOOPT
  if (level === IPPROTO_UDP && kind !== "udp") return WSAENOPROTOOPT
  if (level === IPPROTO_TCP && kind !== "tcp" && kind !== "listener") return WSAENOPROTOOPT
  // memberships are no values to be read, whatever the socket
  if (access === "r" && info.access === "w") return WSAENOPROTOOPT
  if (!sockets.includes(kind)) return level === IPPROTO_IP || level === IPPROTO_IPV6 ? WSAEINVAL : WSAENOPROTOOPT
  return access === "w" && info.access === "r" ? WSAEINVAL : 0
}
