import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import type { Change, Chance, Packet, Rule, Verdict } from "@effect-winsock/mock/MockRule"
import * as MockTrace from "@effect-winsock/mock/MockTrace"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { lab, type Lab } from "./support.ts"
import * as T from "./tcpSupport.ts"

const rule = (judge: (packet: Packet, change: Change, chance: Chance) => Verdict | undefined): Rule => ({
  description: "a rule of this test",
  begin: (chance) => (packet, change) => judge(packet, change, chance)
})

const lost: Verdict = { _tag: "Drop", reason: "lost" }

const latency = (delay: number): Rule =>
  rule((_, change) => {
    change.delay += delay
    return undefined
  })

/** Lets time pass in steps, everything settled after each. */
const pass = (l: Lab, milliseconds: number, step: number) =>
  Effect.gen(function* () {
    for (let at = 0; at < milliseconds; at += step) {
      yield* TestClock.adjust(step)
      yield* l.mock.settled
    }
  })

describe("TCP and rules of the network", () => {
  it.effect("connect takes a round trip, and data half of one", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      yield* l.mock.rules(latency(50))
      const listener = T.listening(l)
      const client = T.stream(l)
      l.connect(client, "127.0.0.1", listener.port)
      yield* pass(l, 90, 10)
      assert.isUndefined(l.peer(client))
      yield* pass(l, 10, 10)
      assert.isDefined(l.peer(client))
      yield* pass(l, 50, 10)
      const server = T.accept(l, listener.s)
      assert.strictEqual(T.send(l, client, "abc"), 3)
      yield* pass(l, 40, 10)
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
      yield* pass(l, 10, 10)
      assert.strictEqual(T.receive(l, server), "abc")
    })
  )

  it.effect("a lost segment is sent again after a second, and holds up what is behind it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(
        rule(({ offset, payload, retransmissions }) =>
          payload.length > 0 && offset === 0 && retransmissions === 0 ? lost : undefined
        )
      )
      l.setOption(client, Flags.IPPROTO_TCP, 1, 1)
      T.send(l, client, "abc")
      T.send(l, client, "def")
      yield* pass(l, 900, 100)
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
      yield* pass(l, 100, 100)
      assert.strictEqual(T.receive(l, server), "abcdef")
      const text = MockTrace.toText(yield* l.mock.trace)
      assert.include(text, "dropped (lost): ACK")
      assert.include(text, "retransmission 1")
    })
  )

  it.effect("a partition one way: the acknowledgements are lost, and the sender times out", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, port, server } = yield* T.pair(l)
      yield* l.mock.rules(rule(({ sourcePort }) => (sourcePort === port ? lost : undefined)))
      T.send(l, client, "abc")
      const receive = T.postReceive(l, client, [10])
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), "abc")
      yield* pass(l, 62_000, 1000)
      assert.strictEqual(receive.view.Internal, NtStatus.STATUS_PENDING)
      yield* pass(l, 2000, 1000)
      assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
      // who only receives never notices
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("a lost window update is asked for", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(rule(({ flags }) => (flags.includes("WINDOW") ? lost : undefined)))
      const size = 200_000
      const send = T.postSend(l, client, size)
      let got = 0
      for (let round = 0; round < 60 && got < size; round++) {
        for (let more = true; more;) {
          const count = T.receiveCount(l, server, 65_536)
          more = count > 0
          if (more) got += count
        }
        yield* pass(l, 1000, 1000)
      }
      assert.strictEqual(got, size)
      assert.strictEqual(send.view.Internal, 0)
    })
  )

  it.effect("reset by the network: both ends hear of it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(rule(({ offset }) => (offset >= 3 ? { _tag: "Reset" } : undefined)))
      T.send(l, client, "abc")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), "abc")
      T.send(l, client, "def")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), Codes.WSAECONNRESET)
      assert.strictEqual(T.receive(l, client), Codes.WSAECONNRESET)
    })
  )
})

describe("TCP over a bad network: whatever the seed", () => {
  for (let seed = 1; seed <= 40; seed++) {
    it.effect(`seed ${seed}: every byte arrives once and in order, or the connection is timed out`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ seed, segmentation: "seeded", trace: 0 })
        const { client, server } = yield* T.pair(l)
        const loss = (seed % 4) * 10
        yield* l.mock.rules(
          rule((_, change, chance) => {
            if (chance.below(100) < loss) return lost
            change.delay += chance.below(40)
            if (chance.below(10) === 0) change.copies.push(chance.below(30))
            return undefined
          })
        )
        const words = Array.from({ length: 12 }, (_, i) => `${seed}:${i};`)
        const ends = [client, server]
        const sent = ["", ""]
        const got = ["", ""]
        const codes = [0, 0]
        for (const word of words) {
          ends.forEach((end, i) => {
            // a send that does not wait may take a part only
            const count = T.send(l, end, word)
            if (count > 0) sent[i] += word.slice(0, count)
          })
          yield* pass(l, 20, 20)
        }
        for (const end of ends) l.calls.shutdown(end, Flags.SD_SEND)
        const over = [false, false]
        for (let round = 0; round < 240 && !(over[0] && over[1]); round++) {
          yield* pass(l, 500, 500)
          ends.forEach((end, i) => {
            for (let more = !over[i]; more;) {
              const answer = T.receive(l, end, 4096)
              if (answer === Codes.WSAEWOULDBLOCK) break
              if (typeof answer === "string" && answer !== "") got[i] += answer
              else {
                over[i] = true
                more = false
                if (typeof answer === "number") codes[i] = answer
              }
            }
          })
        }
        assert.deepStrictEqual(over, [true, true])
        got.forEach((text, i) => {
          if (codes[i] === 0) assert.strictEqual(text, sent[1 - i])
          else {
            assert.isTrue(sent[1 - i].startsWith(text))
            assert.include([Codes.WSAETIMEDOUT, Codes.WSAECONNRESET], codes[i])
          }
        })
        if (loss === 0) assert.deepStrictEqual(codes, [0, 0])
      })
    )
  }
})
