// Across simulated machines with routers between, in virtual time.
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type { Mock } from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { add, empty, type Options, type Outcome } from "../../examples/ping/pinger.ts"
import { program } from "../../examples/ping/program.ts"
import * as NetAddress from "effect/net/NetAddress"

const hosts = {
  near: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] },
  far: { interfaces: [{ index: 5, name: "Ethernet", addresses: ["10.9.0.1/24", "fd09::1/64"] }] },
  silent: { interfaces: [{ index: 6, name: "Ethernet", addresses: ["10.0.0.3/24"] }], echoReply: false },
  user: { interfaces: [{ index: 7, name: "Ethernet", addresses: ["10.0.0.4/24"] }], administrator: false }
} as const

const routes = [
  {
    between: ["near", "far"],
    routers: [
      ["10.0.0.254", "fd00::fe"],
      ["10.9.0.254", "fd09::fe"]
    ],
    delay: 5
  }
] as const

const options: Options = {
  count: 2,
  hopLimit: undefined,
  interval: "1 second",
  timeout: "1 second",
  size: 8,
  identifier: 77
}

/** Pings from a machine, and moves the clock until it is done; what was written. */
const from = (mock: Mock, targets: ReadonlyArray<string>, hopLimit?: number) =>
  Effect.gen(function* () {
    let text = ""
    const output = { write: (more: string) => (text += more), columns: undefined }
    const fiber = yield* Effect.forkChild(
      program(targets, { ...options, hopLimit }, output).pipe(Effect.provide(MockNetwork.layer(mock)), Effect.exit),
      { startImmediately: true }
    )
    for (let n = 0; n < 1000 && fiber.pollUnsafe() === undefined; n++) {
      yield* mock.settled
      yield* TestClock.adjust(5)
    }
    const exit = yield* Fiber.join(fiber)
    return { exit, lines: text.split("\n").filter((line) => line !== "") }
  })

const network = Effect.map(MockNetwork.make({ hosts, routes }), (made) => made.hosts)

describe("ping across machines", () => {
  it.effect("IPv4, IPv6 and a name at once, with times of the virtual clock", () =>
    Effect.gen(function* () {
      const { near } = yield* network
      const { lines } = yield* from(near, ["10.9.0.1", "fd09::1"])
      const times = "min 30.0 ms, avg 30.0 ms, max 30.0 ms, jitter 0.00 ms"
      assert.deepStrictEqual(lines.toSorted(), [
        "10.9.0.1: 2 sent, 2 received, 0 % lost; " + times,
        "10.9.0.1: 8 bytes in 30.0 ms TTL=126",
        "10.9.0.1: 8 bytes in 30.0 ms TTL=126",
        "fd09::1: 2 sent, 2 received, 0 % lost; " + times,
        "fd09::1: 8 bytes in 30.0 ms TTL=126",
        "fd09::1: 8 bytes in 30.0 ms TTL=126"
      ])
    })
  )

  it.effect("a hop limit that expires on its way, and where", () =>
    Effect.gen(function* () {
      const { near } = yield* network
      for (const [hopLimit, v4, v6] of [
        [1, "10.0.0.254", "fd00::fe"],
        [2, "10.9.0.254", "fd09::fe"]
      ] as const) {
        const { lines } = yield* from(near, ["10.9.0.1", "fd09::1"], hopLimit)
        assert.deepStrictEqual(lines.slice(-2), [
          "10.9.0.1: 2 sent, 0 received, 100 % lost",
          "fd09::1: 2 sent, 0 received, 100 % lost"
        ])
        assert.include(lines, `10.9.0.1: the hop limit expired, says ${v4}`)
        assert.include(lines, `fd09::1: the hop limit expired, says ${v6}`)
      }
    })
  )

  it.effect("hosts that are not there, that stay silent, and networks that nobody knows", () =>
    Effect.gen(function* () {
      const { near } = yield* network
      const { lines } = yield* from(near, ["10.9.0.9", "10.0.0.3", "192.0.2.1"])
      assert.include(lines, "10.9.0.9: host unreachable, says 10.9.0.254")
      assert.include(lines, "10.0.0.3: no answer in time")
      assert.include(lines, "192.0.2.1: network unreachable, says 10.0.0.254")
    })
  )

  it.effect("the replies to another program are not its own", () =>
    Effect.gen(function* () {
      const { near } = yield* network
      const first = yield* Effect.forkChild(from(near, ["10.9.0.1"]), { startImmediately: true })
      // it is some milliseconds ahead with the same numbers to the same machine
      yield* TestClock.adjust(5)
      yield* near.settled
      const output = { write: () => {}, columns: undefined }
      const second = program(["10.9.0.1"], { ...options, identifier: 78 }, output)
      const fiber = yield* Effect.forkChild(Effect.provide(second, MockNetwork.layer(near)), { startImmediately: true })
      yield* Fiber.join(first)
      for (let n = 0; n < 1000 && fiber.pollUnsafe() === undefined; n++) {
        yield* near.settled
        yield* TestClock.adjust(5)
      }
      const [tally] = yield* Fiber.join(fiber)
      assert.deepStrictEqual([tally.received, tally.least, tally.most], [2, 30, 30])
    })
  )

  it.effect("without the rights of an administrator it fails, and says so", () =>
    Effect.gen(function* () {
      const { user } = yield* network
      const { exit } = yield* from(user, ["10.0.0.2"])
      if (exit._tag === "Success") return assert.fail("a success")
      const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
      if (failure === undefined) return assert.fail("no failure")
      assert.strictEqual(failure.error.reason._tag, "PermissionDenied")
      assert.include(failure.error.message, "administrator")
    })
  )
})

it("what is counted: losses, extremes, and the mean difference of neighbours", () => {
  const target = { name: "a", address: NetAddress.ipv4Loopback }
  const reply = (milliseconds: number): Outcome => ({ _tag: "Reply", milliseconds, bytes: 1, hopLimit: 1 })
  const tally = [reply(10), reply(14), { _tag: "TimedOut" } as const, reply(6)].reduce(add, empty(target))
  const { jitter, least, most, received, sent, total } = tally
  assert.deepStrictEqual(
    { jitter, least, most, received, sent, total },
    {
      jitter: 6,
      least: 6,
      most: 14,
      received: 3,
      sent: 4,
      total: 30
    }
  )
})
