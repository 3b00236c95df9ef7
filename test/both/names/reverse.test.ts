import { Names } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { law, layerName } from "../../support/rig.ts"

const at = (ip: string, port: number) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

describe("nameInfo", () => {
  law("tells the names of an address and its port", ({ statistics }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Names.nameInfo(at("127.0.0.1", 80)), { host: "localhost", service: "http" })
      const { pending, waiters, operations } = yield* statistics
      assert.deepStrictEqual({ pending, waiters }, { pending: 0, waiters: 0 })
      assert.deepStrictEqual(operations.reverse, { submitted: 1, completed: 1, failed: 0, aborted: 0 })
    })
  )

  law("tells numbers where it is asked for them, or knows no name", () =>
    Effect.gen(function* () {
      const numeric = Names.nameInfo(at("::1", 443), { flags: ["numericHost", "numericService"] })
      assert.deepStrictEqual(yield* numeric, { host: "::1", service: "443" })
      const scoped = NetAddress.inetAddressFromStringUnsafe("[fe80::1%5]:7")
      const { host } = yield* Names.nameInfo(scoped, { flags: ["numericHost"] })
      assert.match(host, /^fe80::1(%5)?$/)
    })
  )

  law("tells the service of datagrams", () =>
    Effect.gen(function* () {
      const stream = yield* Names.nameInfo(at("127.0.0.1", 69), { flags: ["numericHost"] })
      const datagram = yield* Names.nameInfo(at("127.0.0.1", 69), { flags: ["numericHost", "datagram"] })
      assert.strictEqual(datagram.service, layerName === "mock" ? "tftp" : datagram.service)
      assert.oneOf(stream.service, ["69", "tftp"])
    })
  )

  law("serves many, a few at a time", ({ recorder }) =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, i) => 50_000 + i),
        (port) => Names.nameInfo(at("127.0.0.1", port)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        found.map(({ service }) => service),
        Array.from({ length: 12 }, (_, i) => String(50_000 + i))
      )
      assert.strictEqual(recorder.count("GetNameInfoW"), 12)
    })
  )

  law("refuses what is no address, before any call", ({ recorder }) =>
    Effect.gen(function* () {
      for (const [option, ask] of [
        ["address", Names.nameInfo("127.0.0.1" as never)],
        ["flags", Names.nameInfo(at("127.0.0.1", 1), { flags: ["canonical" as never] })],
        ["options", Names.nameInfo(at("127.0.0.1", 1), 5 as never)]
      ] as const) {
        const { reason } = yield* Effect.flip(ask)
        assert.strictEqual(reason._tag === "InvalidArgument" ? reason.option : reason._tag, option)
      }
      assert.strictEqual(recorder.count("GetNameInfoW"), 0)
    })
  )
})

describe("reverse", () => {
  law("takes an address without a port", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Names.reverse(NetAddress.ipv4Loopback), "localhost")
    })
  )

  law("says which address has no name", () =>
    Effect.gen(function* () {
      // TEST-NET-1: nobody's
      const error = yield* Effect.flip(Names.reverse(at("192.0.2.1", 0)))
      assert.strictEqual(error.reason._tag, "HostNotFound")
      assert.include(error.message, '"192.0.2.1"')
    })
  )
})
