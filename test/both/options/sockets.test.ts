// Options of the sockets that programs have: values by name, errors that name the option, closed sockets.
import { SocketOptions, TcpServer, TcpSocket, UdpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { bind, law, layerName, loopback } from "../../support/rig.ts"
import { inScope, listen, pair } from "../../support/tcp.ts"
import { at, reason, refuses } from "../../support/udp.ts"

const loopback6 = at("::1")

// as a program without types would call it
const loosely = SocketOptions as unknown as {
  readonly get: (socket: unknown, name: unknown) => Effect.Effect<unknown, WinsockError>
  readonly set: (socket: unknown, name: unknown, value?: unknown) => Effect.Effect<void, WinsockError>
  readonly supported: (socket: unknown, name: unknown) => Effect.Effect<boolean, WinsockError>
  readonly ioctl: (socket: unknown, name: unknown, input?: unknown) => Effect.Effect<unknown, WinsockError>
}

describe("SocketOptions", () => {
  law("values of a datagram socket: numbers, flags, what it is", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      yield* SocketOptions.set(socket, "IP_TTL", 64)
      assert.strictEqual(yield* SocketOptions.get(socket, "IP_TTL"), 64)
      yield* SocketOptions.set(socket, "SO_BROADCAST", true)
      assert.strictEqual(yield* SocketOptions.get(socket, "SO_BROADCAST"), true)
      assert.strictEqual(yield* SocketOptions.get(socket, "SO_TYPE"), Flags.SOCK_DGRAM)
      const info = yield* SocketOptions.get(socket, "SO_PROTOCOL_INFOW")
      assert.strictEqual(info.iProtocol, Flags.IPPROTO_UDP)
      assert.strictEqual(info.iAddressFamily, Flags.AF_INET)
      assert.notStrictEqual(info.dwServiceFlags1 & Flags.XP1_IFS_HANDLES, 0)
      const state = yield* SocketOptions.get(socket, "SO_BSP_STATE")
      assert.deepStrictEqual(state, {
        LocalAddr: socket.address,
        iSocketType: Flags.SOCK_DGRAM,
        iProtocol: Flags.IPPROTO_UDP
      })
    })
  )

  law("values of a connection: how long it lasts, keep-alive, its end that is the library's to say", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair(yield* listen())
      for (const one of [client, accepted]) {
        yield* SocketOptions.set(one, "TCP_NODELAY", true)
        assert.strictEqual(yield* SocketOptions.get(one, "TCP_NODELAY"), true)
        const age = yield* SocketOptions.get(one, "SO_CONNECT_TIME")
        assert.isTrue(typeof age === "number" && age < 60, String(age))
        assert.deepStrictEqual(yield* SocketOptions.get(one, "SO_LINGER"), { l_onoff: false, l_linger: 0 })
        const state = yield* SocketOptions.get(one, "SO_BSP_STATE")
        assert.deepStrictEqual(state.RemoteAddr, one.remoteAddress)
      }
      yield* refuses(loosely.set(client, "SO_LINGER", undefined), "SO_LINGER", undefined)
    })
  )

  law("a server has the options of TCP, and never was connected", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      assert.strictEqual(yield* SocketOptions.get(server, "SO_ACCEPTCONN"), true)
      assert.strictEqual(yield* SocketOptions.get(server, "SO_CONNECT_TIME"), "never")
    })
  )

  law("a name that both levels of IP have is of the socket's own family", ({ recorder }) =>
    Effect.gen(function* () {
      for (const [address, level] of [
        [loopback, Flags.IPPROTO_IP],
        [loopback6, Flags.IPPROTO_IPV6]
      ] as const) {
        const socket = yield* UdpSocket.bind(address)
        const gr_group = NetAddress.ipFromStringUnsafe(level === Flags.IPPROTO_IP ? "224.0.0.77" : "ff02::77")
        yield* Effect.exit(SocketOptions.set(socket, "MCAST_JOIN_GROUP", { gr_interface: 1, gr_group }))
        const last = recorder.calls.findLast(({ name }) => name === "setsockopt")
        assert.strictEqual((last!.args as { readonly level: number }).level, level)
      }
    })
  )

  law("a value out of range: the error names the option, the field and the value; no call", ({ recorder }) =>
    Effect.gen(function* () {
      const udp = yield* bind()
      const { client } = yield* pair(yield* listen())
      const before = recorder.count("setsockopt") + recorder.count("WSAIoctl")
      for (const value of [0, 256, -1, 1.5, Number.NaN, "64", null, undefined, {}]) {
        yield* refuses(loosely.set(udp, "IP_TTL", value), "IP_TTL", value)
      }
      for (const value of [0, 1, "true", null])
        yield* refuses(loosely.set(udp, "SO_BROADCAST", value), "SO_BROADCAST", value)
      yield* refuses(loosely.set(udp, "IP_MTU_DISCOVER", 0), "IP_MTU_DISCOVER", 0)
      const times = { onoff: true, keepalivetime: -1, keepaliveinterval: 1 }
      yield* refuses(loosely.ioctl(client, "SIO_KEEPALIVE_VALS", times), "SIO_KEEPALIVE_VALS.keepalivetime", -1)
      yield* refuses(loosely.ioctl(client, "SIO_KEEPALIVE_VALS"), "SIO_KEEPALIVE_VALS", undefined)
      yield* refuses(loosely.ioctl(client, "FIONREAD", 1), "FIONREAD", 1)
      const group = { imr_multiaddr: "224.0.0.1", imr_interface: 0 }
      yield* refuses(loosely.set(udp, "IP_ADD_MEMBERSHIP", group), "IP_ADD_MEMBERSHIP.imr_multiaddr", "224.0.0.1")
      for (const name of ["IP_TTLS", "toString", 4, null, undefined]) {
        yield* refuses(loosely.get(udp, name), "name", name)
        yield* refuses(loosely.set(udp, name, 1), "name", name)
        yield* refuses(loosely.supported(udp, name), "name", name)
        yield* refuses(loosely.ioctl(udp, name), "name", name)
      }
      for (const socket of [undefined, null, 7, {}, "socket"]) {
        yield* refuses(loosely.get(socket, "IP_TTL"), "socket", socket)
        yield* refuses(loosely.set(socket, "IP_TTL", 1), "socket", socket)
        yield* refuses(loosely.ioctl(socket, "FIONREAD"), "socket", socket)
      }
      assert.strictEqual(recorder.count("setsockopt") + recorder.count("WSAIoctl"), before)
    })
  )

  law("what the system answers is told with the option's name", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const family = yield* reason(loosely.get(socket, "IPV6_CHECKSUM"))
      assert.strictEqual(family._tag, "InvalidArgument")
      const flush = yield* reason(SocketOptions.ioctl(socket, "SIO_FLUSH"))
      assert.strictEqual(flush._tag, "NotSupported")
      assert.include(flush.meaning, "SIO_FLUSH: ")
      const other = yield* UdpSocket.bind(loopback6)
      const bound = yield* reason(SocketOptions.set(other, "IPV6_V6ONLY", false))
      assert.strictEqual(bound._tag, "InvalidCall")
      assert.include(bound.meaning, "IPV6_V6ONLY: ")
    })
  )

  law("a closed socket takes no call, whatever it was", ({ recorder }) =>
    Effect.gen(function* () {
      const udp = yield* inScope(bind())
      const server = yield* inScope(TcpServer.listen(loopback))
      const connection = yield* inScope(pair(server.value))
      yield* connection.close
      yield* server.close
      yield* udp.close
      const before = recorder.calls.length
      for (const socket of [udp.value, server.value, connection.value.client, connection.value.accepted]) {
        for (const effect of [
          loosely.get(socket, "SO_TYPE"),
          loosely.set(socket, "SO_RCVBUF", 1000),
          loosely.supported(socket, "SO_TYPE"),
          loosely.ioctl(socket, "FIONREAD")
        ]) {
          assert.strictEqual((yield* reason(effect))._tag, "SocketClosed")
        }
      }
      assert.strictEqual(recorder.calls.length, before)
    })
  )

  law("closed by what a value does while it is read: no call is made with the number", ({ recorder }) =>
    Effect.gen(function* () {
      const { address } = yield* listen()
      const { close, value } = yield* inScope(TcpSocket.connect(address))
      const before = recorder.count("WSAIoctl")
      const times = {
        onoff: true,
        keepaliveinterval: 1,
        get keepalivetime() {
          Effect.runSyncExit(close)
          return 1
        }
      }
      const { _tag } = yield* reason(SocketOptions.ioctl(value, "SIO_KEEPALIVE_VALS", times))
      assert.strictEqual(_tag, "SocketClosed")
      assert.strictEqual(recorder.count("WSAIoctl"), before)
    })
  )

  law("supported: by asking the provider, or by the table for what cannot be read", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const server = yield* listen()
      assert.isTrue(yield* SocketOptions.supported(socket, "IP_PKTINFO"))
      assert.isTrue(yield* SocketOptions.supported(socket, "IP_ADD_MEMBERSHIP"))
      assert.isFalse(yield* SocketOptions.supported(server, "IP_ADD_MEMBERSHIP"))
      assert.isFalse(yield* SocketOptions.supported(server, "IP_PKTINFO"))
      assert.isFalse(yield* SocketOptions.supported(socket, "IPV6_UNICAST_HOPS"))
      for (const name of ["IP_RECVECN", "UDP_SEND_MSG_SIZE", "IP_MTU", "IP_GET_IFLIST"] as const) {
        // Wine has none of them
        assert.strictEqual(yield* SocketOptions.supported(socket, name), layerName === "mock", name)
      }
      assert.isFalse(yield* SocketOptions.supported(socket, "SO_SNDLOWAT"))
    })
  )

  law("control codes: bytes that wait, keep-alive, handles, functions", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair(yield* listen())
      assert.strictEqual(yield* SocketOptions.ioctl(client, "FIONREAD"), 0)
      assert.strictEqual(yield* SocketOptions.ioctl(accepted, "SIOCATMARK"), true)
      const times = { onoff: true, keepalivetime: 60_000, keepaliveinterval: 1000 }
      yield* SocketOptions.ioctl(client, "SIO_KEEPALIVE_VALS", times)
      assert.isAbove(yield* SocketOptions.ioctl(client, "SIO_BASE_HANDLE"), 0)
      const AcceptEx = Guids.extensions.AcceptEx
      assert.isAbove(yield* SocketOptions.ioctl(client, "SIO_GET_EXTENSION_FUNCTION_POINTER", AcceptEx), 0)
    })
  )
})
