import type {
  BlockingSocket,
  TcpServer,
  TcpSocket,
  UdpSocket,
  UnixServer,
  UnixSocket,
  Winsock2
} from "@effect-winsock/core"
import { SocketOptions } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"

declare const udp: UdpSocket.UdpSocket
declare const tcp: TcpSocket.TcpSocket
declare const server: TcpServer.TcpServer
declare const either: TcpSocket.TcpSocket | TcpServer.TcpServer
declare const any: SocketOptions.Socket
declare const unix: UnixSocket.UnixSocket | UnixServer.UnixServer
declare const blockingDatagrams: BlockingSocket.Datagrams
declare const blockingStream: BlockingSocket.Stream | BlockingSocket.Listener
declare const call: Winsock2.Socket

// never run: only the type checker reads it
const unsound = () => {
  // @ts-expect-error an option of datagrams
  SocketOptions.get(tcp, "IP_PKTINFO")
  // @ts-expect-error an option of connections
  SocketOptions.set(udp, "TCP_NODELAY", true)
  // @ts-expect-error it can only be written
  SocketOptions.get(udp, "IP_ADD_MEMBERSHIP")
  // @ts-expect-error it can only be read
  SocketOptions.set(udp, "SO_TYPE", 1)
  // @ts-expect-error the library keeps it to itself
  SocketOptions.set(tcp, "SO_LINGER", { l_onoff: true, l_linger: 0 })
  // @ts-expect-error a flag is no number
  SocketOptions.set(udp, "SO_BROADCAST", 1)
  // @ts-expect-error a number is no text
  SocketOptions.set(udp, "IP_TTL", "64")
  // @ts-expect-error a field is missing
  SocketOptions.ioctl(tcp, "SIO_KEEPALIVE_VALS", { onoff: true, keepalivetime: 1 })
  // @ts-expect-error its input is missing
  SocketOptions.ioctl(tcp, "SIO_KEEPALIVE_VALS")
  // @ts-expect-error it takes none
  SocketOptions.ioctl(tcp, "FIONREAD", 1)
  // @ts-expect-error the library keeps it to itself
  SocketOptions.ioctl(udp, "FIONBIO", true)
  // @ts-expect-error a control code of connections
  SocketOptions.ioctl(udp, "SIO_TCP_INFO", 0)
  // @ts-expect-error there is no such option
  SocketOptions.get(udp, "IP_TTLS")
  // @ts-expect-error there is no such option
  SocketOptions.supported(udp, "IP_TTLS")
  // @ts-expect-error AF_UNIX has no options of TCP
  SocketOptions.set(unix, "TCP_NODELAY", true)
  // @ts-expect-error the mode is the library's
  SocketOptions.ioctl(blockingStream, "FIONBIO", true)
  // @ts-expect-error an option of connections
  SocketOptions.get(blockingDatagrams, "TCP_NODELAY")
  // @ts-expect-error a number is no socket
  SocketOptions.get(4, "SO_TYPE")
}

const sound = () => ({
  ttl: SocketOptions.get(udp, "IP_TTL"),
  age: SocketOptions.get(tcp, "SO_CONNECT_TIME"),
  listens: SocketOptions.get(server, "SO_ACCEPTCONN"),
  linger: SocketOptions.get(tcp, "SO_LINGER"),
  both: SocketOptions.set(either, "TCP_NODELAY", true),
  lists: SocketOptions.get(udp, "IP_GET_IFLIST"),
  options: SocketOptions.get(tcp, "IP_OPTIONS"),
  waiting: SocketOptions.ioctl(tcp, "FIONREAD"),
  info: SocketOptions.ioctl(tcp, "SIO_TCP_INFO", 0),
  nothing: SocketOptions.ioctl(tcp, "SIO_FLUSH"),
  // of a socket that may be any everything is accepted
  listensThere: SocketOptions.get(unix, "SO_ACCEPTCONN"),
  process: SocketOptions.ioctl(unix, "SIO_AF_UNIX_GETPEERPID"),
  hops: SocketOptions.set(blockingDatagrams, "IP_TTL", 9),
  delay: SocketOptions.set(blockingStream, "TCP_NODELAY", true),
  mode: SocketOptions.ioctl(call, "FIONBIO", true),
  waits: SocketOptions.set(call, "SO_RCVTIMEO", 9),
  control: SocketOptions.set(any, "IP_PKTINFO", true),
  blocking: SocketOptions.ioctl(any, "FIONBIO", false)
})

type Sound = ReturnType<typeof sound>

describe("SocketOptions: types", () => {
  it("the value by the name", () => {
    expectTypeOf<Sound["ttl"]>().toEqualTypeOf<Effect.Effect<number, WinsockError>>()
    expectTypeOf<Sound["age"]>().toEqualTypeOf<Effect.Effect<number | "never", WinsockError>>()
    expectTypeOf<Sound["listens"]>().toEqualTypeOf<Effect.Effect<boolean, WinsockError>>()
    expectTypeOf<Effect.Success<Sound["linger"]>>().toEqualTypeOf<{
      readonly l_onoff: boolean
      readonly l_linger: number
    }>()
    expectTypeOf<Sound["lists"]>().toEqualTypeOf<Effect.Effect<ReadonlyArray<number>, WinsockError>>()
    expectTypeOf<Effect.Success<Sound["options"]>>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<Sound["waiting"]>().toEqualTypeOf<Effect.Effect<number, WinsockError>>()
    expectTypeOf<Effect.Success<Sound["info"]>["Cwnd"]>().toEqualTypeOf<number>()
    expectTypeOf<Sound["nothing"]>().toEqualTypeOf<Effect.Effect<void, WinsockError>>()
    expectTypeOf<Sound["both"]>().toEqualTypeOf<Effect.Effect<void, WinsockError>>()
    expectTypeOf<SocketOptions.Value<"IP_ADD_MEMBERSHIP">>().toEqualTypeOf<{
      readonly imr_multiaddr: NetAddress.Ipv4Address
      readonly imr_interface: NetAddress.Ipv4Address | number
    }>()
  })

  it("names by the kind of socket, without what the library keeps", () => {
    expectTypeOf<"IP_TTL" | "IP_ADD_MEMBERSHIP">().toExtend<SocketOptions.Writable<"udp">>()
    expectTypeOf<"IP_PKTINFO">().not.toExtend<SocketOptions.Writable<"udp">>()
    expectTypeOf<"IP_PKTINFO">().toExtend<SocketOptions.Readable<"udp">>()
    expectTypeOf<"IP_HDRINCL">().not.toExtend<SocketOptions.Readable<"udp">>()
    expectTypeOf<"IP_HDRINCL">().toExtend<SocketOptions.Readable<"raw">>()
    expectTypeOf<typeof unsound>().returns.toEqualTypeOf<void>()
  })
})
