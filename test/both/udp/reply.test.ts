import { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { bind, law, layerName, numbered, numberOf, start } from "../../support/rig.ts"
import { at, cameTo, from, lacks, port, tag } from "../../support/udp.ts"

const control = ["packetInfo"] as const

describe("UdpSocket: reply", () => {
  for (const [name, ip] of [
    ["IPv4", "127.0.0.1"],
    ["IPv6", "::1"]
  ]) {
    law(`from a socket of one address: ${name}`, ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at(ip), { reply: "required" })
        const client = yield* UdpSocket.bind(at(ip))
        yield* client.send(numbered(1), socket.address)
        recorder.clear()
        yield* socket.reply(yield* socket.receive, numbered(2))
        const answer = yield* client.receive
        assert.deepStrictEqual([numberOf(answer), from(answer)], [2, ip])
        assert.deepStrictEqual(answer.from, socket.address)
        assert.strictEqual(recorder.count("WSASocketW"), 0)
      })
    )
  }

  const wildcards = [
    { name: "IPv6", bind: "::", client: "::1", ipv6Only: true, asked: ["::1"] },
    { name: "IPv6, dual stack", bind: "::", client: "::1", ipv6Only: false, asked: ["::1"] },
    {
      name: "IPv4 on a dual-stack socket",
      bind: "::",
      client: "127.0.0.1",
      ipv6Only: false,
      asked: ["127.0.0.1", "127.0.0.9", "127.1.2.3"]
    }
  ]
  for (const { asked, bind: any, client: own, ipv6Only, name } of wildcards) {
    for (const lookAhead of [0, 2]) {
      law(`from the address asked, on a wildcard socket: ${name}, ${lookAhead} ahead`, ({ statistics }) =>
        Effect.gen(function* () {
          const socket = yield* UdpSocket.bind(at(any), { control, ipv6Only, reply: "required", lookAhead })
          const client = yield* UdpSocket.bind(at(own))
          const { handles } = yield* statistics
          for (let round = 0; round < 3; round++) {
            for (const [n, ip] of asked.entries()) {
              yield* client.send(numbered(n), port(ip, socket))
              const message = yield* socket.receive
              assert.strictEqual(cameTo(message).split("%")[0], ip)
              // what waits meanwhile is not lost
              yield* client.send(numbered(100), port(ip, socket))
              yield* client.send(numbered(101), port(ip, socket))
              yield* socket.reply(message, [message.payload, numbered(round)])
              const answer = yield* client.receive
              assert.deepStrictEqual([from(answer), answer.from!.port], [ip, socket.address.port])
              assert.deepStrictEqual([...answer.payload], [...numbered(n), ...numbered(round)])
              assert.strictEqual(numberOf(yield* socket.receive), 100)
              assert.strictEqual(numberOf(yield* socket.receive), 101)
            }
          }
          assert.strictEqual((yield* statistics).handles.sockets, handles.sockets)
        })
      )
    }
  }

  law("on an IPv4 wildcard socket: from the address asked, or as the wish says", () =>
    Effect.gen(function* () {
      const client = yield* bind()
      for (const reply of ["required", "preferred"] as const) {
        const socket = yield* UdpSocket.bind(at("0.0.0.0"), { control, reply })
        const { send } = yield* socket.capabilities
        yield* client.send(numbered(1), port("127.0.0.9", socket))
        const message = yield* socket.receive
        assert.strictEqual(cameTo(message).split("%")[0], "127.0.0.9")
        const able = send.source || send.sourceByBinding
        if (layerName === "mock") assert.isTrue(able)
        if (!able && reply === "required") {
          yield* lacks(socket.reply(message, numbered(2)), "source address")
          continue
        }
        yield* socket.reply(message, numbered(2))
        const answer = yield* client.receive
        assert.deepStrictEqual([from(answer), numberOf(answer)], [able ? "127.0.0.9" : "127.0.0.1", 2])
      }
    })
  )

  law("without packet info, on a wildcard socket: as the wish says", () =>
    Effect.gen(function* () {
      const client = yield* bind()
      for (const reply of ["required", "preferred"] as const) {
        const socket = yield* UdpSocket.bind(at("0.0.0.0"), { reply })
        yield* client.send(numbered(1), port("127.0.0.1", socket))
        const message = yield* socket.receive
        if (reply === "required") yield* lacks(socket.reply(message, numbered(2)), "packetInfo")
        else {
          yield* socket.reply(message, numbered(2))
          assert.strictEqual(numberOf(yield* client.receive), 2)
        }
      }
    })
  )

  law("sockets that share their port for it have ports of their own all the same", () =>
    Effect.gen(function* () {
      const bindings = Array.from({ length: 200 }, () => UdpSocket.bind(at("::"), { control }))
      const ports = (yield* Effect.all(bindings)).map(({ address }) => address.port)
      assert.strictEqual(new Set(ports).size, ports.length)
    })
  )

  law("through a wildcard socket that shares its port with nobody: as the wish says", () =>
    Effect.gen(function* () {
      const client = yield* bind()
      const asked = yield* UdpSocket.bind(at("::"), { control, ipv6Only: false })
      yield* client.send(numbered(1), port("127.0.0.9", asked))
      const message = yield* asked.receive
      // the port of a socket that is gone
      const free = yield* Effect.scoped(Effect.map(UdpSocket.bind(at("::"), { ipv6Only: false }), (_) => _.address))
      for (const reply of ["preferred", "required"] as const) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const socket = yield* UdpSocket.bind(free, { ipv6Only: false, reply })
            const { send } = yield* socket.capabilities
            if (!send.source && reply === "required") {
              return yield* lacks(socket.reply(message, numbered(2)), "packetInfo")
            }
            yield* socket.reply(message, numbered(2))
            const answer = yield* client.receive
            assert.deepStrictEqual([numberOf(answer), answer.from!.port], [2, socket.address.port])
          })
        )
      }
    })
  )

  law("a message of another socket is answered as well", () =>
    Effect.gen(function* () {
      const [first, second, client] = [yield* bind(), yield* bind(), yield* bind()]
      yield* client.send(numbered(1), first.address)
      yield* second.reply(yield* first.receive, numbered(2))
      assert.deepStrictEqual((yield* client.receive).from, second.address)
      assert.strictEqual(yield* tag(second.reply(undefined as never, numbered(1))), "InvalidArgument")
    })
  )
})

describe("UdpSocket: the capability record", () => {
  law("says nothing of a provider that was tried while all was being closed", ({ release }) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::1"))
      const asking = yield* start(socket.capabilities)
      yield* release
      assert.strictEqual(yield* tag(Fiber.join(asking)), "SocketClosed")
    })
  )

  law("is the same for sockets of a kind, and consistent with what the socket does", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ control: ["hopLimit", "ecn"] })
      const first = yield* socket.capabilities
      const opened = recorder.count("WSASocketW")
      assert.deepStrictEqual(yield* socket.capabilities, first)
      assert.deepStrictEqual(yield* (yield* bind({ control: ["hopLimit", "ecn"] })).capabilities, first)
      assert.strictEqual(recorder.count("WSASocketW"), opened + 1)
      assert.isTrue(first.receive.hopLimit)
      assert.isFalse(first.receive.packetInfo)
      assert.isFalse(first.coalescing)
      assert.isTrue(first.cancelOne)
      assert.strictEqual(first.largestSend, 65_507)
      assert.strictEqual(first.offloadFault, first.version.build === 20_348)
      assert.isAtLeast(first.version.major, 6)
    })
  )
})
