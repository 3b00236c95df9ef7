// Effect's own services of names, over Winsock's.
import { Names, WinsockError } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as AddressResolver from "effect/net/AddressResolver"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import { law } from "../../support/rig.ts"

describe("Dns", () => {
  law("looks names up, and addresses", () =>
    Effect.gen(function* () {
      const dns = yield* Dns.Dns
      const v4 = yield* dns.lookup("localhost", { family: "IPv4" })
      assert.deepStrictEqual(v4.map(NetAddress.formatIp), ["127.0.0.1"])
      assert.deepStrictEqual(yield* dns.reverse("127.0.0.1"), [Host.domainNameFromStringUnsafe("localhost")])
    }).pipe(Effect.provide(Names.layerDns))
  )

  law("fails as Effect's errors do, with what Winsock said as the cause", () =>
    Effect.gen(function* () {
      const dns = yield* Dns.Dns
      const absent = yield* Effect.flip(dns.lookup("no-such-host.invalid"))
      assert.deepInclude(absent, { reason: "NotFound", method: "lookup", hostname: "no-such-host.invalid" })
      assert.isTrue(WinsockError.isWinsockError(absent.cause))
      const nameless = yield* Effect.flip(dns.reverse("192.0.2.1"))
      assert.deepInclude(nameless, { reason: "NotFound", method: "reverse", hostname: "192.0.2.1" })
      assert.strictEqual((yield* Effect.flip(dns.lookup("not a name"))).reason, "BadName")
      assert.strictEqual((yield* Effect.flip(dns.resolve("localhost", "MX"))).reason, "Unsupported")
    }).pipe(Effect.provide(Names.layerDns))
  )
})

describe("AddressResolver", () => {
  law("resolves endpoints of every kind", ({ recorder }) =>
    Effect.gen(function* () {
      const { resolve } = yield* AddressResolver.AddressResolver
      const v4 = yield* resolve("localhost:8080", { family: "IPv4" })
      assert.deepStrictEqual(v4.map(NetAddress.formatInet), ["127.0.0.1:8080"])
      const parts = yield* resolve({ host: "localhost", port: 81 }, { family: "IPv4" })
      assert.deepStrictEqual(parts.map(NetAddress.formatInet), ["127.0.0.1:81"])
      assert.strictEqual(recorder.count("GetAddrInfoExW"), 2)
      // nothing is asked about these
      const literal = yield* resolve("[fe80::1%7]:53")
      assert.isTrue(NetAddress.isInetAddressV6(literal[0]) && literal[0].scopeId === 7)
      const address = NetAddress.inetAddressFromStringUnsafe("192.0.2.7:9")
      assert.deepStrictEqual(yield* resolve(address), [address])
      assert.strictEqual(recorder.count("GetAddrInfoExW"), 2)
    }).pipe(Effect.provide(Names.layerAddressResolver))
  )

  law("fails with Effect's errors", () =>
    Effect.gen(function* () {
      const { resolve } = yield* AddressResolver.AddressResolver
      const absent = yield* Effect.flip(resolve("no-such-host.invalid:1"))
      assert.strictEqual(absent._tag === "DnsError" ? absent.reason : absent._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(resolve("no port")))._tag, "NetAddressError")
      assert.strictEqual((yield* Effect.flip(resolve("127.0.0.1:1", { family: "IPv6" })))._tag, "NetAddressError")
      assert.strictEqual((yield* Effect.flip(resolve("[fe80::1%no-such-interface]:1")))._tag, "NetAddressError")
    }).pipe(Effect.provide(Names.layerAddressResolver))
  )
})
