import { type Decorators, RawSocket, SocketOptions } from "@effect-winsock/core"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import { interruptSoon, law, lawInEachMode, layerName, start } from "../../support/rig.ts"
import { ip, openIcmp, ownIdentifier, read, reply, request } from "../../support/raw.ts"
import { controlOf, from, pattern, reason, refuses, tag } from "../../support/udp.ts"

const loopback = ip("127.0.0.1")

describe("RawSocket: ICMP", () => {
  lawInEachMode("an echo request is answered by the machine, with the IP header in front and control data beside", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp({ control: { packetInfo: "required", hopLimit: "required" } })
      assert.strictEqual(NetAddress.formatIp(socket.address), "127.0.0.1")
      const id = ownIdentifier()
      const data = pattern(300)
      yield* socket.send(request(id, 7, data), loopback)
      const { datagram, header, message } = yield* reply(socket, id)
      assert.deepStrictEqual([message.sequence, message.data], [7, data])
      assert.strictEqual(header.headerLength + 8 + data.length, datagram.payload.length)
      assert.deepStrictEqual([header.protocol, header.totalLength], [1, datagram.payload.length])
      assert.strictEqual(NetAddress.formatIp(header.source), "127.0.0.1")
      assert.strictEqual(from(datagram), "127.0.0.1")
      const { hopLimit, packetInfo } = controlOf(datagram)
      assert.strictEqual(hopLimit, header.timeToLive)
      assert.strictEqual(packetInfo && NetAddress.formatIp(packetInfo.address), "127.0.0.1")
    })
  )

  law("a hop limit of the socket's own goes with each packet", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp({ hopLimit: 9 })
      const id = ownIdentifier()
      yield* socket.send(request(id, 1), loopback)
      // the socket gets what it sends to itself, too
      while (true) {
        const received = read(yield* socket.receive)
        if (received?.message._tag !== "EchoRequest" || received.message.identifier !== id) continue
        return assert.strictEqual(received.header.timeToLive, 9)
      }
    })
  )

  law("a header of the program's own: its hop limit and its type of service", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp({ headerIncluded: true })
      const id = ownIdentifier()
      const header = { protocol: 1, timeToLive: 33, typeOfService: 0x20, destination: NetAddress.ipv4Loopback }
      yield* socket.send(Ipv4Header.encode(header, request(id, 1)), loopback)
      while (true) {
        const received = read(yield* socket.receive)
        if (received?.message._tag !== "EchoRequest" || received.message.identifier !== id) continue
        const { source, timeToLive, typeOfService } = received.header
        assert.deepStrictEqual([timeToLive, typeOfService], [33, 0x20])
        return assert.strictEqual(NetAddress.formatIp(source), "127.0.0.1")
      }
    })
  )

  law("options by name: its own, and none that only datagrams or streams have", () =>
    Effect.gen(function* () {
      const socket = yield* Effect.scoped(
        Effect.gen(function* () {
          const open = yield* openIcmp({ headerIncluded: true, hopLimit: 9 })
          assert.strictEqual(yield* SocketOptions.get(open, "IP_HDRINCL"), true)
          assert.strictEqual(yield* SocketOptions.get(open, "IP_TTL"), 9)
          assert.strictEqual(yield* SocketOptions.get(open, "SO_TYPE"), Flags.SOCK_RAW)
          yield* SocketOptions.set(open, "IP_TTL", 77)
          assert.strictEqual(yield* SocketOptions.get(open, "IP_TTL"), 77)
          // without types, as a program of JavaScript would
          const any: SocketOptions.Socket = open as SocketOptions.Socket
          yield* refuses(SocketOptions.get(any, "TCP_NODELAY"), "socket", "raw")
          yield* refuses(SocketOptions.set(any, "UDP_NOCHECKSUM", true), "socket", "raw")
          return open
        })
      )
      assert.strictEqual(yield* tag(SocketOptions.get(socket, "IP_TTL")), "SocketClosed")
    })
  )

  law("connected, the peer is the default", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp()
      const id = ownIdentifier()
      assert.strictEqual(yield* tag(socket.send(request(id, 0))), "NotConnected")
      yield* socket.connect(loopback)
      yield* socket.send(request(id, 1))
      assert.strictEqual((yield* reply(socket, id)).message.sequence, 1)
    })
  )

  law("each socket gets a copy, and a batch is taken in order", () =>
    Effect.gen(function* () {
      const one = yield* openIcmp()
      const two = yield* openIcmp()
      const id = ownIdentifier()
      for (let n = 0; n < 3; n++) yield* one.send(request(id, n), loopback)
      const sequences = (socket: RawSocket.RawSocket) =>
        Effect.gen(function* () {
          const found: Array<number> = []
          while (found.length < 3) {
            for (const message of yield* socket.pull) {
              const said = read(message)?.message
              if (said?._tag === "EchoReply" && said.identifier === id) found.push(said.sequence)
            }
          }
          return found
        })
      assert.deepStrictEqual(
        [yield* sequences(one), yield* sequences(two)],
        [
          [0, 1, 2],
          [0, 1, 2]
        ]
      )
    })
  )

  lawInEachMode("a packet larger than the buffer is cut, and says so", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp({ maxMessageSize: 40 })
      const id = ownIdentifier()
      yield* socket.send(request(id, 1, pattern(100)), loopback)
      while (true) {
        const message = yield* socket.receive
        const { payload, truncated } = message
        // an identifier lies behind the header of IP and four bytes
        if (payload.length < 28 || (payload[24] << 8) + payload[25] !== id) continue
        assert.deepStrictEqual([payload.length, truncated], [40, true])
        return
      }
    })
  )

  law("a reply goes to where the packet came from", () =>
    Effect.gen(function* () {
      const socket = yield* openIcmp()
      const id = ownIdentifier()
      yield* socket.send(request(id, 1), loopback)
      const { datagram } = yield* reply(socket, id)
      const another = ownIdentifier()
      yield* socket.reply(datagram, request(another, 2))
      assert.strictEqual((yield* reply(socket, another)).message.sequence, 2)
    })
  )
})

describe("RawSocket: the laws of datagram sockets", () => {
  // nobody sends IGMP here, so that nothing disturbs the order
  const silent = () => RawSocket.open(loopback, { protocol: 2 })

  lawInEachMode(
    "an interrupted receive makes one CancelIoEx, and the packet is the next one's",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const socket = yield* silent()
        const first = yield* start(socket.receive)
        const second = yield* start(socket.receive)
        yield* Fiber.interrupt(second)
        assert.strictEqual(recorder.count("CancelIoEx"), 1)
        assert.strictEqual((yield* statistics).waiters, 1)
        yield* interruptSoon(first)
        yield* socket.send(pattern(20), loopback)
        const message = yield* socket.receive
        assert.deepStrictEqual(message.payload.slice(20), pattern(20))
      })
  )

  lawInEachMode("closing the scope ends waits and refuses later calls", () =>
    Effect.gen(function* () {
      const { closed, waiting } = yield* Effect.scoped(
        Effect.gen(function* () {
          const socket = yield* silent()
          return { closed: socket, waiting: yield* Effect.forkDetach(tag(socket.receive), { startImmediately: true }) }
        })
      )
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
      assert.strictEqual(yield* tag(closed.receive), "SocketClosed")
      assert.strictEqual(yield* tag(closed.send(pattern(8), loopback)), "SocketClosed")
      assert.strictEqual(yield* tag(closed.connect(loopback)), "SocketClosed")
    })
  )
})

describe("RawSocket: what is refused", () => {
  law("without the rights of an administrator: WSAEACCES, told as what it is, and nothing is left", (rig) =>
    Effect.gen(function* () {
      rig.failing.add({ call: "WSASocketW", code: Codes.WSAEACCES })
      const refused = yield* reason(openIcmp())
      assert.deepStrictEqual([refused._tag, refused.code], ["PermissionDenied", Codes.WSAEACCES])
      assert.include(refused.meaning, "administrator")
    })
  )

  law("a call of its opening that fails: the error names it, and the SOCKET is closed", ({ failing, recorder }) =>
    Effect.gen(function* () {
      for (const call of ["ioctlsocket", "setsockopt", "bind", "getsockname", "CreateIoCompletionPort"] as const) {
        const withdraw = failing.add({ call, code: Codes.WSAENOBUFS } as Decorators.FailRule)
        const opened = yield* reason(openIcmp({ hopLimit: 3 }))
        withdraw()
        assert.deepStrictEqual([opened._tag, opened.operation], ["NoBufferSpace", call])
      }
      assert.strictEqual(recorder.count("closesocket"), recorder.count("WSASocketW"))
    })
  )

  law("options out of range, before any call is made", ({ recorder }) =>
    Effect.gen(function* () {
      const opened = (options: unknown) => RawSocket.open(loopback, options as RawSocket.Options)
      for (const protocol of [-1, 256, 1.5, "tcp", "toString", undefined, null]) {
        yield* refuses(opened({ protocol }), "protocol", protocol)
      }
      for (const hopLimit of [0, 256, "1"]) yield* refuses(opened({ protocol: 1, hopLimit }), "hopLimit", hopLimit)
      yield* refuses(opened({ protocol: 1, headerIncluded: 1 }), "headerIncluded", 1)
      yield* refuses(opened({ protocol: 1, broadcast: null }), "broadcast", null)
      yield* refuses(opened({ protocol: 1, control: ["ttl"] }), "control", "ttl")
      yield* refuses(opened({ protocol: 1, completion: "apc" }), "completion", "apc")
      yield* refuses(opened({ protocol: 1, batch: 0 }), "batch", 0)
      yield* refuses(opened(null), "options", null)
      const address = "127.0.0.1" as unknown as NetAddress.IpAddress
      yield* refuses(RawSocket.open(address, { protocol: 1 }), "address", address)
      assert.strictEqual(recorder.count("WSASocketW"), 0)
    })
  )

  law("destinations and options that are none for it", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* openIcmp({ sendControl: "preferred" })
      const bytes = request(1, 1)
      const text = "127.0.0.1" as unknown as NetAddress.IpAddress
      yield* refuses(socket.send(bytes, text), "to", text)
      yield* refuses(socket.connect(text), "peer", text)
      assert.strictEqual(yield* tag(socket.send(bytes, ip("::1"))), "InvalidArgument")
      assert.strictEqual(yield* tag(socket.connect(ip("::1"))), "InvalidArgument")
      const segments = { segmentSize: 8 } as RawSocket.SendOptions
      yield* refuses(socket.send(bytes, loopback, segments), "segmentSize", 8)
      yield* refuses(socket.send(bytes, loopback, { hopLimit: 0 }), "hopLimit", 0)
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
    })
  )
})

describe("RawSocket: ICMPv6", () => {
  law("without an IP header, and the checksum is the kernel's; Wine has none and says so", () =>
    Effect.gen(function* () {
      const address = ip("::1")
      const opened = RawSocket.open(address, { protocol: "icmpv6", control: ["hopLimit"] })
      if (layerName === "native") {
        const exit = yield* Effect.exit(opened)
        // a protocol that the provider does not have is told; where it has it, what follows holds there too
        if (exit._tag === "Failure") return assert.strictEqual(yield* tag(opened), "NotSupported")
      }
      const socket = yield* opened
      const identifier = ownIdentifier()
      const data = pattern(32)
      yield* socket.send(Icmp.encode(6, { _tag: "EchoRequest", identifier, sequence: 3, data }), address)
      const between = { source: address, destination: address } as Icmp.Between
      while (true) {
        const received = yield* socket.receive
        const message = Icmp.decode(6, received.payload, between)
        if (message._tag !== "EchoReply" || message.identifier !== identifier) continue
        assert.deepStrictEqual(message, { _tag: "EchoReply", identifier, sequence: 3, data })
        return assert.isAbove(controlOf(received).hopLimit ?? 0, 0)
      }
    })
  )
})
