// The simulated resolver, through the library.
import { Names, Winsock, type WinsockError } from "@effect-winsock/core"
import { MockNetwork, MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as AddressResolver from "effect/net/AddressResolver"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { start } from "../support/rig.ts"

const law = <E>(
  name: string,
  options: MockWinsock.Options & { readonly winsock?: Winsock.Options },
  body: (mock: MockWinsock.Mock) => Effect.Effect<unknown, E, Winsock.Winsock | Scope.Scope>
): void =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make(options)
      const winsock = yield* Winsock.make(mock.seam, options.winsock)
      yield* Effect.scoped(body(mock)).pipe(Effect.provideService(Winsock.Winsock, winsock))
    }).pipe(Effect.scoped)
  )

const texts = (addresses: ReadonlyArray<NetAddress.InetAddress>) => addresses.map(NetAddress.formatInet)

const tagOf = <A, R>(effect: Effect.Effect<A, WinsockError.WinsockError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

/** Lets so many milliseconds pass, one by one, as a program that looks every few of them sees them. */
const pass = (mock: MockWinsock.Mock, milliseconds: number) =>
  Effect.gen(function* () {
    for (let i = 0; i < milliseconds; i++) {
      yield* TestClock.adjust("1 millis")
      yield* mock.settled
    }
  })

const hosts = {
  "db.example": ["fd00::5", "10.0.0.5"],
  "www.example": { addresses: ["10.0.0.8"], canonicalName: "web7.example" },
  "link.example": ["fe80::9%4"],
  "v4.example": ["10.0.0.4"],
  "bücher.example": ["10.0.0.3"],
  "slow.example": { addresses: ["10.0.0.6"], latency: "40 millis" },
  "never.example": { answers: false, addresses: ["10.0.0.7"] },
  "again.example": { failure: "TryAgain", addresses: ["10.0.0.90"] },
  "empty.example": { failure: "NoData" },
  "broken.example": { failure: "NameServerFailed" },
  "refused.example": { failure: "QueryRefused" },
  "gone.example": { failure: "HostNotFound" }
} as const

for (const abi of ["x64", "ia32"] as const) {
  describe(`the resolver's hosts (${abi})`, () => {
    law("are found by name, whatever its case and its dot", { abi, names: { hosts } }, () =>
      Effect.gen(function* () {
        const both = ["[fd00::5]:5432", "10.0.0.5:5432"]
        for (const name of ["db.example", "DB.Example", "db.example."]) {
          assert.deepStrictEqual(texts(yield* Names.lookup(name, 5432)), both)
        }
        assert.deepStrictEqual(texts(yield* Names.lookup("db.example", 1, { family: "IPv4" })), ["10.0.0.5:1"])
        assert.deepStrictEqual(texts(yield* Names.lookup("db.example", 1, { family: "IPv6" })), ["[fd00::5]:1"])
      })
    )

    law("have canonical names and scopes", { abi, names: { hosts } }, () =>
      Effect.gen(function* () {
        const { addresses, canonicalName } = yield* Names.addressInfo("www.example", { flags: ["canonicalName"] })
        assert.deepStrictEqual(texts(addresses), ["10.0.0.8:0"])
        assert.strictEqual(canonicalName, "web7.example")
        const [scoped] = yield* Names.lookup("link.example", 7)
        assert.isTrue(NetAddress.isInetAddressV6(scoped) && scoped.scopeId === 4)
      })
    )

    law("are found by address", { abi, names: { hosts } }, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.8")), "web7.example")
        assert.strictEqual(yield* Names.reverse(NetAddress.ipFromStringUnsafe("fd00::5")), "db.example")
        assert.strictEqual(yield* tagOf(Names.reverse(NetAddress.ipFromStringUnsafe("10.9.9.9"))), "HostNotFound")
        assert.strictEqual(yield* tagOf(Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.90"))), "TryAgain")
      })
    )
  })
}

describe("names", () => {
  law("are converted to ASCII, unless that is not wanted", { names: { hosts } }, () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(texts(yield* Names.lookup("bücher.example")), ["10.0.0.3:0"])
      assert.deepStrictEqual(texts(yield* Names.lookup("xn--bcher-kva.example")), ["10.0.0.3:0"])
      const plain = Names.lookup("bücher.example", 0, { flags: ["noIdnEncoding"] })
      assert.strictEqual(yield* tagOf(plain), "HostNotFound")
    })
  )

  law("fail as they were told to, and say which", { names: { hosts } }, () =>
    Effect.gen(function* () {
      for (const [name, tag, code] of [
        ["again.example", "TryAgain", 11002],
        ["empty.example", "NoData", 11004],
        ["broken.example", "NameServerFailed", 11003],
        ["refused.example", "QueryRefused", 10112],
        ["gone.example", "HostNotFound", 11001],
        ["unknown.example", "HostNotFound", 11001]
      ] as const) {
        const { message, reason } = yield* Effect.flip(Names.lookup(name))
        assert.deepStrictEqual([reason._tag, reason.code], [tag, code])
        assert.include(message, JSON.stringify(name))
      }
      assert.strictEqual(yield* tagOf(Names.lookup("v4.example", 0, { family: "IPv6" })), "NoData")
      const mapped = yield* Names.lookup("v4.example", 0, { family: "IPv6", flags: ["v4Mapped"] })
      assert.deepStrictEqual(texts(mapped), ["[::ffff:10.0.0.4]:0"])
      const plain = yield* Names.lookup("db.example", 0, { family: "IPv6", flags: ["v4Mapped"] })
      assert.deepStrictEqual(texts(plain), ["[fd00::5]:0"])
      const all = yield* Names.lookup("db.example", 0, { family: "IPv6", flags: ["v4Mapped", "all"] })
      assert.deepStrictEqual(texts(all), ["[fd00::5]:0", "[::ffff:10.0.0.5]:0"])
    })
  )

  law(
    "are of configured families only when that is asked for",
    { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.1/24"] }], names: { hosts } },
    () =>
      Effect.gen(function* () {
        const configured = yield* Names.lookup("db.example", 0, { flags: ["addressConfig"] })
        assert.deepStrictEqual(texts(configured), ["10.0.0.5:0"])
        // an address in numbers is one all the same
        const numeric = yield* Names.lookup("fd00::7", 0, { flags: ["addressConfig"] })
        assert.deepStrictEqual(texts(numeric), ["[fd00::7]:0"])
      })
  )

  law("with services that fit the socket", {}, () =>
    Effect.gen(function* () {
      const port = (service: string, socketType?: "stream" | "datagram") =>
        Effect.map(Names.addressInfo("127.0.0.1", { service, socketType }), ({ addresses: [one] }) => one.port)
      assert.strictEqual(yield* port("https"), 443)
      assert.strictEqual(yield* port("domain", "datagram"), 53)
      assert.strictEqual(yield* tagOf(port("http", "datagram")), "ServiceNotFound")
      const numbers = Names.addressInfo("127.0.0.1", { service: "http", flags: ["numericService"] })
      assert.strictEqual(yield* tagOf(numbers), "ServiceNotFound")
    })
  )

  law("of interfaces are zones", { interfaces: [{ index: 9, name: "Ethernet", addresses: ["fe80::1/64"] }] }, () =>
    Effect.gen(function* () {
      const { resolve } = yield* AddressResolver.AddressResolver
      const [address] = yield* resolve("[fe80::2%Ethernet]:1")
      assert.isTrue(NetAddress.isInetAddressV6(address) && address.scopeId === 9)
      // this machine's own link-local address tells its interface
      const [own] = yield* Names.lookup("")
      assert.isTrue(NetAddress.isInetAddressV6(own) && own.scopeId === 9)
    }).pipe(Effect.provide(Names.layerAddressResolver))
  )

  it.effect("of machines are known in their network", () =>
    Effect.gen(function* () {
      const { hosts: machines } = yield* MockNetwork.makeTwoHosts({ names: { hosts } })
      const found = Effect.gen(function* () {
        const server = texts(yield* Names.lookup("server", 1, { family: "IPv4" }))
        const name = yield* Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.2"))
        const own = texts(yield* Names.lookup("", 1, { family: "IPv4" }))
        return { server, name, own }
      }).pipe(Effect.provide(MockNetwork.layer(machines.client)))
      assert.deepStrictEqual(yield* found, {
        server: ["10.0.0.1:1", "10.0.0.101:1", "10.0.1.1:1"],
        name: "client",
        own: ["10.0.0.2:1"]
      })
    }).pipe(Effect.scoped)
  )

  it("must have addresses that are some", () => {
    for (const address of ["10.0.0", "10.0.0.1%4", "fe80::1%", "x"]) {
      const made = Effect.runSyncExit(
        Effect.scoped(MockWinsock.make({ names: { hosts: { "bad.example": [address] } } }))
      )
      assert.isTrue(Exit.isFailure(made), address)
    }
  })
})

describe("time", () => {
  law("passes on Effect's clock", { names: { hosts, latency: "5 millis" } }, (mock) =>
    Effect.gen(function* () {
      const slow = yield* start(Names.lookup("slow.example"))
      const usual = yield* start(Effect.exit(Names.lookup("unknown.example")))
      const reverse = yield* start(Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.6")))
      yield* pass(mock, 4)
      assert.isUndefined(usual.pollUnsafe())
      yield* pass(mock, 16)
      assert.isDefined(usual.pollUnsafe())
      assert.isUndefined(slow.pollUnsafe())
      assert.isUndefined(reverse.pollUnsafe())
      yield* pass(mock, 30)
      assert.deepStrictEqual(texts(yield* Fiber.join(slow)), ["10.0.0.6:0"])
      assert.strictEqual(yield* Fiber.join(reverse), "slow.example")
    })
  )

  law("runs out for the provider", { names: { hosts } }, (mock) =>
    Effect.gen(function* () {
      const fiber = yield* start(Effect.flip(Names.lookup("never.example", 0, { timeout: "30 millis" })))
      yield* pass(mock, 29)
      assert.isUndefined(fiber.pollUnsafe())
      yield* pass(mock, 12)
      const { message, reason } = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "TimedOut")
      assert.include(message, '"never.example"')
    })
  )

  law("runs out for the program", { names: { hosts } }, (mock) =>
    Effect.gen(function* () {
      const fiber = yield* start(Effect.timeoutOption(Names.lookup("never.example"), "10 seconds"))
      yield* TestClock.adjust("10 seconds")
      yield* mock.settled
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
    })
  )

  law("has a bound for the lookup of an address", { names: { hosts } }, (mock) =>
    Effect.gen(function* () {
      const fiber = yield* start(tagOf(Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.7"))))
      yield* TestClock.adjust("12 seconds")
      yield* mock.settled
      assert.strictEqual(yield* Fiber.join(fiber), "TryAgain")
    })
  )

  law("keeps the process alive while a fiber waits for it", { names: { hosts } }, (mock) =>
    Effect.gen(function* () {
      assert.isFalse(yield* mock.keptAlive)
      const fiber = yield* start(Names.lookup("never.example"))
      yield* mock.settled
      assert.isTrue(yield* mock.keptAlive)
      yield* Fiber.interrupt(fiber)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
      const other = yield* start(Names.reverse(NetAddress.ipFromStringUnsafe("10.0.0.6")))
      yield* mock.settled
      assert.isTrue(yield* mock.keptAlive)
      yield* TestClock.adjust("1 second")
      yield* mock.settled
      yield* Fiber.join(other)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
    })
  )
})

describe("a provider that goes on with cancelled work", () => {
  law("gives what it finds in the end, which is freed", { names: { hosts, cancellation: "ignored" } }, (mock) =>
    Effect.gen(function* () {
      const { statistics } = yield* Winsock.Winsock
      const fiber = yield* start(Names.lookup("slow.example"))
      yield* Effect.sync(() => fiber.interruptUnsafe())
      yield* pass(mock, 39)
      assert.isUndefined(fiber.pollUnsafe())
      yield* pass(mock, 20)
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual((yield* statistics).recovered, 1)
    })
  )

  law(
    "and never ends it is waited for no longer than cancelGrace",
    { guard: "collect", names: { hosts, cancellation: "ignored" } },
    (mock) =>
      Effect.gen(function* () {
        const { statistics } = yield* Winsock.Winsock
        const fiber = yield* start(Names.lookup("never.example"))
        yield* Effect.sync(() => fiber.interruptUnsafe())
        yield* mock.settled
        // five seconds and a quarter, as with any cancellation
        for (let i = 0; i < 12; i++) {
          yield* TestClock.adjust("600 millis")
          yield* mock.settled
        }
        assert.isDefined(fiber.pollUnsafe())
        assert.deepInclude(yield* statistics, { pending: 1, waiters: 0 })
      })
  )

  law("or not, as chance has it", { seed: 3, names: { hosts, cancellation: "seeded" } }, (mock) =>
    Effect.gen(function* () {
      const { statistics } = yield* Winsock.Winsock
      for (let i = 0; i < 12; i++) {
        const fiber = yield* start(Names.lookup("slow.example"))
        yield* Effect.sync(() => fiber.interruptUnsafe())
        yield* pass(mock, 52)
        yield* Fiber.await(fiber)
      }
      const { aborted, completed } = (yield* statistics).operations.lookup
      assert.isAbove(aborted, 0)
      assert.isAbove(completed, 0)
      assert.strictEqual(aborted + completed, 12)
    })
  )
})

describe("options of the layer", () => {
  it.effect("must be in range", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      for (const options of [{ lookups: 0 }, { lookups: 1025 }, { reverseLookups: 65 }, { reverseLookups: 1.5 }]) {
        const { reason } = yield* Effect.flip(Winsock.make(mock.seam, options))
        assert.strictEqual(reason._tag === "InvalidArgument" ? reason.option : reason._tag, Object.keys(options)[0])
      }
    }).pipe(Effect.scoped)
  )
})
