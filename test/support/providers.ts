// What core finds out about a provider, as one record: what datagram sockets can, and which options, control codes and
// kinds of sockets there are, asked by the calls themselves.
import { UdpSocket, type Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import type { Capabilities } from "@effect-winsock/core/UdpCapabilities"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Flags from "@effect-winsock/schema/Flags"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import { WSAENOPROTOOPT, WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import { at } from "./udp.ts"

const control = ["packetInfo", "hopLimit", "trafficClass", "ecn", "originalArrivalInterface"] as const

/** The addresses that a record is made for, and whether IPv6 ones are for IPv6 only. */
export const places = [
  ["127.0.0.1", true],
  ["0.0.0.0", true],
  ["::1", true],
  ["::", false]
] as const

/** The capability record of a socket with all wishes. */
export const capabilitiesOf = (
  ip: string,
  ipv6Only: boolean
): Effect.Effect<Capabilities, WinsockError, Winsock.Winsock> =>
  Effect.scoped(
    Effect.flatMap(UdpSocket.bind(at(ip), { control, coalesce: 65_535, ipv6Only }), (socket) => socket.capabilities)
  )

/** The options that a socket of UDP or TCP says it does not know (WSAENOPROTOOPT), of those that can be read there. */
export const unknownOptions = (seam: Seam): ReadonlyArray<string> => {
  const { calls, memory } = seam
  const block = memory.alloc(1024)
  const unknown = new Set<string>()
  for (const [kind, type, protocol] of [
    ["udp", Flags.SOCK_DGRAM, Flags.IPPROTO_UDP],
    ["tcp", Flags.SOCK_STREAM, Flags.IPPROTO_TCP]
  ] as const) {
    const s = calls.WSASocketW(Flags.AF_INET6, type, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
    for (const { access, level, name, number, sockets } of OptionTable.table) {
      if (access === "w" || !(sockets as ReadonlyArray<string>).includes(kind)) continue
      block.view.setInt32(512, 512, true)
      const failed = calls.getsockopt(s, level, number, block.address, block.address + 512) !== 0
      if (failed && calls.WSAGetLastError() === WSAENOPROTOOPT) unknown.add(name)
    }
    calls.closesocket(s)
  }
  memory.free(block)
  return [...unknown].toSorted()
}

/** The control codes without input that a socket of UDP or TCP does not know (WSAEOPNOTSUPP). */
export const unknownIoctls = (seam: Seam): ReadonlyArray<string> => {
  const { calls, memory } = seam
  const block = memory.alloc(4096)
  const unknown = new Set<string>()
  for (const [kind, type, protocol] of [
    ["udp", Flags.SOCK_DGRAM, Flags.IPPROTO_UDP],
    ["tcp", Flags.SOCK_STREAM, Flags.IPPROTO_TCP]
  ] as const) {
    const s = calls.WSASocketW(Flags.AF_INET6, type, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
    for (const { code, name, sockets } of IoctlTable.table) {
      // some wait, and some change what the machine does
      if (!asked.has(name) || !(sockets as ReadonlyArray<string>).includes(kind)) continue
      block.bytes.fill(0)
      const rc = calls.WSAIoctl(s, code, block.address, 16, block.address + 512, 2048, block.address + 4000, 0, 0)
      if (rc !== 0 && calls.WSAGetLastError() === WSAEOPNOTSUPP) unknown.add(name)
    }
    calls.closesocket(s)
  }
  memory.free(block)
  return [...unknown].toSorted()
}

const asked: ReadonlySet<string> = new Set([
  "SIO_BASE_HANDLE",
  "SIO_UDP_CONNRESET",
  "SIO_UDP_NETRESET",
  "SIO_TCP_INITIAL_RTO",
  "SIO_TCP_INFO",
  "SIO_TIMESTAMPING",
  "SIO_LOOPBACK_FAST_PATH",
  "SIO_ADDRESS_LIST_QUERY"
])

/** Whether there are streams of AF_UNIX. */
export const hasUnix = ({ calls }: Seam): boolean => {
  const s = calls.WSASocketW(Flags.AF_UNIX, Flags.SOCK_STREAM, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
  if (s === -1) return false
  calls.closesocket(s)
  return true
}
