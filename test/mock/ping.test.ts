// The example's ping over simulated networks, in virtual time.
import { RawSocket } from "@effect-winsock/core"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type { MachineOptions } from "@effect-winsock/mock/MockWinsock"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"
import { ip } from "../support/raw.ts"
import type { Options } from "../../examples/ping/pinger.ts"
import { program } from "../../examples/ping/program.ts"

const near = { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] }
const far = { interfaces: [{ index: 5, name: "Ethernet", addresses: ["10.9.0.1/24", "fd09::1/64"] }] }
const silent = { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.3/24"] }], echoReply: false }
const routers = [["10.0.0.254", "fd00::fe"], [], ["10.9.0.254", "fd09::fe"]]

const network = (machine: MachineOptions = {}) =>
  Effect.map(
    MockNetwork.make({
      hosts: { near: { ...near, ...machine }, far, silent },
      routes: [{ between: ["near", "far"], routers, delay: 5 }],
      names: { hosts: { "far.example": ["10.9.0.1"] } }
    }),
    ({ hosts }) => hosts.near
  )

const defaults: Options = {
  count: 2,
  hopLimit: undefined,
  interval: 1000,
  timeout: 200,
  size: 32,
  identifier: 77
}

interface Pinging {
  readonly options?: Partial<Options>
  readonly columns?: number
  readonly machine?: MachineOptions
}

/** Starts a ping; what it wrote, and how time passes for it. */
const begin = (names: ReadonlyArray<string>, { columns, machine, options }: Pinging = {}) =>
  Effect.gen(function* () {
    const mock = yield* network(machine)
    const written: Array<string> = []
    const output = { write: (text: string) => void written.push(text), columns }
    const fiber = yield* Effect.forkChild(
      program(names, { ...defaults, ...options }, output).pipe(Effect.provide(MockNetwork.layer(mock))),
      { startImmediately: true }
    )
    yield* mock.settled
    const pass = (milliseconds: number) =>
      Effect.gen(function* () {
        for (let at = 0; at < milliseconds; at += 5) {
          yield* TestClock.adjust(5)
          yield* mock.settled
        }
      })
    return { mock, fiber, pass, written, lines: () => written.join("").trimEnd().split("\n") }
  })

/** The lines of a ping that ends within so many milliseconds. */
const linesOf = (milliseconds: number, names: ReadonlyArray<string>, pinging?: Pinging) =>
  Effect.gen(function* () {
    const { fiber, lines, pass } = yield* begin(names, pinging)
    yield* pass(milliseconds)
    assert.isDefined(fiber.pollUnsafe(), "it has not ended")
    yield* Fiber.join(fiber)
    return lines()
  })

const times = "min 40.0 ms, avg 40.0 ms, max 40.0 ms, jitter 0.00 ms"

describe("ping over simulated networks", () => {
  it.effect("several targets at once, of both families and by name, across routers", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(1100, ["10.9.0.1", "fd09::1", "far.example"])
      const round = [
        "10.9.0.1: 32 bytes in 40.0 ms TTL=125",
        "fd09::1: 32 bytes in 40.0 ms TTL=125",
        "far.example (10.9.0.1): 32 bytes in 40.0 ms TTL=125"
      ].toSorted()
      assert.deepStrictEqual([lines.slice(0, 3).toSorted(), lines.slice(3, 6).toSorted()], [round, round])
      assert.deepStrictEqual(lines.slice(6), [
        `10.9.0.1: 2 sent, 2 received, 0 % lost; ${times}`,
        `fd09::1: 2 sent, 2 received, 0 % lost; ${times}`,
        `far.example (10.9.0.1): 2 sent, 2 received, 0 % lost; ${times}`
      ])
    })
  )

  it.effect("a hop limit that expires is told by the router where it does; one without an address is silent", () =>
    Effect.gen(function* () {
      const answers = (hopLimit: number, name: string) => linesOf(250, [name], { options: { count: 1, hopLimit } })
      const lost = (name: string, why: string) => [`${name}: ${why}`, `${name}: 1 sent, 0 received, 100 % lost`]
      const v4 = "10.9.0.1"
      const v6 = "fd09::1"
      assert.deepStrictEqual(yield* answers(1, v4), lost(v4, "TTL expired in transit, says 10.0.0.254"))
      assert.deepStrictEqual(yield* answers(2, v4), lost(v4, "no answer in time"))
      assert.deepStrictEqual(yield* answers(3, v4), lost(v4, "TTL expired in transit, says 10.9.0.254"))
      assert.deepStrictEqual(yield* answers(1, v6), lost(v6, "TTL expired in transit, says fd00::fe"))
      assert.deepStrictEqual(yield* answers(3, v6), lost(v6, "TTL expired in transit, says fd09::fe"))
      assert.strictEqual((yield* answers(4, v6))[0], "fd09::1: 32 bytes in 40.0 ms TTL=125")
    })
  )

  it.effect("hosts and networks that there are none of", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(250, ["10.9.0.77", "192.0.2.1", "fd09::77"], { options: { count: 1 } })
      assert.deepStrictEqual(lines.slice(0, 3).toSorted(), [
        "10.9.0.77: host unreachable, says 10.9.0.254",
        "192.0.2.1: network unreachable, says 10.0.0.254",
        "fd09::77: address unreachable, says fd09::fe"
      ])
    })
  )

  it.effect("a machine that stays silent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf(1500, ["10.0.0.3"]), [
        "10.0.0.3: no answer in time",
        "10.0.0.3: no answer in time",
        "10.0.0.3: 2 sent, 0 received, 100 % lost"
      ])
    })
  )

  it.effect("an answer that comes too late is lost, and none of the next request's", () =>
    Effect.gen(function* () {
      const { fiber, lines, mock, pass } = yield* begin(["10.9.0.1"], { options: { count: 3 } })
      yield* pass(500)
      yield* Effect.scoped(Effect.andThen(mock.hold, pass(1000)))
      yield* pass(1000)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(lines(), [
        "10.9.0.1: 32 bytes in 40.0 ms TTL=125",
        "10.9.0.1: no answer in time",
        "10.9.0.1: 32 bytes in 40.0 ms TTL=125",
        `10.9.0.1: 3 sent, 2 received, 33 % lost; ${times}`
      ])
    })
  )

  it.effect("replies of another program's, and of machines that were not asked, are none", () =>
    Effect.gen(function* () {
      const { fiber, lines, mock, pass } = yield* begin(["10.0.0.3"], { options: { count: 1 } })
      const winsock = MockNetwork.layer(mock)
      const reply = (identifier: number): Icmp.IcmpMessage => ({
        _tag: "EchoReply",
        identifier,
        sequence: 0,
        data: new Uint8Array(4)
      })
      yield* Effect.forkChild(
        Effect.gen(function* () {
          const socket = yield* RawSocket.open(ip("10.0.0.2"), { protocol: "icmp", headerIncluded: true })
          const destination = ip("10.0.0.2") as NetAddress.Ipv4Address
          const forge = (source: string, identifier: number) =>
            socket.send(
              Ipv4Header.encode(
                { protocol: 1, source: ip(source) as NetAddress.Ipv4Address, destination },
                Icmp.encode(4, reply(identifier))
              ),
              destination
            )
          yield* forge("10.0.0.3", 78)
          yield* forge("10.0.0.9", 77)
        }).pipe(Effect.scoped, Effect.provide(winsock)),
        { startImmediately: true }
      )
      yield* pass(50)
      assert.deepStrictEqual(lines(), [""])
      yield* pass(200)
      yield* Fiber.join(fiber)
      assert.strictEqual(lines()[0], "10.0.0.3: no answer in time")
    })
  )

  it.effect("an interruption ends with the summary, and nothing is left open", () =>
    Effect.gen(function* () {
      const { fiber, lines, mock, pass } = yield* begin(["10.9.0.1", "fd09::1"], { options: { count: 1000 } })
      yield* pass(1100)
      assert.strictEqual((yield* mock.sockets).length, 2)
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* pass(20)
      yield* Fiber.join(ending)
      assert.deepStrictEqual(lines().slice(-2), [
        `10.9.0.1: 2 sent, 2 received, 0 % lost; ${times}`,
        `fd09::1: 2 sent, 2 received, 0 % lost; ${times}`
      ])
      assert.deepStrictEqual(yield* mock.sockets, [])
    })
  )

  it.effect("on a terminal there is a table, drawn in place and no wider than it", () =>
    Effect.gen(function* () {
      const { fiber, pass, written } = yield* begin(["10.9.0.1", "10.0.0.3"], { columns: 50, options: { count: 1 } })
      yield* pass(250)
      yield* Fiber.join(fiber)
      const escape = String.fromCodePoint(0x1b)
      const [first, ...later] = written.slice(0, 3)
      assert.isFalse(first.includes(`${escape}[3A`))
      for (const text of later) assert.isTrue(text.startsWith(`${escape}[3A`))
      const lines = later[1].replaceAll(`${escape}[3A`, "").replaceAll(`${escape}[2K`, "").trimEnd().split("\n")
      assert.isTrue(lines.every((line) => line.length < 50))
      assert.match(lines[0], /^target +sent +lost +min +avg +max/)
      assert.match(lines[1], /^10\.9\.0\.1 +1 +0 % +40\.0 ms +40\.0 ms/)
      assert.match(lines[2], /^10\.0\.0\.3 +1 +100 % +- +-/)
      assert.strictEqual(written.at(-1), "10.0.0.3: 1 sent, 0 received, 100 % lost\n")
    })
  )

  it.effect("without the rights of an administrator: WSAEACCES, and what it means", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* begin(["10.9.0.1"], { machine: { administrator: false } })
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error.reason._tag, "PermissionDenied")
      assert.include(error.message, "raw sockets need the rights of an administrator")
      assert.deepStrictEqual(written, [])
    })
  )
})
