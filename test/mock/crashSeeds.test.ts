// A server that crashes at random moments, under clients that go on: nothing is left of any of its lives, and the clients
// see only what a peer's crash may look like.
import { Names, TcpServer, TcpSocket, UdpSocket, Winsock } from "@effect-winsock/core"
import { MockNetwork } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { held, nothing } from "../support/rig.ts"
import { at } from "../support/udp.ts"
import { Chance } from "../model/Chance.ts"

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const tcpPort = 80
const udpPort = 53
const server = "10.0.0.1"

/** An echo of both kinds, which also asks for names, and has another stream with itself. */
const echo = Effect.gen(function* () {
  const listener = yield* TcpServer.listen(at("0.0.0.0", tcpPort), { acceptAhead: 2 })
  const datagrams = yield* UdpSocket.bind(at("0.0.0.0", udpPort), { lookAhead: 2 })
  const answering = Effect.forever(
    Effect.flatMap(datagrams.receive, (message) => datagrams.reply(message, message.payload))
  )
  const serving = listener.run((own) =>
    Effect.ignore(
      Effect.forever(Effect.flatMap(own.receive, (bytes) => (bytes.length === 0 ? Effect.interrupt : own.send(bytes))))
    )
  )
  const asking = Effect.forever(Effect.andThen(Effect.ignore(Names.lookup("slow.example")), turn))
  const itself = Effect.gen(function* () {
    const own = yield* TcpSocket.connect(at("127.0.0.1", tcpPort))
    const size = 70_000
    return yield* Effect.all([own.send(new Uint8Array(size)), own.receiveExactly(size)], { concurrency: 2 })
  }).pipe(Effect.scoped, Effect.forever)
  return yield* Effect.all([answering, serving, asking, itself], { concurrency: "unbounded", discard: true })
})

/** What a client may be told of a peer that crashes. */
const documented = new Set(["ConnectionReset", "ConnectionRefused", "TimedOut", "ConnectionAborted"])

/** Connects, sends and receives over and over; what went wrong, by its tag. */
const client = (errors: Set<string>, echoed: () => void, random: (below: number) => number) =>
  Effect.gen(function* () {
    const stream = Effect.gen(function* () {
      const own = yield* TcpSocket.connect(at(server, tcpPort))
      for (let i = 0; i < 3; i++) {
        const size = 1 + random(9000)
        yield* own.send(new Uint8Array(size))
        yield* own.receiveExactly(size)
        echoed()
      }
    }).pipe(Effect.scoped)
    const datagram = Effect.gen(function* () {
      const own = yield* UdpSocket.bind(at("0.0.0.0", 0))
      yield* own.send(new Uint8Array(20), at(server, udpPort))
      yield* own.receive
    }).pipe(Effect.scoped)
    // says something at every turn, and so hears of the end as soon as there is somebody to tell
    const chatter = Effect.gen(function* () {
      const own = yield* TcpSocket.connect(at(server, tcpPort), { noDelay: true })
      yield* Effect.forkScoped(Effect.ignore(Effect.forever(own.receive)))
      for (let i = 0; i < 100; i++) yield* Effect.andThen(own.send(new Uint8Array(10)), turn)
    }).pipe(Effect.scoped)
    const once = Effect.timeoutOption(Effect.all([stream, datagram, chatter], { concurrency: 3 }), "1 second")
    return yield* Effect.forever(
      Effect.andThen(
        Effect.catch(once, (error) => Effect.sync(() => void errors.add(error.reason._tag))),
        turn
      )
    )
  })

interface Told {
  readonly errors: ReadonlySet<string>
  readonly lives: number
  readonly echoed: number
}

const play = (seed: number): Effect.Effect<Told, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const chance = new Chance(seed)
    const random = (below: number): number => chance.below(below)
    const network = yield* MockNetwork.makeClientServer({
      seed,
      abi: seed % 2 === 0 ? "ia32" : "x64",
      readyAnswer: "seeded",
      cancellation: "seeded",
      dequeue: "seeded",
      delivery: seed % 5 === 0 ? "immediate" : "turn",
      trace: 300,
      names: { hosts: { "slow.example": { addresses: ["10.9.9.9"], latency: 3 } }, cancellation: "seeded" }
    })
    const { hosts } = network
    const lives: Array<Effect.Effect<Winsock.Statistics>> = []
    const errors = new Set<string>()
    let echoes = 0
    const serving = yield* network.host(
      "server",
      Effect.flatMap(Winsock.Winsock, (winsock) => {
        lives.push(winsock.statistics)
        return echo
      })
    )
    const asking = yield* network.fork(
      "client",
      client(errors, () => void echoes++, random)
    )
    for (let i = 0; i < 3; i++) {
      for (let n = random(60); n > 0; n--) {
        yield* turn
        if (random(8) === 0) yield* TestClock.adjust(random(40))
      }
      // at times in the middle of its own beginning or end
      yield* network.crash("server")
      assert.deepStrictEqual(yield* hosts.server.counts, { blocks: 0, handles: 0, pending: 0 })
      for (const statistics of lives) assert.deepStrictEqual(held(yield* statistics), nothing)
      yield* hosts.server.clearTrace
      for (let n = random(20); n > 0; n--) yield* turn
      if (random(2) === 0) yield* TestClock.adjust("2 seconds")
      const said = (yield* hosts.server.trace).filter(
        (event) => event.host === "server" && (event._tag === "Sent" || event._tag === "Segment")
      )
      assert.deepStrictEqual(said, [])
      yield* network.restart("server")
    }
    const before = lives.length
    echoes = 0
    for (let n = 0; n < 80 && echoes === 0; n++) {
      yield* turn
      yield* TestClock.adjust(20)
    }
    assert.strictEqual(lives.length, before)
    for (const fiber of [serving, asking] as const) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) assert.fail(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it ended")
    }
    // what is on its way to a peer that has lost its part of it gets its time
    const ending = yield* Effect.forkChild(Fiber.interruptAll([asking, serving]), { startImmediately: true })
    for (let n = 0; n < 200 && ending.pollUnsafe() === undefined; n++) {
      yield* turn
      yield* TestClock.adjust(100)
    }
    yield* Fiber.join(ending)
    return { errors, lives: lives.length, echoed: echoes }
  })

describe("a server that crashes at random moments", () => {
  const runs = 300
  const parts = 10
  for (let part = 0; part < parts; part++) {
    const first = part * (runs / parts) + 1
    it.effect(`seeds ${first} to ${first + runs / parts - 1}`, () =>
      Effect.gen(function* () {
        const seen = new Set<string>()
        for (let seed = first; seed < first + runs / parts; seed++) {
          const told = yield* Effect.scoped(play(seed)).pipe(
            Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}: ${Cause.pretty(cause)}`)))
          )
          for (const tag of told.errors) seen.add(tag)
          for (const tag of told.errors) assert.isTrue(documented.has(tag), `seed ${seed}: ${tag}`)
          assert.isAtLeast(told.lives, 1, `seed ${seed}`)
          assert.isAbove(told.echoed, 0, `seed ${seed}: nothing is echoed at the end`)
        }
        // what it finds says that it looks: a peer that comes back answers with a RST
        assert.isTrue(seen.has("ConnectionReset"))
      })
    )
  }
})
