// Every option on every kind of socket: SOCKETs that the library makes no promises about, so that the provider answers.
import type { LiveKind } from "../../packages/core/src/internal/liveSocket.ts"
import { LiveKey, LiveSocketOf } from "../../packages/core/src/internal/liveSocket.ts"
import * as options from "../../packages/core/src/internal/socketOptions.ts"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { EngineKey, Winsock } from "@effect-winsock/core/Winsock"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import type { OptionInfo } from "@effect-winsock/schema/OptionTable"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import * as OptionValue from "@effect-winsock/schema/OptionValue"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"

export const families = { v4: Flags.AF_INET, v6: Flags.AF_INET6 } as const
export type Family = keyof typeof families
export const kinds = ["udp", "tcp", "listener"] as const
export type Kind = (typeof kinds)[number]

/** A SOCKET of a kind, unmanaged, in the scope. */
export const open = (kind: Kind, family: Family, managed = false) =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    const { calls, scratch } = engine
    const stream = kind !== "udp"
    return Effect.acquireRelease(
      Effect.sync(() => {
        const type = stream ? Flags.SOCK_STREAM : Flags.SOCK_DGRAM
        const protocol = stream ? Flags.IPPROTO_TCP : Flags.IPPROTO_UDP
        const socket = calls.WSASocketW(families[family], type, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
        if (socket === -1) throw new Error(`${kind} ${family}: ${calls.WSAGetLastError()}`)
        if (kind === "listener") {
          const ip = family === "v4" ? NetAddress.ipv4Loopback : NetAddress.ipv6Loopback
          const length = SockAddr.write(scratch.view, 0, NetAddress.inetAddressUnsafe(ip, 0))
          if (calls.bind(socket, scratch.address, length) !== 0 || calls.listen(socket, 1) !== 0) {
            throw new Error(`listener ${family}: ${calls.WSAGetLastError()}`)
          }
        }
        return socket as SocketHandle
      }),
      (socket) => Effect.sync(() => calls.closesocket(socket))
    ).pipe(
      Effect.map((socket) => ({
        [LiveKey]: new LiveSocketOf<LiveKind>(engine, kind, families[family], () => socket, managed)
      }))
    )
  })

/** "ok", or the code that it failed with. */
export const outcome = <A, R>(effect: Effect.Effect<A, unknown, R>): Effect.Effect<string, never, R> =>
  Effect.match(effect, {
    onSuccess: () => "ok",
    onFailure: (error) => (isWinsockError(error) ? error.reason.name : String(error))
  })

const v4 = NetAddress.ipFromStringUnsafe("224.0.0.77")
const v6 = NetAddress.ipFromStringUnsafe("ff02::77")

// where the middle of the range will not do
const samples: { readonly [name: string]: unknown } = {
  SO_LINGER: { l_onoff: true, l_linger: 5 },
  SO_SNDBUF: 50_000,
  SO_RCVBUF: 60_000,
  SO_UPDATE_ACCEPT_CONTEXT: 0x7fff_fff0,
  SO_COMPARTMENT_ID: 1,
  IP_OPTIONS: new Uint8Array([1, 1, 1, 1]),
  IP_MULTICAST_IF: NetAddress.ipv4Loopback,
  IP_TOS: 0x20,
  IP_UNICAST_IF: 1,
  IPV6_MULTICAST_IF: 1,
  IPV6_UNICAST_IF: 1,
  IP_WFP_REDIRECT_RECORDS: new Uint8Array([1, 2, 3, 4]),
  IP_WFP_REDIRECT_CONTEXT: new Uint8Array([1, 2, 3, 4]),
  IPV6_WFP_REDIRECT_RECORDS: new Uint8Array([1, 2, 3, 4]),
  IPV6_WFP_REDIRECT_CONTEXT: new Uint8Array([1, 2, 3, 4]),
  IP_ADD_IFLIST: 1,
  IP_DEL_IFLIST: 1,
  IPV6_ADD_IFLIST: 1,
  IPV6_DEL_IFLIST: 1,
  IPV6_CHECKSUM: 2,
  IP_TTL: 7,
  TCP_MAXRTMS: 9000
}

// what Windows reads back where it is not what was set: an index, in host byte order, of the interface of 127.0.0.1.
// Source: IP_MULTICAST_IF on the page "IPPROTO_IP Socket Options"
const readBack: { readonly [name: string]: unknown } = { IP_MULTICAST_IF: 1 }

/** A value that the option takes. */
export const sample = (info: OptionInfo): unknown => {
  const { level, name, value } = info
  if (Object.hasOwn(samples, name)) return samples[name]
  if (value === OptionValue.bool) return true
  if (value === OptionValue.none) return undefined
  if (OptionValue.isInteger(value)) {
    const second = Math.max(value.least, 1) + 1
    return second <= value.most && !(value.check(second, name) instanceof OptionValue.Refusal) ? second : value.most
  }
  const group = level === Flags.IPPROTO_IPV6 ? v6 : v4
  switch (value.type) {
    case "ip_mreq":
      return { imr_multiaddr: v4, imr_interface: 0 }
    case "ip_mreq_source":
      return { imr_multiaddr: v4, imr_sourceaddr: NetAddress.ipv4Loopback, imr_interface: 0 }
    case "ipv6_mreq":
      return { ipv6mr_multiaddr: v6, ipv6mr_interface: 0 }
    case "GROUP_REQ":
      return { gr_interface: 0, gr_group: group }
    case "GROUP_SOURCE_REQ":
      return {
        gsr_interface: 0,
        gsr_group: group,
        gsr_source: group === v4 ? NetAddress.ipv4Loopback : NetAddress.ipv6Loopback
      }
    default:
      throw new Error(`no sample for ${name}: ${value.type}`)
  }
}

/** Whether it is what its name stands for on a socket of the family. */
export const isFound = (info: OptionInfo, family: Family): boolean =>
  OptionTable.find(info.name, families[family]) === info

/** Joining and leaving groups is for the tests of multicast: here it is only tried on sockets that have none. */
const isMembership = (info: OptionInfo): boolean => /MEMBERSHIP|BLOCK_SOURCE|^MCAST_/.test(info.name)

/**
 * What an option answers on a fresh socket: to reading, to setting, and whether reading again gives what was set (or
 * what it stands for); "-" for what is not tried.
 */
export const observe = (info: OptionInfo, kind: Kind, family: Family) =>
  Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* open(kind, family)
      const get = info.access === "w" ? "-" : yield* outcome(options.get(socket, info.name))
      if (info.access === "r" || (isMembership(info) && info.sockets.includes(kind))) return `${get}/-/-`
      const wanted = sample(info)
      const set = yield* outcome(options.set(socket, info.name, wanted))
      if (set !== "ok" || info.access === "w") return `${get}/${set}/-`
      const back = yield* Effect.result(options.get(socket, info.name))
      const read = readBack[info.name] ?? wanted
      return `${get}/${set}/${back._tag === "Success" && same(back.success, read) ? "same" : "other"}`
    })
  )

const same = (a: unknown, b: unknown): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array
    ? Buffer.from(a).equals(b)
    : typeof a === "object" && a !== null && typeof b === "object" && b !== null
      ? Object.entries(b).every(([name, value]) =>
          Equal.equals((a as { readonly [name: string]: unknown })[name], value)
        )
      : Equal.equals(a, b)

// what follows from the state of a fresh socket, or is told of all sockets: what Windows answers, by option and kind
const states: { readonly [name: string]: { readonly [K in Kind]?: string } } = {
  SO_EXCLUSIVEADDRUSE: { listener: "ok/WSAEINVAL/-" },
  SO_CONDITIONAL_ACCEPT: { listener: "ok/WSAEINVAL/-" },
  IPV6_V6ONLY: { listener: "ok/WSAEINVAL/-" },
  SO_UPDATE_ACCEPT_CONTEXT: { tcp: "-/WSAENOTSOCK/-", listener: "-/WSAENOTSOCK/-" },
  SO_UPDATE_CONNECT_CONTEXT: { tcp: "-/WSAENOTCONN/-", listener: "-/WSAENOTCONN/-" },
  IP_GET_IFLIST: { udp: "WSAEINVAL/-/-" },
  IPV6_GET_IFLIST: { udp: "WSAEINVAL/-/-" },
  IP_DEL_IFLIST: { udp: "-/WSAEINVAL/-" },
  IPV6_DEL_IFLIST: { udp: "-/WSAEINVAL/-" }
}

const always: { readonly [name: string]: string } = {
  SO_USELOOPBACK: "WSAEINVAL/WSAEINVAL/-",
  SO_SNDLOWAT: "WSAEINVAL/WSAEINVAL/-",
  SO_RCVLOWAT: "WSAEINVAL/WSAEINVAL/-",
  IP_MTU: "WSAENOTCONN/-/-",
  IPV6_MTU: "WSAENOTCONN/-/-",
  // the connections of these sockets were not redirected
  IP_WFP_REDIRECT_RECORDS: "WSAENOPROTOOPT/WSAENOPROTOOPT/-",
  IP_WFP_REDIRECT_CONTEXT: "WSAENOPROTOOPT/WSAENOPROTOOPT/-",
  IPV6_WFP_REDIRECT_RECORDS: "WSAENOPROTOOPT/WSAENOPROTOOPT/-",
  IPV6_WFP_REDIRECT_CONTEXT: "WSAENOPROTOOPT/WSAENOPROTOOPT/-"
}

const codes: { readonly [code: number]: string } = {
  0: "ok",
  [Codes.WSAEINVAL]: "WSAEINVAL",
  [Codes.WSAENOPROTOOPT]: "WSAENOPROTOOPT"
}

/** What Windows answers, as `observe` tells it. */
export const onWindows = (info: OptionInfo, kind: Kind, family: Family): string => {
  const answer = (access: "r" | "w"): number => OptionTable.refusal(info, kind, families[family], access)
  const wrong = answer(info.access === "w" ? "w" : "r") !== 0
  if (!wrong) {
    const known = states[info.name]?.[kind] ?? always[info.name]
    if (known !== undefined) return known
  }
  const get = info.access === "w" ? "-" : codes[answer("r")]
  if (info.access === "r" || (isMembership(info) && info.sockets.includes(kind))) return `${get}/-/-`
  const set = codes[answer("w")]
  return `${get}/${set}/${set === "ok" && info.access === "rw" ? "same" : "-"}`
}

// --- control codes ---

const inputs: { readonly [name: string]: unknown } = {
  FIONBIO: true,
  SIO_GET_EXTENSION_FUNCTION_POINTER: Guids.extensions.TransmitFile,
  SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: Guids.WSAID_MULTIPLE_RIO,
  SIO_KEEPALIVE_VALS: { onoff: true, keepalivetime: 1000, keepaliveinterval: 100 },
  SIO_UDP_CONNRESET: false,
  SIO_UDP_NETRESET: false,
  SIO_LOOPBACK_FAST_PATH: true,
  SIO_TCP_INITIAL_RTO: { Rtt: 300, MaxSynRetransmissions: 2 },
  SIO_CPU_AFFINITY: 0,
  SIO_TCP_INFO: 0,
  SIO_RCVALL: 1,
  SIO_RCVALL_MCAST: 1,
  SIO_RCVALL_IGMPMCAST: 1,
  SIO_TIMESTAMPING: { Flags: Flags.TIMESTAMPING_FLAG_RX, TxTimestampsBuffered: 0 },
  SIO_SET_COMPATIBILITY_MODE: { BehaviorId: 1, TargetOsVersion: 0 }
}

/** What these answer is of the machine's interfaces, or of what was sent: other tests have them. */
const elsewhere = /ADDRESS_LIST|ROUTING_INTERFACE|INTERFACE_LIST|BACKLOG_CHANGE|TX_TIMESTAMP/

export const ioctls = IoctlTable.table.filter(({ name }) => !elsewhere.test(name))

/** What a control code answers on a fresh socket. */
export const observeIoctl = (info: IoctlTable.IoctlInfo, kind: Kind, family: Family) =>
  Effect.scoped(
    Effect.flatMap(open(kind, family), (socket) => outcome(options.ioctl(socket, info.name, inputs[info.name])))
  )

const ioctlStates: { readonly [name: string]: { readonly [K in Kind]?: string } } = {
  SIO_IDEAL_SEND_BACKLOG_QUERY: { tcp: "WSAENOTCONN", listener: "WSAENOTCONN" },
  SIO_TCP_INFO: { tcp: "WSAENOTCONN", listener: "WSAENOTCONN" },
  SIO_QUERY_RSS_PROCESSOR_INFO: { tcp: "WSAENOTCONN", listener: "WSAENOTCONN" },
  // before it listens
  SIO_TCP_INITIAL_RTO: { listener: "WSAEINVAL" }
}

const ioctlAlways: { readonly [name: string]: string } = {
  SIO_FLUSH: "WSAEOPNOTSUPP",
  SIO_EXT_SENDMSG: "WSAEOPNOTSUPP",
  SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: "WSAEINVAL"
}

/** What the simulation answers: what the pages say, or `WSAEOPNOTSUPP` of a code that a socket does not have. */
export const ioctlAnswer = ({ name, sockets }: IoctlTable.IoctlInfo, kind: Kind, family: Family): string =>
  !sockets.includes(kind) || (name === "SIO_GET_BROADCAST_ADDRESS" && family === "v6")
    ? "WSAEOPNOTSUPP"
    : (ioctlStates[name]?.[kind] ?? ioctlAlways[name] ?? "ok")
