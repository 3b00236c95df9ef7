// How long a stream waits for one that does not answer: TCP_MAXRT, keep-alive, and a FIN that never comes.
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

const ip = "10.0.0.1"

const pairOfTwo = Effect.gen(function* () {
  const network = yield* MockNetwork.makeClientServer()
  const [client, server] = [yield* labOf(network.hosts.client), yield* labOf(network.hosts.server)]
  const { client: s, server: accepted } = yield* T.pair(server, client, ip)
  return { network, client, server, s, accepted }
})

const pass = (l: Lab, milliseconds: number, step = 1000) =>
  Effect.gen(function* () {
    yield* l.mock.settled
    for (let at = 0; at < milliseconds; at += step) {
      yield* TestClock.adjust(step)
      yield* l.mock.settled
    }
  })

const pending = NtStatus.STATUS_PENDING

const set = (l: Lab, s: SocketHandle, name: number, value: number): void =>
  assert.strictEqual(l.setOption(s, Flags.IPPROTO_TCP, name, value), 0)

describe("TCP_MAXRT", () => {
  for (const [name, option, value, limit] of [
    ["TCP_MAXRT", Options.TCP_MAXRT, 5, 5000],
    ["TCP_MAXRT", Options.TCP_MAXRT, 200, 200_000],
    ["TCP_MAXRTMS", Options.TCP_MAXRTMS, 2500, 2500],
    // a time-out is waited for in any case
    ["TCP_MAXRTMS", Options.TCP_MAXRTMS, 0, 1000]
  ] as const) {
    it.effect(`${name} ${value}: given up after that time, whatever has been sent how often`, () =>
      Effect.gen(function* () {
        const { client, network, s } = yield* pairOfTwo
        set(client, s, option, value)
        const receive = T.postReceive(client, s, [10])
        yield* network.partition("client", "server")
        yield* pass(client, 3000)
        T.send(client, s, "abc")
        yield* pass(client, limit - 100, 100)
        assert.strictEqual(receive.view.Internal, pending)
        yield* pass(client, 100, 100)
        assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
      })
    )
  }

  it.effect("-1: sent again for ever, once a minute in the end, and it arrives", () =>
    Effect.gen(function* () {
      const { accepted, client, network, s, server } = yield* pairOfTwo
      set(client, s, Options.TCP_MAXRT, -1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* network.partition("client", "server")
          T.send(client, s, "abc")
          yield* pass(client, 7_200_000, 10_000)
          const sent = (yield* client.mock.trace).filter((e) => e._tag === "SegmentDropped").map(({ at }) => at)
          const gaps = sent.slice(1).map((at, i) => at - sent[i])
          assert.deepStrictEqual(gaps.slice(0, 7), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000])
          assert.isTrue(gaps.slice(7).every((gap) => gap === 60_000))
          assert.isAbove(gaps.length, 100)
        })
      )
      yield* pass(client, 60_000)
      assert.strictEqual(T.receive(server, accepted), "abc")
    })
  )

  it.effect("an accepted socket has it from the one that listened, and without it five times are all", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.makeClientServer()
      const [client, server] = [yield* labOf(network.hosts.client), yield* labOf(network.hosts.server)]
      for (const [value, limit] of [
        [undefined, 63_000],
        [10, 10_000]
      ] as const) {
        const listener = T.listening(server, ip)
        if (value !== undefined) set(server, listener.s, Options.TCP_MAXRT, value)
        const s = T.stream(client)
        client.connect(s, ip, listener.port)
        yield* network.settled
        const accepted = T.accept(server, listener.s)
        const receive = T.postReceive(server, accepted, [10])
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* network.partition("client", "server")
            T.send(server, accepted, "abc")
            yield* pass(server, limit - 1000)
            assert.strictEqual(receive.view.Internal, pending)
            yield* pass(server, 1000)
            assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
          })
        )
      }
    })
  )

  it.effect("counts anew with each acknowledgement, and for room that nobody tells of too", () =>
    Effect.gen(function* () {
      const { client, network, s } = yield* pairOfTwo
      set(client, s, Options.TCP_MAXRT, 4)
      yield* network.rules(MockRule.latency("500 millis"))
      const send = T.postSend(client, s, 300_000)
      // the peer answers that it has no room, again and again
      yield* pass(client, 60_000, 500)
      assert.strictEqual(send.view.Internal, pending)
      yield* network.crash("server")
      yield* pass(client, 20_000, 500)
      assert.strictEqual(send.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
    })
  )
})

describe("keep-alive", () => {
  it.effect("the times that are set last count, also when it is on already", () =>
    Effect.gen(function* () {
      const { client, network, s } = yield* pairOfTwo
      client.setOption(s, Flags.SOL_SOCKET, Options.SO_KEEPALIVE, 1)
      set(client, s, Options.TCP_KEEPIDLE, 10)
      set(client, s, Options.TCP_KEEPINTVL, 3)
      set(client, s, Options.TCP_KEEPCNT, 4)
      const receive = T.postReceive(client, s, [10])
      yield* pass(client, 100_000)
      assert.strictEqual(receive.view.Internal, pending)
      yield* network.crash("server")
      // ten seconds of silence at most, four probes, and three seconds after each
      yield* pass(client, 11_000)
      assert.strictEqual(receive.view.Internal, pending)
      yield* pass(client, 12_000)
      assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
      assert.strictEqual(T.send(client, s, "x"), -Codes.WSAENETRESET)
      const probes = (yield* client.mock.trace).filter(
        (event) => event._tag === "SegmentDropped" && event.flags.includes("PROBE")
      )
      assert.strictEqual(probes.length, 4)
    })
  )

  it.effect("does not end what is being sent again", () =>
    Effect.gen(function* () {
      const { accepted, client, network, s, server } = yield* pairOfTwo
      client.setOption(s, Flags.SOL_SOCKET, Options.SO_KEEPALIVE, 1)
      for (const name of [Options.TCP_KEEPIDLE, Options.TCP_KEEPINTVL, Options.TCP_KEEPCNT]) set(client, s, name, 1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* network.partition("client", "server")
          T.send(client, s, "abc")
          yield* pass(client, 20_000)
        })
      )
      yield* pass(client, 20_000)
      assert.strictEqual(T.receive(server, accepted), "abc")
    })
  )
})

describe("a FIN that never comes", () => {
  for (const when of ["before the close", "after it", "in a partition"] as const) {
    it.effect(`the peer is gone ${when}: a closed socket's connection is forgotten after two minutes`, () =>
      Effect.gen(function* () {
        const { accepted, client, network, s, server } = yield* pairOfTwo
        client.calls.shutdown(s, Flags.SD_SEND)
        yield* network.settled
        assert.strictEqual(T.receive(server, accepted), "")
        assert.deepStrictEqual(yield* T.states(client), ["FIN_WAIT_2"])
        if (when === "after it") client.closesocket(s)
        if (when === "in a partition") {
          yield* network.partition("client", "server")
          // the server ends its side, and is not heard; its own end is given up
          T.send(server, accepted, "abc")
          server.calls.shutdown(accepted, Flags.SD_SEND)
          yield* network.settled
          yield* pass(client, 1000)
          T.postReceive(client, s, [1])
        } else yield* network.crash("server")
        if (when !== "after it") client.closesocket(s)
        yield* pass(client, 119_000)
        const expected = when === "in a partition" ? [] : ["FIN_WAIT_2"]
        assert.deepStrictEqual(yield* T.states(client), expected)
        yield* pass(client, 1000)
        assert.deepStrictEqual(yield* T.states(client), [])
      })
    )
  }

  it.effect("the peer lives and never ends its side: what it sends later is reset", () =>
    Effect.gen(function* () {
      const { accepted, client, network, s, server } = yield* pairOfTwo
      yield* network.rules(MockRule.latency("20 millis"))
      client.closesocket(s)
      yield* pass(client, 1000, 20)
      assert.deepStrictEqual(yield* T.states(client), ["FIN_WAIT_2"])
      assert.deepStrictEqual(yield* T.states(server), ["CLOSE_WAIT", "LISTENING"])
      yield* pass(client, 120_000)
      assert.deepStrictEqual(yield* T.states(client), [])
      T.send(server, accepted, "abc")
      yield* pass(client, 100, 20)
      assert.strictEqual(T.send(server, accepted, "def"), -Codes.WSAECONNRESET)
    })
  )
})
