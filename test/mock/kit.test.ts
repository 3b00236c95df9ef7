import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Winsock from "@effect-winsock/core/Winsock"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockTest from "@effect-winsock/mock/MockTest"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"

const at = (ip: string, port = 0) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

const it = MockTest.make()

describe("tests on a machine", () => {
  const machines = new Set<MockWinsock.Mock>()
  const seeds = new Map<string, number>()

  for (const name of ["one", "two"]) {
    it.effect(`a fresh one: ${name}`, ({ mock, seed }) =>
      Effect.gen(function* () {
        assert.isFalse(machines.has(mock))
        machines.add(mock)
        seeds.set(name, seed)
        assert.strictEqual(mock, yield* MockWinsock.MockWinsock)
        assert.isNotEmpty(yield* mock.trace)
        // the last one's socket is gone with its machine
        yield* UdpSocket.bind(at("127.0.0.1", 7777))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        yield* MockWinsock.advance("1 hour")
        assert.strictEqual(yield* Clock.currentTimeMillis, 3_600_000)
      })
    )
  }

  it("plain tests are vitest's; seeds are those of the names", () => {
    assert.strictEqual(machines.size, 2)
    assert.strictEqual(new Set(seeds.values()).size, 2)
  })

  it.live("real time", () =>
    Effect.gen(function* () {
      assert.isAbove(yield* Clock.currentTimeMillis, 1_000_000_000_000)
      yield* UdpSocket.bind(at("127.0.0.1"))
    })
  )

  it.effect.each([1, 2, 3])("cases: %i", (n, { seed }) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("127.0.0.1"))
      yield* socket.send(new Uint8Array(n), socket.address)
      assert.strictEqual((yield* socket.receive).payload.length, n)
      assert.isTrue(Number.isInteger(seed))
    })
  )

  it.effect.fails("a test that must fail", () => Effect.die(new Error("as it should")))

  it.effect.fails("the guard alone makes a test fail", () =>
    Effect.map(Winsock.Winsock, ({ seam }) => seam.memory.alloc(8))
  )

  it.effect.runIf(true)("one that runs if it may", ({ mock }) => mock.settled)

  it.effect.prop(
    "properties: what is sent comes",
    { size: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })) },
    ({ size }, { mock }) =>
      Effect.gen(function* () {
        assert.isFalse(machines.has(mock))
        machines.add(mock)
        const socket = yield* UdpSocket.bind(at("127.0.0.1"))
        yield* socket.send(new Uint8Array(size), socket.address)
        return (yield* socket.receive).payload.length === size
      })
  )
})

describe("seeds", () => {
  const chances: Array<number> = []
  MockTest.make({ seed: 100 }).seeds(5)("each has its own chance", ({ seed }) =>
    Effect.gen(function* () {
      assert.strictEqual(seed, 100 + chances.length)
      chances.push(yield* Random.next)
    })
  )
  it.seeds([102])("and the same again", () =>
    Effect.map(Random.next, (chance) => {
      assert.strictEqual(new Set(chances).size, 5)
      assert.strictEqual(chance, chances[2])
    })
  )
  const answers = new Set<number>()
  it.seeds(20)("what Windows leaves open is left to them", ({ mock }) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("127.0.0.1"))
      yield* socket.send(new Uint8Array(1), socket.address)
      yield* mock.settled
      yield* socket.receive
      for (const event of yield* mock.trace) {
        if (event._tag === "Call" && event.name === "WSARecvMsg" && event.args.lpOverlapped !== 0)
          answers.add(event.error)
      }
    })
  )
  it("so calls answer now or later", () => {
    assert.strictEqual(answers.size, 2)
  })
})

describe("tests on a network", () => {
  const it = MockTest.makeNetwork({ hosts: MockNetwork.twoHosts })
  it.effect("programs on its machines", ({ hosts, on }) =>
    Effect.gen(function* () {
      const server = yield* on("server", UdpSocket.bind(at("10.0.0.1", 7)))
      const client = yield* on("client", UdpSocket.bind(at("10.0.0.2")))
      const fiber = yield* Effect.forkChild(server.receive)
      yield* client.send(new Uint8Array(5), server.address)
      assert.strictEqual((yield* Fiber.join(fiber)).payload.length, 5)
      assert.strictEqual((yield* hosts.client.sockets).length, 1)
    })
  )
})

class Echo extends Context.Service<Echo, UdpSocket.UdpSocket>()("Echo") {
  static readonly layer = Layer.effect(Echo, UdpSocket.bind(at("127.0.0.1", 7)))
}

MockTest.layer({ guard: "strict" })("a suite", (it) => {
  it.layer(Echo.layer)("with a layer of the user's own", (it) => {
    for (const n of [1, 2]) {
      it.effect(`which is made anew: ${n}`, () =>
        Effect.gen(function* () {
          const echo = yield* Echo
          assert.strictEqual(echo.address.port, 7)
        })
      )
    }
  })
})

describe("what vitest shows of a test that fails", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url))
  let report = ""
  let code: number | null = null

  beforeAll(async () => {
    const args = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/mock/fixtures/kitVitest.config.ts"]
    const { GITHUB_ACTIONS: _, ...env } = process.env
    const child = spawn(process.execPath, args, { cwd: root, env: { ...env, NO_COLOR: "1", FORCE_COLOR: "0" } })
    child.stdout.on("data", (data) => (report += data))
    child.stderr.on("data", (data) => (report += data))
    code = await new Promise((resolve, reject) => {
      child.on("error", reject)
      child.on("close", resolve)
    })
    // a bound on what hangs, as of tests
  }, 60_000)

  /** What it says of one test, from its title among the failures on. */
  const of = (title: string): string => {
    const after = report.slice(report.indexOf("Failed Tests"))
    const text = after.slice(after.indexOf(title))
    const next = text.indexOf("\n FAIL ", title.length)
    return next === -1 ? text : text.slice(0, next)
  }

  it("all of them fail, and vitest says so", () => {
    assert.strictEqual(code, 1, report)
    assert.include(report, "5 failed")
  })

  it("the report is text, and not all events again as one line", () => {
    assert.include(report, "what happened last:")
    assert.notInclude(report, "Serialized Error")
  })

  it("the user's failure first, then the guard's with its place, the sockets and the trace", () => {
    const text = of("wrong, and leaks")
    const parts = [
      "AssertionError: expected 'what came' to equal 'what was expected'",
      "SimulationReport: seed 77",
      "1 violation",
      "LeftBehind",
      "failing.kit.ts:18",
      "begun in leaking",
      "127.0.0.1:4321",
      "what happened last:",
      "WSASocketW("
    ]
    let from = 0
    for (const part of parts) {
      const found = text.indexOf(part, from)
      assert.isAtLeast(found, from, `${part} in ${text}`)
      from = found
    }
  })

  it("the guard's alone", () => {
    const text = of("right, but leaks")
    assert.include(text, "SimulationReport: seed 77")
    assert.include(text, "LeftBehind")
    assert.include(text, "failing.kit.ts:18")
  })

  it("a failure that is no error", () => {
    const text = of("fails with a value")
    assert.include(text, "just text")
    assert.include(text, "seed 77")
  })

  it("the seed of many", () => {
    const text = of("goes wrong by chance")
    assert.include(text, "AssertionError")
    assert.match(text, /seed \d+, the \d+\. of 64: `it\.seeds\(\[\d+\]\)`/)
  })

  it("what a test was at that took too long", () => {
    assert.include(of("waits for ever"), "timed out")
    assert.match(report, /127\.0\.0\.1:4322[^]*what happened last:/)
  })
})
