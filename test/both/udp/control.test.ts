import { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { bind, law, loopback, numbered, numberOf } from "../../support/rig.ts"
import { at, controlOf, from, lacks, port } from "../../support/udp.ts"

const names = ["packetInfo", "hopLimit", "trafficClass", "ecn", "originalArrivalInterface"] as const
// what Windows has had since Vista, and Wine has
const everywhere = ["packetInfo", "hopLimit"] as const

const families = [
  { name: "IPv4", server: "127.0.0.1", client: "127.0.0.1", to: "127.0.0.1", ipv6Only: true },
  { name: "IPv4, wildcard", server: "0.0.0.0", client: "127.0.0.1", to: "127.0.0.1", ipv6Only: true },
  { name: "IPv6", server: "::1", client: "::1", to: "::1", ipv6Only: true },
  { name: "IPv6, wildcard", server: "::", client: "::1", to: "::1", ipv6Only: true },
  { name: "IPv6 on a dual-stack socket", server: "::", client: "::1", to: "::1", ipv6Only: false },
  { name: "IPv4 on a dual-stack socket", server: "::", client: "127.0.0.1", to: "127.0.0.1", ipv6Only: false }
]

const subsets: ReadonlyArray<ReadonlyArray<(typeof names)[number]>> = Array.from({ length: 32 }, (_, bits) =>
  names.filter((_name, i) => (bits & (1 << i)) !== 0)
)

describe("UdpSocket: control data by name", () => {
  for (const { client, ipv6Only, name, server, to } of families) {
    law(`${name}: what was asked for comes, and nothing is cut, in every combination`, () =>
      Effect.gen(function* () {
        const sender = yield* UdpSocket.bind(at(client))
        for (const control of subsets) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const socket = yield* UdpSocket.bind(at(server), { control, ipv6Only })
              const { ecnFromTrafficClass, receive } = yield* socket.capabilities
              for (const one of everywhere) assert.strictEqual(receive[one], control.includes(one))
              yield* sender.send(numbered(7), port(to, socket))
              const message = yield* socket.receive
              assert.strictEqual(numberOf(message), 7)
              assert.strictEqual(message.flags, 0)
              const came = controlOf(message)
              const ecn = control.includes("ecn")
              assert.strictEqual(receive.ecn || ecnFromTrafficClass, ecn)
              const trafficClass = control.includes("trafficClass") || ecnFromTrafficClass
              assert.strictEqual(receive.trafficClass, trafficClass)
              assert.strictEqual(came.trafficClass, trafficClass ? 0 : undefined)
              // with the traffic class at hand it is always told
              assert.strictEqual(came.ecn, ecn || trafficClass ? 0 : undefined)
              assert.strictEqual(came.hopLimit !== undefined, control.includes("hopLimit"))
              if (came.hopLimit !== undefined) assert.isAtLeast(came.hopLimit, 32)
              assert.strictEqual(came.packetInfo !== undefined, control.includes("packetInfo"))
              if (came.packetInfo !== undefined) {
                assert.strictEqual(NetAddress.formatIp(came.packetInfo.address), to)
                assert.isAbove(came.packetInfo.ifIndex, 0)
              }
              assert.strictEqual(came.originalArrivalInterface !== undefined, receive.originalArrivalInterface)
              if (came.originalArrivalInterface !== undefined) assert.isAbove(came.originalArrivalInterface, 0)
              if (receive.originalArrivalInterface) assert.include(control, "originalArrivalInterface")
            })
          )
        }
      })
    )
  }

  law("a required name that the provider has is as good as a preferred one; one that it lacks is an error", () =>
    Effect.gen(function* () {
      for (const name of names) {
        const preferred = yield* bind({ control: { [name]: "preferred" } })
        const { ecnFromTrafficClass, receive } = yield* preferred.capabilities
        const required = bind({ control: { [name]: "required" } })
        if (receive[name] || (name === "ecn" && ecnFromTrafficClass)) {
          assert.deepStrictEqual((yield* (yield* required).capabilities).receive, receive)
        } else yield* lacks(required, name)
      }
    })
  )

  law("a message without any has none", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      yield* socket.send(numbered(1), socket.address)
      const message = yield* socket.receive
      assert.deepStrictEqual(message.control, {})
      assert.isFalse(message.broadcast || message.multicast || message.truncated || message.controlTruncated)
    })
  )

  law("it comes with messages of every path: look-ahead, batches, calls that answer at once", () =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 4]) {
        const socket = yield* bind({ control: ["hopLimit", "packetInfo"], lookAhead })
        for (const n of [0, 1, 2, 3, 4, 5]) yield* socket.send(numbered(n), socket.address)
        const got = [yield* socket.receive, yield* socket.receive]
        while (got.length < 6) got.push(...(yield* socket.pull))
        assert.deepStrictEqual(got.map(numberOf), [0, 1, 2, 3, 4, 5])
        for (const message of got) {
          const { hopLimit, packetInfo } = controlOf(message)
          assert.isDefined(hopLimit)
          assert.strictEqual(packetInfo && NetAddress.formatIp(packetInfo.address), "127.0.0.1")
        }
      }
    })
  )
})

describe("UdpSocket: dual stack", () => {
  law("an IPv4 peer has its v4-mapped address, and gets what is sent to either form of it", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::"), { ipv6Only: false })
      const v4 = yield* bind()
      yield* v4.send(numbered(1), port("127.0.0.1", socket))
      const message = yield* socket.receive
      assert.strictEqual(from(message), `::ffff:127.0.0.1`)
      assert.strictEqual(message.from!.port, v4.address.port)
      yield* socket.send(numbered(2), message.from)
      yield* socket.send(numbered(3), v4.address)
      yield* socket.sendAll([{ payload: numbered(4), to: v4.address }])
      yield* socket.reply(message, numbered(5))
      for (const n of [2, 3, 4, 5]) {
        const answer = yield* v4.receive
        assert.strictEqual(numberOf(answer), n)
        assert.strictEqual(answer.from!.port, socket.address.port)
      }
      yield* socket.connect(v4.address)
      yield* socket.send(numbered(6))
      assert.strictEqual(numberOf(yield* v4.receive), 6)
    })
  )

  law("IPv6 peers are what they are", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::"), { ipv6Only: false })
      const v6 = yield* UdpSocket.bind(at("::1"))
      yield* v6.send(numbered(1), port("::1", socket))
      const message = yield* socket.receive
      assert.strictEqual(from(message), "::1")
      yield* socket.reply(message, numbered(2))
      assert.strictEqual(numberOf(yield* v6.receive), 2)
    })
  )

  law("an IPv6 socket refuses IPv4 unless it was asked to take it", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::"))
      const v4 = yield* bind()
      const sent = yield* Effect.exit(socket.send(numbered(1), v4.address))
      assert.strictEqual(sent._tag, "Failure")
      // the port is free for IPv4
      const other = yield* UdpSocket.bind(port("0.0.0.0", socket))
      yield* v4.send(numbered(2), port("127.0.0.1", socket))
      assert.strictEqual(numberOf(yield* other.receive), 2)
    })
  )

  law("a socket of the loopback address only is no wildcard, and has its port", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      assert.isAbove(socket.address.port, 0)
      assert.deepStrictEqual(socket.address.address, loopback.address)
    })
  )
})
