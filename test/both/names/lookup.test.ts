import { Names, type Winsock, type WinsockError } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { hostname } from "node:os"
import { layerName, law } from "../../support/rig.ts"

const reasonOf = <A, R>(effect: Effect.Effect<A, WinsockError.WinsockError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

const texts = (addresses: ReadonlyArray<NetAddress.InetAddress>) => addresses.map(NetAddress.formatInet)

describe("lookup", () => {
  law("finds localhost, in both families where the system has both", ({ statistics }) =>
    Effect.gen(function* () {
      const found = texts(yield* Names.lookup("localhost", 80))
      assert.include(found, "127.0.0.1:80")
      for (const address of found) assert.oneOf(address, ["127.0.0.1:80", "[::1]:80"])
      const { lookup } = (yield* statistics).operations
      assert.deepStrictEqual(lookup, { submitted: 1, completed: 1, failed: 0, aborted: 0 })
    })
  )

  law("takes one family only when it is asked to", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(texts(yield* Names.lookup("localhost", 1, { family: "IPv4" })), ["127.0.0.1:1"])
      const v6 = texts(yield* Names.lookup("::1", 2, { family: "IPv6" }))
      assert.deepStrictEqual(v6, ["[::1]:2"])
    })
  )

  law("finds this machine by its own name", () =>
    Effect.gen(function* () {
      const name = layerName === "native" ? hostname() : "localhost"
      const { addresses, canonicalName } = yield* Names.addressInfo(name, { flags: ["canonicalName"] })
      assert.isAbove(addresses.length, 0)
      assert.strictEqual(canonicalName?.toLowerCase(), name.toLowerCase())
      // each address once
      assert.strictEqual(new Set(texts(addresses)).size, addresses.length)
    })
  )

  law("has no canonical name that was not asked for", () =>
    Effect.gen(function* () {
      const info = yield* Names.addressInfo("localhost", { service: 7 })
      assert.isUndefined(info.canonicalName)
    })
  )

  law("reads addresses in numbers, with their scope", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(texts(yield* Names.lookup("192.0.2.1", 53)), ["192.0.2.1:53"])
      assert.deepStrictEqual(texts(yield* Names.lookup("2001:db8::1", 53)), ["[2001:db8::1]:53"])
      const [scoped] = yield* Names.lookup("fe80::1%3", 1, { flags: ["numericHost"] })
      assert.isTrue(NetAddress.isInetAddressV6(scoped) && scoped.scopeId === 3)
    })
  )

  law("maps IPv4 addresses where IPv6 is wanted", () =>
    Effect.gen(function* () {
      const [mapped] = yield* Names.lookup("127.0.0.1", 9, { family: "IPv6", flags: ["v4Mapped"] })
      assert.strictEqual(NetAddress.formatInet(mapped), "[::ffff:127.0.0.1]:9")
    })
  )

  law("knows services by name", () =>
    Effect.gen(function* () {
      const { addresses } = yield* Names.addressInfo("127.0.0.1", { service: "http", socketType: "stream" })
      assert.deepStrictEqual(texts(addresses), ["127.0.0.1:80"])
      const absent = Names.addressInfo("127.0.0.1", { service: "no-such-service", socketType: "stream" })
      assert.strictEqual(yield* reasonOf(absent), "ServiceNotFound")
    })
  )

  law("gives addresses to bind to, and loopback ones without", () =>
    Effect.gen(function* () {
      const passive = yield* Names.addressInfo(undefined, { service: 80, flags: ["passive"] })
      assert.sameMembers(texts(passive.addresses), ["0.0.0.0:80", "[::]:80"])
      const loopback = yield* Names.addressInfo(undefined, { service: 80 })
      assert.sameMembers(texts(loopback.addresses), ["127.0.0.1:80", "[::1]:80"])
    })
  )

  law("says which name was not found", ({ statistics }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Names.lookup("no-such-host.invalid"))
      assert.strictEqual(error.reason._tag, "HostNotFound")
      assert.strictEqual(error.reason.operation, "GetAddrInfoExW")
      assert.include(error.message, '"no-such-host.invalid"')
      const idn = yield* Effect.flip(Names.lookup("bücher.invalid"))
      assert.strictEqual(idn.reason._tag, "HostNotFound")
      const numbers = Names.lookup("localhost", 0, { flags: ["numericHost"] })
      assert.strictEqual(yield* reasonOf(numbers), "HostNotFound")
      const { lookup } = (yield* statistics).operations
      assert.deepStrictEqual(lookup, { submitted: 3, completed: 0, failed: 3, aborted: 0 })
    })
  )

  law(
    "serves many at once, a few at a time",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const found = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, i) => i + 1),
          (port) => Names.lookup("127.0.0.1", port),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          found.map(([{ port }]) => port),
          Array.from({ length: 40 }, (_, i) => i + 1)
        )
        assert.strictEqual(recorder.count("GetAddrInfoExW"), 40)
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), 40)
        const { blocks, handles, pending, waiters } = yield* statistics
        assert.deepStrictEqual({ events: handles.events, pending, waiters }, { events: 0, pending: 0, waiters: 0 })
        // the engine's own three
        assert.strictEqual(blocks.count, 3)
      }),
    { lookups: 3 }
  )

  law("refuses what makes no sense, before any call", ({ recorder }) =>
    Effect.gen(function* () {
      const bad: ReadonlyArray<
        readonly [option: string, lookup: Effect.Effect<unknown, WinsockError.WinsockError, Winsock.Winsock>]
      > = [
        ["host", Names.lookup("a\0b")],
        ["host", Names.lookup("a".repeat(1025))],
        ["host", Names.lookup(7 as never)],
        ["service", Names.lookup("localhost", 65_536)],
        ["service", Names.lookup("localhost", -1)],
        ["service", Names.addressInfo("localhost", { service: "70000" })],
        ["service", Names.addressInfo(undefined)],
        ["family", Names.lookup("localhost", 0, { family: "IPv5" as never })],
        ["flags", Names.lookup("localhost", 0, { flags: ["canonical" as never] })],
        ["flags", Names.lookup("localhost", 0, { flags: "passive" as never })],
        ["flags", Names.lookup("localhost", 0, { flags: ["canonicalName", "fullyQualifiedName"] })],
        ["namespace", Names.lookup("localhost", 0, { namespace: "nis" as never })],
        ["socketType", Names.lookup("localhost", 0, { socketType: "raw" as never })],
        ["timeout", Names.lookup("localhost", 0, { timeout: 0 })],
        ["timeout", Names.lookup("localhost", 0, { timeout: "soon" as never })],
        ["options", Names.addressInfo("localhost", 7 as never)]
      ]
      for (const [option, lookup] of bad) {
        const { reason } = yield* Effect.flip(lookup)
        assert.strictEqual(reason._tag === "InvalidArgument" ? reason.option : reason._tag, option)
      }
      assert.strictEqual(recorder.count("GetAddrInfoExW"), 0)
    })
  )
})

describe("a provider that answers at once", () => {
  law(
    "is believed: no event is waited for",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(texts(yield* Names.lookup("127.0.0.1", 5)), ["127.0.0.1:5"])
        const error = yield* Effect.flip(Names.lookup("localhost", 0, { flags: ["numericHost"] }))
        assert.strictEqual(error.reason._tag, "HostNotFound")
        assert.strictEqual(recorder.count("WSAWaitForMultipleEvents"), 0)
        assert.strictEqual(recorder.count("FreeAddrInfoExW"), 1)
        assert.strictEqual((yield* statistics).handles.events, 0)
      }),
    {
      // without an OVERLAPPED the call itself is the answer
      decorate: (seam) => ({
        ...seam,
        calls: {
          ...seam.calls,
          GetAddrInfoExW: (host, service, namespace, id, hints, result) =>
            seam.calls.GetAddrInfoExW(host, service, namespace, id, hints, result, 0, 0, 0, 0)
        }
      })
    }
  )
})

describe("a call that fails", () => {
  law("gives everything back", ({ failing, statistics }) =>
    Effect.gen(function* () {
      failing.add({ call: "GetAddrInfoExW", code: 8 })
      assert.strictEqual(yield* reasonOf(Names.lookup("localhost")), "OutOfMemory")
      failing.clear()
      failing.add({ call: "WSACreateEvent", code: 8 })
      assert.strictEqual(yield* reasonOf(Names.lookup("localhost")), "OutOfMemory")
      const { handles, pending, waiters } = yield* statistics
      assert.deepStrictEqual({ events: handles.events, pending, waiters }, { events: 0, pending: 0, waiters: 0 })
    })
  )
})
