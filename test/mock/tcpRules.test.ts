import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as MockDiagram from "@effect-winsock/mock/MockDiagram"
import * as MockRule from "@effect-winsock/mock/MockRule"
import type { Change, Chance, Packet, Rule, Verdict } from "@effect-winsock/mock/MockRule"
import * as MockTimeline from "@effect-winsock/mock/MockTimeline"
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
  /** Words both ways over loss, delay and copies, and over a path that gets narrower twice. */
  const talk = (seed: number) =>
    Effect.gen(function* () {
      const l = yield* lab({ seed, segmentation: "seeded", trace: 0 })
      const { client, server } = yield* T.pair(l)
      const loss = (seed % 4) * 10
      let packets = 0
      yield* l.mock.rules(
        rule(({ size }, change, chance) => {
          if (chance.below(100) < loss) return lost
          packets++
          const mtu = seed % 3 > 0 || packets < 15 ? 1500 : packets < 30 ? 45 : 42
          if (size > mtu) return { _tag: "TooBig", mtu }
          change.delay += chance.next() * 40
          if (chance.below(10) === 0) change.copies.push(chance.next() * 30)
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
        yield* pass(l, 1000, 1000)
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
      const what = `seed ${seed}`
      got.forEach((text, i) => {
        // who has nothing to send never learns that the other gave up
        if (!over[i]) assert.strictEqual(T.receive(l, ends[1 - i]), Codes.WSAETIMEDOUT, what)
        if (over[i] && codes[i] === 0) assert.strictEqual(text, sent[1 - i], what)
        else assert.isTrue(sent[1 - i].startsWith(text), what)
        assert.include([0, Codes.WSAETIMEDOUT, Codes.WSAECONNRESET], codes[i], what)
      })
      if (loss <= 10)
        assert.deepStrictEqual(
          [over, codes],
          [
            [true, true],
            [0, 0]
          ],
          what
        )
      return codes[0] !== 0 || codes[1] !== 0
    })

  for (let first = 1; first <= 300; first += 50) {
    it.effect(`seeds from ${first}: every byte arrives once and in order, or the connection is timed out`, () =>
      Effect.gen(function* () {
        let broken = 0
        for (let seed = first; seed < first + 50; seed++) if (yield* Effect.scoped(talk(seed))) broken++
        assert.isBelow(broken, 10)
      })
    )
  }
})

describe("TCP: what the network does to one segment", () => {
  it.effect("a reset after n bytes keeps the n bytes", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(MockRule.resetAfter(5), latency(10))
      const first = T.postReceive(l, server, [4])
      const second = T.postReceive(l, server, [4])
      const third = T.postReceive(l, server, [4])
      T.send(l, client, "abc")
      yield* pass(l, 20, 10)
      T.send(l, client, "defghi")
      yield* pass(l, 20, 10)
      assert.strictEqual(first.text(), "abc")
      assert.strictEqual(second.text(), "de")
      assert.strictEqual(third.view.Internal >>> 0, NtStatus.STATUS_CONNECTION_RESET)
      assert.strictEqual(T.receive(l, client), Codes.WSAECONNRESET)
    })
  )

  it.effect("what is sent later, and takes no time, does not hurry what is under way", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(client, Flags.IPPROTO_TCP, 1, 1)
      let count = 0
      yield* l.mock.rules(
        rule(({ payload }, change) => {
          if (payload.length > 0 && count++ === 0) change.delay = 100
          return undefined
        })
      )
      T.send(l, client, "abc")
      T.send(l, client, "def")
      yield* pass(l, 90, 10)
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
      yield* pass(l, 10, 10)
      assert.strictEqual(T.receive(l, server), "abcdef")
    })
  )

  it.effect("one that is too big is cut, and those behind it follow", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(client, Flags.IPPROTO_TCP, 1, 1)
      yield* l.mock.rules(MockRule.tooBig(140))
      const text = Array.from({ length: 250 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("")
      T.send(l, client, text)
      T.send(l, client, text)
      T.send(l, client, "end")
      yield* pass(l, 200, 100)
      assert.strictEqual(T.receive(l, server, 1000), `${text}${text}end`)
    })
  )

  it.effect("a black hole for large ones times the sender out", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(MockRule.blackHole(140))
      T.send(l, client, "x".repeat(250))
      yield* pass(l, 70_000, 1000)
      assert.strictEqual(T.receive(l, client), Codes.WSAETIMEDOUT)
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("damage is found by the checksum and mended, unless it goes undetected", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const damage = (undetected: boolean) =>
        rule(({ payload, retransmissions }, change) => {
          if (payload.length === 0 || retransmissions > 0) return undefined
          change.payload = new Uint8Array(payload.length).fill(0x21)
          change.undetected = undetected
          return undefined
        })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.rules(damage(false))
          T.send(l, client, "abc")
          yield* pass(l, 1000, 100)
          assert.strictEqual(T.receive(l, server), "abc")
        })
      )
      yield* l.mock.rules(damage(true))
      T.send(l, client, "def")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), "!!!")
    })
  )

  for (const flag of ["FIN", "ACK"] as const) {
    it.effect(`a lost ${flag} of an end is made good`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const { client, port, server } = yield* T.pair(l)
        let losses = 0
        yield* l.mock.rules(
          rule(({ flags, sourcePort }) => {
            const isIt = flag === "FIN" ? flags.includes("FIN") : sourcePort === port && !flags.includes("FIN")
            return isIt && losses++ < 1 ? lost : undefined
          })
        )
        l.calls.shutdown(client, Flags.SD_SEND)
        yield* pass(l, 1500, 100)
        assert.strictEqual(T.receive(l, server), "")
        l.calls.shutdown(server, Flags.SD_SEND)
        yield* pass(l, 1500, 100)
        assert.strictEqual(T.receive(l, client), "")
        assert.isAbove(losses, 1)
        assert.deepStrictEqual(yield* T.states(l), ["CLOSED", "LISTENING", "TIME_WAIT"])
      })
    )
  }

  for (const flags of ["SYN", "SYN,ACK", "ACK"]) {
    it.effect(`a lost ${flags} of a handshake is made good`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const listener = T.listening(l)
        const client = T.stream(l)
        let losses = 0
        yield* l.mock.rules(rule((packet) => (packet.flags.join() === flags && losses++ < 1 ? lost : undefined)))
        l.connect(client, "127.0.0.1", listener.port)
        yield* pass(l, 5000, 500)
        assert.isAbove(losses, 1)
        const server = T.accept(l, listener.s)
        assert.isAbove(server, 0)
        assert.strictEqual(T.send(l, client, "abc"), 3)
        assert.strictEqual(T.send(l, server, "def"), 3)
        yield* pass(l, 2000, 500)
        assert.strictEqual(T.receive(l, server), "abc")
        assert.strictEqual(T.receive(l, client), "def")
      })
    )
  }
})

describe("TCP: ICMP about a SYN", () => {
  for (const [failure, code] of [
    ["host", Codes.WSAEHOSTUNREACH],
    ["network", Codes.WSAENETUNREACH],
    ["port", Codes.WSAECONNREFUSED]
  ] as const) {
    it.effect(`${failure} unreachable: what the connect ends with`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const listener = T.listening(l)
        const client = T.stream(l)
        yield* l.mock.rules(MockRule.unreachable(failure))
        l.connect(client, "127.0.0.1", listener.port)
        yield* pass(l, 40_000, 500)
        assert.strictEqual(l.option(client, Flags.SOL_SOCKET, Options.SO_ERROR), code)
      })
    )
  }

  it.effect("a connection that is there goes on", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.rules(MockRule.unreachable("host"))
          T.send(l, client, "abc")
          yield* l.mock.settled
        })
      )
      yield* pass(l, 1000, 100)
      assert.strictEqual(T.receive(l, server), "abc")
    })
  )
})

describe("TCP and partitions", () => {
  it.effect("ten minutes of one cost a bounded number of segments", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* l.mock.rules(rule(() => lost))
      T.send(l, client, "abc")
      T.send(l, server, "def")
      const before = (yield* l.mock.trace).length
      yield* pass(l, 600_000, 10_000)
      const events = (yield* l.mock.trace).slice(before)
      // one of each direction and five more, each sent and dropped: what came first is before
      assert.strictEqual(events.filter(({ _tag }) => _tag === "Segment").length, 10)
      assert.strictEqual(events.filter(({ _tag }) => _tag === "SegmentDropped").length, 10)
      assert.strictEqual(T.receive(l, client), Codes.WSAETIMEDOUT)
      assert.strictEqual(T.receive(l, server), Codes.WSAETIMEDOUT)
    })
  )

  it.effect("a short one is survived, and all arrives", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.rules(rule(() => lost))
          T.send(l, client, "abc")
          yield* pass(l, 10_000, 1000)
        })
      )
      // the rules are gone; what was lost is sent again all the same
      yield* pass(l, 10_000, 1000)
      assert.strictEqual(T.receive(l, server), "abc")
      T.send(l, server, "def")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, client), "def")
    })
  )

  it.effect("keep-alive finds one where nothing is sent", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client } = yield* T.pair(l)
      l.setOption(client, Flags.IPPROTO_TCP, Options.TCP_KEEPIDLE, 5)
      l.setOption(client, Flags.IPPROTO_TCP, Options.TCP_KEEPINTVL, 1)
      l.setOption(client, Flags.IPPROTO_TCP, Options.TCP_KEEPCNT, 3)
      l.setOption(client, Flags.SOL_SOCKET, Options.SO_KEEPALIVE, 1)
      const receive = T.postReceive(l, client, [10])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.rules(latency(10))
          yield* pass(l, 20_000, 100)
          assert.strictEqual(receive.view.Internal, NtStatus.STATUS_PENDING)
        })
      )
      yield* l.mock.rules(rule(() => lost))
      yield* pass(l, 10_000, 100)
      assert.strictEqual(receive.view.Internal >>> 0, NtStatus.STATUS_IO_TIMEOUT)
      assert.strictEqual(T.send(l, client, "x"), -Codes.WSAENETRESET)
    })
  )

  it.effect("a half-open connection that nobody acknowledges is forgotten", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l, "127.0.0.1", 1)
      const client = T.stream(l)
      yield* l.mock.rules(rule(({ sourcePort }) => (sourcePort === listener.port ? lost : undefined)))
      l.connect(client, "127.0.0.1", listener.port)
      yield* pass(l, 60_000, 1000)
      assert.deepStrictEqual(yield* T.states(l), ["LISTENING"])
      assert.strictEqual(l.option(client, Flags.SOL_SOCKET, Options.SO_ERROR), Codes.WSAETIMEDOUT)
    })
  )

  it.effect("what is closed while segments are under way leaves nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, listener, server } = yield* T.pair(l)
      yield* l.mock.rules(latency(50))
      const receive = T.postReceive(l, server, [10])
      T.send(l, client, "abc")
      T.send(l, server, "def")
      yield* pass(l, 10, 10)
      for (const s of [client, server, listener]) l.closesocket(s)
      yield* pass(l, 600_000, 1000)
      assert.notStrictEqual(receive.view.Internal, NtStatus.STATUS_PENDING)
      assert.deepStrictEqual(yield* T.states(l), [])
      assert.isFalse(yield* l.mock.keptAlive)
    })
  )
})

it.effect("pictures of a trace show the segments that were lost", () =>
  Effect.gen(function* () {
    const l = yield* lab()
    const { client } = yield* T.pair(l)
    yield* l.mock.rules(rule(({ payload }) => (payload.length > 0 ? lost : undefined)))
    T.send(l, client, "abc")
    yield* l.mock.settled
    const trace = yield* l.mock.trace
    assert.include(MockTimeline.toSvg(trace), "dropped (lost)")
    assert.include(MockDiagram.toMermaid(trace), "dropped (lost)")
  })
)
