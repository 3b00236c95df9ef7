import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lab, labOf, u32 } from "./support.ts"

const twoLabs = (behaviour: MockWinsock.Behaviour = {}) =>
  Effect.gen(function* () {
    const { hosts } = yield* MockNetwork.makeTwoHosts(behaviour)
    return { client: yield* labOf(hosts.client), server: yield* labOf(hosts.server) }
  })

describe("two hosts", () => {
  for (const [name, to, from] of [
    ["IPv4", "10.0.0.1", "10.0.0.2"],
    ["IPv6", "fd00::1", "fd00::2"]
  ] as const) {
    it.effect(`${name}: a datagram goes there, with the sender's address, and back`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* twoLabs()
        const a = server.bound(name === "IPv4" ? "0.0.0.0" : "::")
        const b = client.bound(name === "IPv4" ? "0.0.0.0" : "::")
        client.send(b.s, "ask", to, a.port)
        yield* server.mock.settled
        const message = server.message()
        assert.strictEqual(server.recvMsg(a.s, message), 0)
        assert.strictEqual(message.from, `${from} ${b.port}`)
        server.send(a.s, "answer", from, b.port)
        yield* server.mock.settled
        assert.strictEqual(client.receive(b.s), "answer")
      })
    )
  }

  it.effect("packet info names the address and the interface it came to, and lets the answer leave from it", () =>
    Effect.gen(function* () {
      const { client, server } = yield* twoLabs()
      const a = server.bound("0.0.0.0")
      server.setOption(a.s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
      const b = client.bound("0.0.0.0")
      client.send(b.s, "ask", "10.0.0.101", a.port)
      yield* server.mock.settled
      const message = server.message({ control: 64 })
      server.recvMsg(a.s, message)
      assert.deepStrictEqual(message.controls[0].data, [10, 0, 0, 101, ...u32(7)])
      const answer = server.outgoing("answer").to("10.0.0.2", b.port)
      answer.controls = message.controls
      assert.strictEqual(server.sendMsg(a.s, answer), 0)
      yield* server.mock.settled
      const back = client.message()
      client.recvMsg(b.s, back)
      assert.strictEqual(back.from, `10.0.0.101 ${a.port}`)
    })
  )

  it.effect("each host has its loopback, memory, handles and last error", () =>
    Effect.gen(function* () {
      const { client, server } = yield* twoLabs()
      const a = server.bound("127.0.0.1")
      client.send(client.socket(), "x", "127.0.0.1", a.port)
      yield* server.mock.settled
      assert.strictEqual(server.receive(a.s), Codes.WSAEWOULDBLOCK)
      client.calls.WSASetLastError(1)
      assert.strictEqual(server.error, Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("a broadcast reaches the hosts of the network, the sender's too, and nobody without a socket", () =>
    Effect.gen(function* () {
      const { client, server } = yield* twoLabs()
      const a = server.socket()
      server.bind(a, "0.0.0.0", 67)
      const b = client.socket()
      client.bind(b, "0.0.0.0", 67)
      client.setOption(b, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
      assert.strictEqual(client.send(b, "all", "255.255.255.255", 67), 0)
      yield* server.mock.settled
      assert.deepStrictEqual([server.receive(a), client.receive(b)], ["all", "all"])
    })
  )

  it.effect("an address of nobody: the datagram is dropped without a word", () =>
    Effect.gen(function* () {
      const { client } = yield* twoLabs()
      assert.strictEqual(client.send(client.socket(), "x", "10.0.0.50", 5), 0)
      yield* client.mock.settled
      const reasons = (yield* client.mock.trace).flatMap((e) => (e._tag === "Dropped" ? [e.reason] : []))
      assert.deepStrictEqual(reasons, ["no such host"])
    })
  )
})

describe("port unreachable", () => {
  it.effect("ends a pending receive with STATUS_PORT_UNREACHABLE", () =>
    Effect.gen(function* () {
      const { client } = yield* twoLabs()
      const { s } = client.bound("0.0.0.0")
      const cp = client.completionPort(s)
      const overlapped = client.overlapped()
      client.recvMsg(s, client.message(), overlapped.address)
      client.send(s, "x", "10.0.0.1", 4321)
      yield* client.mock.settled
      assert.deepStrictEqual(
        client.packets(cp).map((p) => [p.status, p.bytes]),
        [[NtStatus.STATUS_PORT_UNREACHABLE, 0]]
      )
    })
  )

  it.effect("fails the next receive with WSAECONNRESET, once; overlapped too, and queues nothing (55)", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const cp = l.completionPort(s)
      for (const overlapped of [false, true]) {
        l.send(s, "x", "127.0.0.1", 4321)
        yield* l.mock.settled
        assert.strictEqual(l.recvMsg(s, l.message(), overlapped ? l.overlapped().address : 0), Codes.WSAECONNRESET)
        assert.strictEqual(l.receive(s), Codes.WSAEWOULDBLOCK)
      }
      assert.deepStrictEqual(l.packets(cp), [])
    })
  )

  it.effect("not with SIO_UDP_CONNRESET FALSE, not from a host that stays silent, not from the peer of another", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      l.ioctl(s, Ioctls.SIO_UDP_CONNRESET, u32(0))
      l.send(s, "x", "127.0.0.1", 4321)
      yield* l.mock.settled
      assert.strictEqual(l.receive(s), Codes.WSAEWOULDBLOCK)
      const silent = yield* lab({ portUnreachable: false })
      const quiet = silent.bound()
      silent.send(quiet.s, "x", "127.0.0.1", 4321)
      yield* silent.mock.settled
      assert.strictEqual(silent.receive(quiet.s), Codes.WSAEWOULDBLOCK)
      const connected = l.bound()
      l.connect(connected.s, "127.0.0.1", 4000)
      l.send(connected.s, "x", "127.0.0.1", 4321)
      yield* l.mock.settled
      assert.strictEqual(l.receive(connected.s), Codes.WSAEWOULDBLOCK)
    })
  )
})

describe("delivery", () => {
  it.effect("in a turn of its own, or within the call", () =>
    Effect.gen(function* () {
      const later = yield* lab()
      const a = later.bound()
      later.send(a.s, "x", "127.0.0.1", a.port)
      assert.strictEqual(later.receive(a.s), Codes.WSAEWOULDBLOCK)
      yield* later.mock.settled
      assert.strictEqual(later.receive(a.s), "x")
      const now = yield* lab({ delivery: "immediate" })
      const b = now.bound()
      const overlapped = now.overlapped()
      now.recvMsg(b.s, now.message(), overlapped.address)
      now.send(b.s, "x", "127.0.0.1", b.port)
      assert.strictEqual(overlapped.view.Internal, 0)
    })
  )

  it.effect("held, and let go in order", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.hold
          for (const text of ["1", "2", "3"]) l.send(a.s, text, "127.0.0.1", a.port)
          yield* l.mock.settled
          assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
        })
      )
      yield* l.mock.settled
      assert.deepStrictEqual([l.receive(a.s), l.receive(a.s), l.receive(a.s)], ["1", "2", "3"])
    })
  )

  it.effect("same seed, same run: the traces of two simulations are equal", () =>
    Effect.gen(function* () {
      const run = (seed: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { client, server } = yield* twoLabs({
              cancellation: "seeded",
              dequeue: "seeded",
              readyAnswer: "seeded",
              seed,
              truncationAnswer: "seeded"
            })
            const a = server.bound("0.0.0.0")
            const cp = server.completionPort(a.s)
            const b = client.bound("0.0.0.0")
            for (let i = 0; i < 10; i++) {
              const overlapped = server.overlapped()
              server.recvMsg(a.s, server.message({ sizes: [4] }), overlapped.address)
              client.send(b.s, "abc".repeat(i % 3), "10.0.0.1", a.port)
              if (i % 3 === 0) server.calls.CancelIoEx(a.s, overlapped.address)
              if (i % 4 === 0) yield* server.mock.settled
            }
            yield* server.mock.settled
            server.packets(cp)
            server.calls.CancelIoEx(a.s, 0)
            yield* server.mock.settled
            server.packets(cp)
            return yield* server.mock.trace
          })
        )
      const first = yield* run(3)
      assert.isAbove(first.length, 50)
      assert.deepStrictEqual(yield* run(3), first)
      assert.notDeepEqual(yield* run(4), first)
    })
  )
})
