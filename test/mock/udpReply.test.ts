import type { Decorators, UdpSocket } from "@effect-winsock/core"
import { WSAEADDRNOTAVAIL, WSAEINVAL, WSAENOBUFS, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import type { Host, Hosts } from "../support/hosts.ts"
import { hosts } from "../support/hosts.ts"
import { numbered, numberOf, start } from "../support/rig.ts"
import { at, bytes, cameTo, controlOf, datagram, from, lacks, pattern, refuses, tag } from "../support/udp.ts"

type Socket = UdpSocket.UdpSocket

const control = ["packetInfo", "hopLimit"] as const

/** Asks a server at one of its addresses, and gives what it got. */
const ask = Effect.fnUntraced(function* (client: Socket, ip: string, server: Socket, n = 1) {
  yield* client.send(numbered(n), at(ip, server.address.port))
  return yield* server.receive
})

const asked = [
  { server: "0.0.0.0", client: "10.0.0.2", addresses: ["10.0.0.1%7", "10.0.0.101%7", "10.0.1.1%8"], ipv6Only: true },
  { server: "::", client: "fd00::2", addresses: ["fd00::1%7", "fd00::101%7"], ipv6Only: true },
  { server: "::", client: "fd00::2", addresses: ["fd00::1%7", "fd00::101%7"], ipv6Only: false },
  { server: "::", client: "10.0.0.2", addresses: ["10.0.0.1%7", "10.0.0.101%7", "10.0.1.1%8"], ipv6Only: false }
]

const title = ({ client, ipv6Only }: (typeof asked)[number]) => `${client}${ipv6Only ? "" : ", dual stack"}`

const eachAddress = (one: (typeof asked)[number], reply: UdpSocket.Options["reply"]) =>
  Effect.fnUntraced(function* ({ client, server }: Hosts) {
    const socket = yield* server.bind(one.server, { control, ipv6Only: one.ipv6Only, reply })
    const friend = yield* client.bind(one.client)
    for (const [n, place] of one.addresses.entries()) {
      const [ip] = place.split("%")
      const message = yield* ask(friend, ip, socket, n)
      assert.strictEqual(cameTo(message), place)
      yield* socket.reply(message, [message.payload, bytes(9)])
      const answer = yield* friend.receive
      assert.deepStrictEqual([from(answer), answer.from!.port], [ip, socket.address.port])
      assert.deepStrictEqual([...answer.payload], [...numbered(n), 9])
    }
    // nothing is left but the one, and it goes on
    assert.strictEqual((yield* server.mock.sockets).length, 1)
    yield* friend.send(numbered(9), at(one.addresses[0].split("%")[0], socket.address.port))
    assert.strictEqual(numberOf(yield* socket.receive), 9)
    return socket
  })

describe("UdpSocket: reply, with a provider that lets a send name its source", () => {
  for (const one of asked) {
    for (const abi of ["x64", "ia32"] as const) {
      hosts(`leaves from the address and interface asked: ${title(one)}, ${abi}`, eachAddress(one, "required"), { abi })
    }
  }

  hosts("opens no other socket, and is one call", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("0.0.0.0", { control })
      const message = yield* ask(yield* client.bind("10.0.0.2"), "10.0.0.101", socket)
      yield* socket.capabilities
      server.recorder.clear()
      yield* socket.reply(message, bytes(1))
      assert.deepStrictEqual(
        server.recorder.calls.filter(({ origin }) => origin !== "offThread").map(({ name }) => name),
        ["WSASendMsg"]
      )
    })
  )

  hosts("a socket bound to one address needs no packet info, nor the self-test", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.101", { reply: "required" })
      const friend = yield* client.bind("10.0.0.2")
      const message = yield* ask(friend, "10.0.0.101", socket)
      yield* socket.reply(message, numbered(2))
      assert.strictEqual(from(yield* friend.receive), "10.0.0.101")
      assert.strictEqual(server.recorder.count("WSASocketW"), 1)
    })
  )

  hosts("without packet info: preferred it goes plainly, required it fails before any send", ({ client, server }) =>
    Effect.gen(function* () {
      const friend = yield* client.bind("10.0.0.2")
      const preferred = yield* server.bind("0.0.0.0")
      yield* preferred.reply(yield* ask(friend, "10.0.0.101", preferred), numbered(2))
      assert.strictEqual(from(yield* friend.receive), "10.0.0.1")
      const required = yield* server.bind("0.0.0.0", { reply: "required" })
      const message = yield* ask(friend, "10.0.0.101", required)
      server.recorder.clear()
      yield* lacks(required.reply(message, numbered(2)), "packetInfo")
      assert.strictEqual(server.recorder.count("WSASendMsg"), 0)
    })
  )

  hosts("takes options of its own; a source among them is the source", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("0.0.0.0", { control })
      const friend = yield* client.bind("10.0.0.2", { control: ["hopLimit"] })
      const message = yield* ask(friend, "10.0.0.101", socket)
      yield* socket.reply(message, numbered(2), { hopLimit: 5 })
      const answer = yield* friend.receive
      assert.deepStrictEqual([from(answer), controlOf(answer).hopLimit], ["10.0.0.101", 5])
      yield* socket.reply(message, numbered(3), { source: at("10.0.0.1").address, hopLimit: 6 })
      const other = yield* friend.receive
      assert.deepStrictEqual([from(other), controlOf(other).hopLimit], ["10.0.0.1", 6])
      yield* refuses(socket.reply(message, numbered(4), { hopLimit: 0 }), "hopLimit", 0)
      yield* refuses(socket.reply(message, "text" as never), "payload", "text")
      assert.strictEqual(yield* tag(socket.reply(message, pattern(65_508))), "MessageTooLarge")
    })
  )

  hosts("a source that the provider refuses, with either code, is gone without", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("0.0.0.0", { control, reply: "required" })
      const friend = yield* client.bind("10.0.0.2")
      const message = yield* ask(friend, "10.0.0.101", socket)
      yield* socket.capabilities
      for (const code of [WSAEADDRNOTAVAIL, WSAEINVAL]) {
        server.failing.add({ call: "WSASendMsg", nth: 1, code })
        yield* socket.reply(message, numbered(2))
        assert.strictEqual(from(yield* friend.receive), "10.0.0.1")
        server.failing.clear()
      }
      server.failing.add({ call: "WSASendMsg", nth: 1, code: WSAENOBUFS })
      assert.strictEqual(yield* tag(socket.reply(message, numbered(2))), "NoBufferSpace")
    })
  )

  const { ipv4Loopback } = NetAddress
  const unusable: Record<string, string> = {
    "a multicast group": "239.1.2.3",
    everybody: "255.255.255.255",
    "everybody of a network": "10.0.0.255",
    "an address of somebody else's": "192.0.2.1"
  }
  for (const sendControl of ["honoured", "ignored"] as const) {
    for (const [name, destination] of Object.entries(unusable)) {
      for (const reply of ["preferred", "required"] as const) {
        hosts(
          `a message to ${name} is answered from the address that the system chooses: ${reply}, ${sendControl}`,
          ({ client, server }) =>
            Effect.gen(function* () {
              const socket = yield* server.bind("0.0.0.0", { control, reply })
              const friend = yield* client.bind("10.0.0.2")
              const address = NetAddress.ipFromStringUnsafe(destination) as NetAddress.Ipv4Address
              const message = datagram("x64", friend.address, [{ _tag: "IP_PKTINFO", address, ifIndex: 7 }])
              yield* socket.reply(message, numbered(1))
              assert.strictEqual(from(yield* friend.receive), "10.0.0.1")
              assert.strictEqual((yield* server.mock.sockets).length, 1)
            }),
          { sendControl }
        )
      }
    }
  }

  hosts("what is no message, or has no sender, or malformed control data", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("0.0.0.0", { control, reply: "required" })
      const friend = yield* client.bind("10.0.0.2")
      for (const message of [undefined, null, {}, { from: friend.address }]) {
        yield* refuses(socket.reply(message as never, bytes(1)), "message", message)
      }
      const nameless = datagram("x64", undefined, [])
      yield* refuses(socket.reply(nameless, bytes(1)), "message", nameless)
      const info = { _tag: "IP_PKTINFO", address: ipv4Loopback, ifIndex: 1 } as const
      yield* lacks(socket.reply(datagram("x64", friend.address, [info, info]), bytes(1)), "packetInfo")
    })
  )
})

describe("UdpSocket: reply, with a provider that ignores the source of a send", () => {
  const ignored = { sendControl: "ignored" } as const
  for (const one of asked) {
    for (const reply of ["preferred", "required"] as const) {
      hosts(`leaves from the address asked: ${title(one)}, ${reply}`, eachAddress(one, reply), ignored)
    }
  }

  hosts(
    "the wildcard socket shares its port from the start, which is not exclusive then",
    ({ server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("0.0.0.0", { control }, 7000)
        assert.strictEqual((yield* server.bind("0.0.0.0", { reuseAddress: true }, 7000)).address.port, 7000)
        // who does not answer from several addresses keeps his port to himself
        yield* server.bind("0.0.0.0", {}, 7001)
        assert.strictEqual(yield* tag(server.bind("0.0.0.0", { reuseAddress: true }, 7001)), "PermissionDenied")
        yield* server.bind("10.0.0.1", { control }, 7002)
        assert.strictEqual(yield* tag(server.bind("10.0.0.1", { reuseAddress: true }, 7002)), "PermissionDenied")
        assert.strictEqual(socket.address.port, 7000)
      }),
    ignored
  )

  hosts(
    "what is said of the send follows the same rules, and pieces leave from that address as well",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2", { control: ["hopLimit"] })
        const required = yield* server.bind("0.0.0.0", { control })
        const message = yield* ask(friend, "10.0.0.101", required)
        yield* required.capabilities
        server.recorder.clear()
        yield* lacks(required.reply(message, bytes(1), { hopLimit: 5 }), "hopLimit")
        yield* lacks(required.reply(message, bytes(1), { segmentSize: 5 }), "segmentSize")
        yield* refuses(required.reply(message, bytes(1), { ecn: 3 }), "ecn", 3)
        yield* refuses(required.reply(message, "text" as never), "payload", "text")
        assert.strictEqual(server.recorder.count("WSASendMsg"), 0)
        assert.strictEqual(server.recorder.count("WSASocketW"), 0)
        const preferred = yield* server.bind("0.0.0.0", { control, sendControl: "preferred" })
        const other = yield* ask(friend, "10.0.0.101", preferred)
        yield* preferred.reply(other, pattern(5), { hopLimit: 5, segmentSize: 2 })
        for (const size of [2, 2, 1]) {
          const answer = yield* friend.receive
          assert.deepStrictEqual([answer.payload.length, from(answer)], [size, "10.0.0.101"])
        }
      }),
    { ...ignored, absentOptions: ["UDP_SEND_MSG_SIZE"] }
  )

  hosts(
    "errors are typed, and leave no socket",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2")
        const socket = yield* server.bind("0.0.0.0", { control, reply: "required" })
        const message = yield* ask(friend, "10.0.0.101", socket)
        const reply = socket.reply(message, numbered(1))
        const cases = [
          [{ call: "WSASocketW", code: WSAENOBUFS }, "NoBufferSpace"],
          [{ call: "bind", code: WSAENOBUFS }, "NoBufferSpace"],
          [{ call: "getsockname", code: WSAENOBUFS }, "NoBufferSpace"],
          [{ call: "WSASendMsg", code: WSAENOBUFS }, "NoBufferSpace"],
          [{ call: "WSASendMsg", code: WSAEWOULDBLOCK }, "WouldBlock"]
        ] as const
        for (const [rule, expected] of cases) {
          const stop = server.failing.add(rule)
          assert.strictEqual(yield* tag(reply), expected, rule.call)
          stop()
          assert.strictEqual((yield* server.mock.sockets).length, 1, rule.call)
        }
        assert.strictEqual(yield* tag(socket.reply(message, pattern(65_508))), "MessageTooLarge")
        assert.strictEqual((yield* server.mock.sockets).length, 1)
        // no address of the machine's own any more
        const stop = server.failing.add({ call: "bind", code: WSAEADDRNOTAVAIL })
        yield* reply
        stop()
        assert.strictEqual(from(yield* friend.receive), "10.0.0.1")
        yield* reply
        assert.strictEqual(from(yield* friend.receive), "10.0.0.101")
      }),
    ignored
  )

  hosts(
    "with no room, preferred, it waits and leaves from the address that the system chooses",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2")
        const socket = yield* server.bind("0.0.0.0", { control })
        const message = yield* ask(friend, "10.0.0.101", socket)
        yield* socket.capabilities
        server.failing.add({ call: "WSASendMsg", nth: 1, code: WSAEWOULDBLOCK })
        yield* socket.reply(message, numbered(1))
        assert.strictEqual(from(yield* friend.receive), "10.0.0.1")
      }),
    ignored
  )

  hosts(
    "with no room after some pieces, preferred, the others follow, and none goes twice",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2")
        const socket = yield* server.bind("0.0.0.0", { control, sendControl: "preferred" })
        const message = yield* ask(friend, "10.0.0.101", socket)
        yield* socket.capabilities
        server.failing.add({ call: "WSASendMsg", nth: 3, code: WSAEWOULDBLOCK })
        yield* socket.reply(message, pattern(7), { segmentSize: 2 })
        const got: Array<number> = []
        while (got.length < 7) got.push(...(yield* friend.receive).payload)
        assert.deepStrictEqual(got, [...pattern(7)])
      }),
    { ...ignored, absentOptions: ["UDP_SEND_MSG_SIZE"] }
  )

  hosts(
    "options that are none are refused, on a wildcard socket too",
    ({ client, server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("0.0.0.0", { control })
        const message = yield* ask(yield* client.bind("10.0.0.2"), "10.0.0.101", socket)
        for (const wrong of [null, 5]) {
          yield* refuses(socket.reply(message, bytes(1), wrong as never), "options", wrong)
        }
      }),
    ignored
  )

  // datagrams arrive within the call that sends them, so they can be made to come at any moment of a reply
  const moments = ["WSASocketW", "bind", "getsockname", "WSASendMsg", "connect", "closesocket"] as const
  const during = (server: Host, moment: (typeof moments)[number], task: () => void) => {
    let done = false
    // a rule that never applies sees every call before it is made
    server.failing.add({
      call: moment,
      when: () => {
        if (!done) task()
        done = true
        return false
      },
      code: 1
    } as Decorators.FailRule)
  }
  for (const moment of moments) {
    for (const waiting of [0, 1, 3]) {
      for (const lookAhead of [0, 2]) {
        hosts(
          `what comes before, at ${moment} and after is not lost, and in order: ${waiting} wait, ${lookAhead} ahead`,
          ({ client, server }) =>
            Effect.gen(function* () {
              const socket = yield* server.bind("0.0.0.0", { control, lookAhead })
              const friend = yield* client.bind("10.0.0.2")
              const message = yield* ask(friend, "10.0.0.101", socket)
              yield* socket.capabilities
              const to = at("10.0.0.101", socket.address.port)
              const send = (n: number) => friend.send(numbered(n), to)
              const fibers = []
              for (let i = 0; i < waiting; i++) fibers.push(yield* start(socket.receive))
              for (const n of [0, 1]) yield* send(n)
              during(server, moment, () => {
                for (const n of [2, 3]) Effect.runSync(send(n))
              })
              yield* socket.reply(message, numbered(9))
              for (const n of [4, 5]) yield* send(n)
              const got: Array<number> = []
              for (const fiber of fibers) got.push(numberOf(yield* Fiber.join(fiber)))
              while (got.length < 6) got.push(numberOf(yield* socket.receive))
              assert.deepStrictEqual(got, [0, 1, 2, 3, 4, 5])
              assert.strictEqual(from(yield* friend.receive), "10.0.0.101")
              assert.strictEqual((yield* server.mock.sockets).length, 1)
              const { aborted, completed, failed, submitted } = (yield* server.statistics).operations.receive
              const pending = (yield* server.statistics).pending
              assert.strictEqual(submitted, completed + failed + aborted + pending)
            }),
          { ...ignored, delivery: "immediate" }
        )
      }
    }
  }

  hosts(
    "what is taken over is cut as all else, says where it came to, and waits for pull",
    ({ client, server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("0.0.0.0", { control, maxMessageSize: 4, reply: "required" })
        const friend = yield* client.bind("10.0.0.2")
        const message = yield* ask(friend, "10.0.0.101", socket)
        yield* socket.capabilities
        during(server, "WSASendMsg", () => {
          for (const size of [3, 4, 5]) {
            Effect.runSync(friend.send(pattern(size), at("10.0.0.101", socket.address.port)))
          }
        })
        yield* socket.reply(message, numbered(9))
        const batch = yield* socket.pull
        assert.deepStrictEqual(
          batch.map((message) => [message.payload.length, message.truncated, cameTo(message), from(message)]),
          [
            [3, false, "10.0.0.101%7", "10.0.0.2"],
            [4, false, "10.0.0.101%7", "10.0.0.2"],
            [4, true, "10.0.0.101%7", "10.0.0.2"]
          ]
        )
      }),
    { ...ignored, delivery: "immediate" }
  )
})
