import { TcpServer, TcpSocket } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core/Winsock"
import { MockDisturbance, MockExplorer, MockFault, MockNetwork, MockRule } from "@effect-winsock/mock"
import { WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Schedule from "effect/Schedule"
import { chanceOf } from "../../packages/mock/src/internal/Chance.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("10.0.0.1", 4000)

type Name = "server" | "client"
type Network = MockNetwork.MockNetwork<Name>
const network = { hosts: MockNetwork.twoHosts } as const

class WrongAnswer extends Data.TaggedError("WrongAnswer")<{ readonly message: string }> {}

const size = 64
const question = (n: number) => new Uint8Array(size).fill(n)

/** Answers each question with itself. */
const server = Effect.gen(function* () {
  const listener = yield* TcpServer.listen(address)
  return yield* listener.run((stream) =>
    Effect.ignore(Effect.forever(Effect.flatMap(stream.receiveExactly(size), stream.send)))
  )
})

/** Five questions over one connection; one that is careless takes what comes first for all of the answer. */
const asks = (careless = false) =>
  Effect.gen(function* () {
    const stream = yield* TcpSocket.connect(address)
    for (let n = 0; n < 5; n++) {
      yield* stream.send(question(n))
      const answer = careless ? yield* stream.receive : yield* stream.receiveExactly(size)
      if (Buffer.compare(answer, question(n)) !== 0) {
        return yield* new WrongAnswer({ message: `${answer.length} bytes to question ${n}` })
      }
      yield* Effect.sleep("1 second")
    }
  }).pipe(Effect.scoped)

const persistent = asks().pipe(
  Effect.timeout("30 seconds"),
  Effect.retry(Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(300)]))
)

const explored = (
  client: Effect.Effect<void, unknown, Winsock>,
  seeds: number,
  ...disturbances: ReadonlyArray<MockDisturbance.Drawn<Name>>
): MockExplorer.Options<Name> => ({
  network,
  disturbances,
  seeds,
  program: (net: Network) =>
    Effect.gen(function* () {
      yield* net.host("server", server)
      yield* net.settled
      yield* net.run("client", client)
    })
})

const codes = (plan: MockExplorer.Plan) => plan.map(({ disturbance }) => disturbance.code)

/** No part can go, and none can be shorter by half. */
const isMinimal = (options: MockExplorer.Options<Name>, { seed, shortest }: MockExplorer.Report) =>
  Effect.gen(function* () {
    const { plan } = shortest
    const without = plan.map((one) => plan.filter((other) => other !== one))
    const halved = plan.map((one, i) => plan.with(i, { ...one, duration: one.duration >> 1 }))
    for (const one of [...without, ...halved.filter((_, i) => plan[i].duration > 1)]) {
      const { failure } = yield* MockExplorer.run(options, seed, one)
      assert.notDeepEqual(
        [failure?.kind, failure?.name],
        [shortest.failure?.kind, shortest.failure?.name],
        MockExplorer.toCode(one)
      )
    }
  })

describe("TCP programs", () => {
  it.live("one that never connects again sees nothing of a mild network and mild faults", () =>
    Effect.gen(function* () {
      const { mildFaults, mildTcp } = MockDisturbance
      const options = explored(asks(), 12, ...mildTcp, ...mildFaults("server", "client"))
      assert.strictEqual((yield* MockExplorer.explore(options)).runs, 12)
    })
  )

  it.live("one that connects again survives a harsh network, outages and crashes of its server", () =>
    Effect.gen(function* () {
      const { crashes, harshTcp, outages } = MockDisturbance
      const options = explored(persistent, 12, ...harshTcp, ...outages("server", "client"), ...crashes("server"))
      assert.strictEqual((yield* MockExplorer.explore(options)).runs, 12)
    })
  )

  it.live("one that takes what comes first for an answer is found out by streams in crumbs", () =>
    Effect.gen(function* () {
      const options = explored(asks(true), 40, ...MockDisturbance.mildTcp, ...MockDisturbance.mildFaults("client"))
      const { report } = yield* Effect.flip(MockExplorer.explore(options))
      assert.strictEqual(report.failure.name, "WrongAnswer")
      assert.strictEqual(report.shortest.plan.length, 1)
      assert.match(
        codes(report.shortest.plan)[0],
        /^MockDisturbance\.fault\("client", \{ call: "WSARecv", most: \d+ \}\)$/
      )
      yield* isMinimal(options, report)
    })
  )

  it.live("one that does not connect again fails by a single crash, and each run of it is the same", () =>
    Effect.gen(function* () {
      // who waits for an answer hears nothing of a crash that lasts
      const once = Effect.timeout(asks(), "1 minute")
      const options = explored(once, 40, ...MockDisturbance.mildTcp, MockDisturbance.crash("server"))
      const error = yield* Effect.flip(MockExplorer.explore(options))
      const { failure, plan, seed, shortest } = error.report
      assert.isAbove(plan.length, 1)
      assert.deepStrictEqual(codes(shortest.plan), [`MockDisturbance.crash("server")`])
      assert.strictEqual(failure.kind, "Failed")
      yield* isMinimal(options, error.report)
      assert.deepStrictEqual(
        (yield* MockExplorer.replay(options, seed)).trace,
        (yield* MockExplorer.replay(options, seed)).trace
      )
      assert.deepStrictEqual(yield* MockExplorer.run(options, seed, shortest.plan), shortest)
      // what happened last is what happened before the end: the server that had come back knew nothing of the connection,
      // and was not closed yet
      const { last } = shortest
      assert.isTrue(last.some((event) => event._tag === "Call" && event.name === "WSARecv" && event.result === -1))
      assert.isFalse(
        last.some((event) => event.host === "server" && event._tag === "Call" && event.name === "closesocket")
      )
      assert.match(error.message, /from \d+\.\d{3}s for \d+\.\d{3}s: crash of server, until it ends/)
      assert.include(error.message, `disturbance: MockDisturbance.crash("server") }`)
      // the program's own error, with its stack
      assert.strictEqual((error.cause as Error).message, failure.message)
    })
  )
})

describe("crashes", () => {
  const lives = (plan: MockExplorer.Plan<Name>, more: Partial<MockExplorer.Subject<Name>> = {}) =>
    Effect.gen(function* () {
      const began: Array<number> = []
      const program = (net: Network) =>
        Effect.gen(function* () {
          const life = Effect.andThen(Clock.currentTimeMillis, (now) => Effect.sync(() => began.push(now)))
          yield* net.host("server", Effect.andThen(life, Effect.never))
          yield* Effect.sleep("1 minute")
        })
      const { failure } = yield* MockExplorer.run<Name, unknown>({ network, program, ...more }, 1, plan)
      assert.isUndefined(failure)
      return began
    })
  const crash = (at: number, duration: number) => ({
    at,
    duration,
    disturbance: MockDisturbance.crash("server" as Name)
  })

  it.live("a machine is down for the time of it, and of all that overlap", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lives([crash(10, 5)]), [0, 15])
      assert.deepStrictEqual(yield* lives([crash(10, 50), crash(20, 5)]), [0, 60])
      assert.deepStrictEqual(yield* lives([crash(10, 50), crash(20, 100)]), [0, 120])
      assert.deepStrictEqual(yield* lives([crash(10, 5), crash(15, 5)]), [0, 20])
    })
  )

  it.live("what a program has started again stays up; a restart is at once", () =>
    Effect.gen(function* () {
      const restart = { at: 20, duration: 1000, disturbance: MockDisturbance.restart("server" as Name) }
      assert.deepStrictEqual(yield* lives([restart]), [0, 20])
      assert.deepStrictEqual(yield* lives([crash(10, 50), restart]), [0, 20])
    })
  )

  it.live("of a machine that there is none of is an error of types, and of the call where types do not help", () =>
    Effect.gen(function* () {
      const nobody = { at: 1, duration: 1, disturbance: MockDisturbance.crash("nobody") }
      const subject: MockExplorer.Subject<Name> = { network, program: () => Effect.sleep(100) }
      // @ts-expect-error: the network has no such host
      const exit = yield* Effect.exit(MockExplorer.run(subject, 1, [nobody]))
      assert.strictEqual(
        Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "nothing",
        'RangeError: disturbance of an exploration: MockDisturbance.crash("nobody"): not a host of its network (server, client): nobody'
      )
    })
  )

  it.live("a program that a crash ends is told as interrupted", () =>
    Effect.gen(function* () {
      const program = (net: Network) => net.run("server", Effect.never)
      const { failure } = yield* MockExplorer.run({ network, program }, 1, [crash(10, 5)])
      assert.strictEqual(failure?.kind, "Interrupted")
      assert.include(failure?.message, "a crash of a machine")
    })
  )
})

describe("a disturbance in a plan", () => {
  it.live("has the same chance whatever else is there, another at another time and in another run", () =>
    Effect.gen(function* () {
      const drawn = (seed: number, at: number, ...others: MockExplorer.Plan) =>
        Effect.gen(function* () {
          let numbers: ReadonlyArray<number> = []
          const listens: MockRule.Rule = {
            description: "listens",
            begin: (chance) => {
              numbers = [chance.next(), chance.below(1000)]
              return () => undefined
            }
          }
          const plan = [...others, { at, duration: 10, disturbance: MockDisturbance.rule(listens) }]
          const { failure } = yield* MockExplorer.run({ network, program: () => Effect.sleep(100) }, seed, plan)
          assert.isUndefined(failure)
          assert.strictEqual(numbers.length, 2)
          return numbers
        })
      const loss = { at: 1, duration: 50, disturbance: MockDisturbance.rule(MockRule.loss({ begin: 0.5, end: 0.5 })) }
      const first = yield* drawn(1, 20)
      assert.deepStrictEqual(yield* drawn(1, 20, loss, { ...loss, at: 20 }), first)
      assert.notDeepEqual(yield* drawn(1, 21), first)
      assert.notDeepEqual(yield* drawn(2, 20), first)
    })
  )
})

describe("palettes", () => {
  const palettes = {
    mild: MockDisturbance.mild,
    harsh: MockDisturbance.harsh,
    mildTcp: MockDisturbance.mildTcp,
    harshTcp: MockDisturbance.harshTcp,
    outages: MockDisturbance.outages("server", "client"),
    crashes: MockDisturbance.crashes("server", "client"),
    mildFaults: MockDisturbance.mildFaults("server", "client"),
    harshFaults: MockDisturbance.harshFaults("server", "client")
  }
  const chance = chanceOf(1)

  it("what is drawn is made by its code, and says in words what it is", () => {
    for (const [name, palette] of Object.entries<ReadonlyArray<MockDisturbance.Drawn<Name>>>(palettes)) {
      for (const drawn of palette) {
        for (let i = 0; i < 20; i++) {
          const { code, description } = typeof drawn === "function" ? drawn(chance) : drawn
          const made = new Function("MockDisturbance", "MockRule", `return ${code}`)(MockDisturbance, MockRule)
          assert.deepStrictEqual([made.code, made.description], [code, description], name)
          assert.notInclude(description, "undefined")
        }
      }
    }
  })

  it("each can be installed, all at once", () =>
    Effect.gen(function* () {
      const net = yield* MockNetwork.makeTwoHosts()
      const all = Object.values<ReadonlyArray<MockDisturbance.Drawn<Name>>>(palettes).flat()
      for (const drawn of all)
        yield* Effect.scoped((typeof drawn === "function" ? drawn(chance) : drawn).begin(net, chance))
      assert.isTrue(yield* net.isUp("server"))
    }).pipe(Effect.scoped, Effect.runPromise))

  it("none for no machine", () => {
    assert.throws(() => MockDisturbance.outages("server"), RangeError, "outages: not two hosts: server")
    assert.throws(() => MockDisturbance.crashes(), RangeError, "crashes: no host")
    assert.throws(() => MockDisturbance.mildFaults(), RangeError, "mildFaults: no host")
    assert.throws(() => MockDisturbance.harshFaults(), RangeError, "harshFaults: no host")
  })
})

describe("the code of a disturbance", () => {
  const { rule } = MockDisturbance

  it("is the call that makes it, without what is not said", () => {
    const made: ReadonlyArray<[MockRule.Rule, string]> = [
      [MockRule.latency({ min: 0, max: Duration.millis(5) }), `MockRule.latency({ min: 0, max: "5 millis" })`],
      [MockRule.bandwidth({ bytesPerSecond: 10 }), "MockRule.bandwidth({ bytesPerSecond: 10 })"],
      [MockRule.loss({ begin: 0.1, end: 0.5 }), "MockRule.loss({ begin: 0.1, end: 0.5 })"],
      [MockRule.duplication(0.5), "MockRule.duplication(0.5)"],
      [MockRule.corruption(1, { bits: 2 }), "MockRule.corruption(1, { bits: 2 })"],
      [MockRule.reordering(0.1, "1 second"), `MockRule.reordering(0.1, "1 second")`],
      [MockRule.partition("a", ["b", "c"], { oneWay: true }), `MockRule.partition("a", ["b", "c"], { oneWay: true })`],
      [MockRule.cut("a"), `MockRule.cut("a")`],
      [MockRule.blackHole(600), "MockRule.blackHole(600)"],
      [MockRule.tooBig(600), "MockRule.tooBig(600)"],
      [MockRule.unreachable(), `MockRule.unreachable("host")`],
      [MockRule.expire(), "MockRule.expire()"],
      [MockRule.expire({ hops: 3 }), "MockRule.expire({ hops: 3 })"],
      [MockRule.resetAfter(7), "MockRule.resetAfter(7)"],
      [MockRule.all(MockRule.drop, MockRule.deliver), "MockRule.all(MockRule.drop, MockRule.deliver)"],
      [
        MockRule.when(MockRule.first(MockRule.drop, 2), { port: 53, predicate: ({ size }) => size > 9 }),
        "MockRule.when(MockRule.first(MockRule.drop, 2), { port: 53, predicate: ({ size }) => size > 9 })"
      ],
      [
        MockRule.during(MockRule.nth(MockRule.cut("a"), 2), { from: "1 second" }),
        `MockRule.during(MockRule.nth(MockRule.cut("a"), 2), { from: "1 second" })`
      ]
    ]
    for (const [one, code] of made) assert.strictEqual(rule(one).code, `MockDisturbance.rule(${code})`)
  })

  it("of a rule of one's own is what one says, or its words", () => {
    const own: MockRule.Rule = { description: "nothing at all", begin: () => () => undefined }
    assert.strictEqual(rule(own).code, "MockDisturbance.rule(/* nothing at all */)")
    assert.strictEqual(rule(own, "rule(own)").code, "rule(own)")
  })

  it("of a fault is its fields", () => {
    const { fault } = MockDisturbance
    assert.strictEqual(
      fault("client", MockFault.late("WSARecv", { after: "1 second" }, { nth: 2 })).code,
      `MockDisturbance.fault("client", { nth: 2, call: "WSARecv", lateCompletion: { after: "1 second" } })`
    )
    assert.strictEqual(
      fault("client", { call: "WSASend", code: WSAENOBUFS }).code,
      `MockDisturbance.fault("client", { call: "WSASend", code: ${WSAENOBUFS} })`
    )
  })
})
