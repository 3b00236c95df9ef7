// A peer that loses its power: what the streams of those that are left end with, over wires, routers and bad networks.
import { MockNetwork, MockRule } from "@effect-winsock/mock"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, labOf } from "./support.ts"
import * as T from "./tcpSupport.ts"

const ip = "192.0.2.80"

const hosts = {
  client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24"] }] },
  server: { interfaces: [{ index: 4, name: "Ethernet", addresses: [`${ip}/24`] }] }
} as const

const routes = [{ between: ["client", "server"], routers: [["10.0.0.254"], ["192.0.2.254"]], delay: 10 }] as const

/** What may be between the two machines. */
const ways = {
  "a wire": MockNetwork.make({ hosts }),
  "a network of rules": Effect.tap(MockNetwork.make({ hosts }), (network) =>
    network.rules(MockRule.latency({ min: "5 millis", max: "40 millis" }))
  ),
  routers: MockNetwork.make({ hosts, routes }),
  "routers and rules": Effect.tap(MockNetwork.make({ hosts, routes }), (network) =>
    network.rules(MockRule.latency({ min: "5 millis", max: "40 millis" }))
  )
} as const

const pass = (network: MockNetwork.MockNetwork<"client" | "server">, milliseconds: number, step = 100) =>
  Effect.gen(function* () {
    yield* network.settled
    for (let at = 0; at < milliseconds; at += step) {
      yield* TestClock.adjust(step)
      yield* network.settled
    }
  })

const lives = (way: (typeof ways)[keyof typeof ways]) =>
  Effect.gen(function* () {
    const network = yield* way
    const client = yield* labOf(network.hosts.client)
    const server = yield* labOf(network.hosts.server)
    const listener = T.listening(server, ip)
    const s = T.stream(client)
    client.connect(s, ip, listener.port)
    yield* pass(network, 500)
    const accepted = T.accept(server, listener.s)
    assert.isAbove(accepted, 0)
    return { network, client, server, s, accepted, port: listener.port }
  })

/** A new life of the server, which listens again. */
const restarted = (network: MockNetwork.MockNetwork<"client" | "server">) =>
  Effect.gen(function* () {
    yield* network.restart("server")
    return yield* labOf(network.hosts.server)
  })

const listenAgain = (l: Lab, port: number): SocketHandle => {
  const s = T.stream(l)
  assert.strictEqual(l.bind(s, ip, port), 0)
  assert.strictEqual(l.calls.listen(s, 5), 0)
  return s
}

const keepAlive = (l: Lab, s: SocketHandle): void => {
  l.setOption(s, Flags.IPPROTO_TCP, Options.TCP_KEEPIDLE, 5)
  l.setOption(s, Flags.IPPROTO_TCP, Options.TCP_KEEPINTVL, 2)
  l.setOption(s, Flags.IPPROTO_TCP, Options.TCP_KEEPCNT, 3)
  l.setOption(s, Flags.SOL_SOCKET, Options.SO_KEEPALIVE, 1)
}

const states = (network: MockNetwork.MockNetwork<"client" | "server">) =>
  Effect.map(network.hosts.client.sockets, (sockets) => sockets.flatMap(({ state }) => (state ? [state] : [])))

for (const [name, way] of Object.entries(ways)) {
  describe(`a peer that crashes, over ${name}`, () => {
    it.effect("and never comes back: what is sent is sent again until it is given up", () =>
      Effect.gen(function* () {
        const { client, network, s } = yield* lives(way)
        const receive = T.postReceive(client, s, [10])
        yield* network.crash("server")
        assert.strictEqual(T.send(client, s, "abc"), 3)
        assert.strictEqual(T.send(client, s, "def"), 3)
        yield* pass(network, 15_000, 500)
        assert.strictEqual(receive.view.Internal, NtStatus.STATUS_PENDING)
        yield* pass(network, 50_000, 500)
        assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
        assert.strictEqual(T.send(client, s, "x"), -Codes.WSAETIMEDOUT)
        assert.deepStrictEqual(yield* states(network), ["CLOSED"])
        const segments = (yield* client.mock.trace).filter(
          (event) => event._tag === "SegmentDropped" && event.host === "client" && event.bytes > 0
        )
        // "abc" and five times more: Nagle's algorithm keeps the rest
        assert.strictEqual(segments.length, 6)
      })
    )

    it.effect("and comes back: it does not know the next segment and resets it", () =>
      Effect.gen(function* () {
        const { client, network, port, s } = yield* lives(way)
        yield* network.crash("server")
        const server = yield* restarted(network)
        listenAgain(server, port)
        assert.strictEqual(T.send(client, s, "abc"), 3)
        yield* pass(network, 500)
        assert.strictEqual(T.receive(client, s), Codes.WSAECONNRESET)
        assert.deepStrictEqual(yield* states(network), ["CLOSED"])
        assert.deepStrictEqual(yield* T.states(server), ["LISTENING"])
      })
    )

    it.effect("and comes back while data is sent again: the retransmission is reset", () =>
      Effect.gen(function* () {
        const { client, network, s } = yield* lives(way)
        yield* network.crash("server")
        T.send(client, s, "abc")
        yield* pass(network, 4000)
        assert.strictEqual(T.receive(client, s), Codes.WSAEWOULDBLOCK)
        const server = yield* restarted(network)
        yield* pass(network, 6000)
        assert.strictEqual(T.receive(client, s), Codes.WSAECONNRESET)
        assert.deepStrictEqual(yield* T.states(server), [])
      })
    )

    it.effect("with a send that waits for room: asked for, and given up", () =>
      Effect.gen(function* () {
        const { client, network, s } = yield* lives(way)
        const send = T.postSend(client, s, 500_000)
        yield* pass(network, 2000)
        assert.strictEqual(send.view.Internal, NtStatus.STATUS_PENDING)
        yield* network.crash("server")
        yield* pass(network, 70_000, 500)
        assert.strictEqual(send.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
        assert.deepStrictEqual(yield* states(network), ["CLOSED"])
      })
    )

    it.effect("keep-alive finds out, also that it forgot", () =>
      Effect.gen(function* () {
        for (const back of [false, true]) {
          const { client, network, s } = yield* lives(way)
          keepAlive(client, s)
          yield* pass(network, 20_000, 500)
          const receive = T.postReceive(client, s, [10])
          assert.strictEqual(receive.view.Internal, NtStatus.STATUS_PENDING)
          yield* network.crash("server")
          if (back) yield* restarted(network)
          yield* pass(network, 6000, 500)
          assert.strictEqual(
            receive.view.Internal >>> 0,
            back ? NtStatus.STATUS_CONNECTION_RESET : NtStatus.STATUS_PENDING
          )
          yield* pass(network, 6000, 500)
          const end = back ? NtStatus.STATUS_CONNECTION_RESET : NtStatus.STATUS_IO_TIMEOUT
          assert.strictEqual(receive.view.Internal >>> 0, end)
        }
      })
    )

    it.effect("listens again after the restart, also for the ports that its peers still have", () =>
      Effect.gen(function* () {
        const { accepted, client, network, port, s, server } = yield* lives(way)
        const clientPort = client.portOf(s)
        // this time it is the client that crashes, and has its port again
        T.send(server, accepted, "abc")
        yield* pass(network, 500)
        yield* network.restart("client")
        const again = yield* labOf(network.hosts.client)
        const other = T.stream(again)
        assert.strictEqual(again.bind(other, "10.0.0.2", clientPort), 0)
        again.connect(other, ip, port)
        yield* pass(network, 500)
        assert.strictEqual(T.receive(server, accepted), Codes.WSAECONNRESET)
        yield* pass(network, 2000)
        assert.isDefined(again.peer(other))
        assert.strictEqual(T.send(again, other, "new"), 3)
        yield* pass(network, 500)
        assert.deepStrictEqual(yield* T.states(again), ["ESTABLISHED"])
        assert.deepStrictEqual(yield* T.states(server), ["CLOSED", "ESTABLISHED", "LISTENING"])
      })
    )

    it.effect("in the handshake: the SYN goes on, and the one that is half open is forgotten", () =>
      Effect.gen(function* () {
        const network = yield* way
        const server = yield* labOf(network.hosts.server)
        const client = yield* labOf(network.hosts.client)
        const listener = T.listening(server, ip, 1)
        const s = T.stream(client)
        client.connect(s, ip, listener.port)
        // with the SYN on its way
        yield* network.crash("server")
        const back = yield* restarted(network)
        const again = listenAgain(back, listener.port)
        yield* pass(network, 25_000, 500)
        assert.isDefined(client.peer(s))
        assert.isAbove(T.accept(back, again), 0)
        // and with the SYN,ACK on its way to a client that is gone
        const other = T.stream(client)
        client.connect(other, ip, listener.port)
        yield* network.crash("client")
        yield* pass(network, 30_000, 500)
        assert.notInclude(yield* T.states(back), "SYN_RECEIVED")
      })
    )

    it.effect("leaves nothing: no connection, no timer that counts, no violation", () =>
      Effect.gen(function* () {
        const { client, network, s } = yield* lives(way)
        T.send(client, s, "abc")
        yield* network.crash("server")
        T.send(client, s, "def")
        client.closesocket(s)
        yield* pass(network, 600_000, 5000)
        assert.deepStrictEqual(yield* states(network), [])
        assert.isFalse(yield* client.mock.keptAlive)
        assert.deepStrictEqual(yield* client.mock.guard, [])
        const before = (yield* client.mock.trace).length
        yield* pass(network, 600_000, 60_000)
        assert.strictEqual((yield* client.mock.trace).length, before)
      })
    )
  })
}
