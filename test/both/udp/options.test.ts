import { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import { bind, law, loopback, numbered } from "../../support/rig.ts"
import { at, reason, refuses, tag } from "../../support/udp.ts"

const sockets = ["WSASocketW", "setsockopt", "WSAIoctl", "bind"] as const

describe("UdpSocket: options are checked before any call", () => {
  const unsound: ReadonlyArray<readonly [keyof UdpSocket.Options, ReadonlyArray<unknown>]> = [
    ["maxMessageSize", [-1, 65_536, 1.5, Number.NaN, "16", null]],
    ["lookAhead", [-1, 1025, null]],
    ["maxPosted", [0, 1025, null]],
    ["batch", [0, 4097, null]],
    ["truncation", ["cut", true, null]],
    ["cancel", ["socket", null]],
    ["reuseAddress", ["yes", 1, null]],
    ["ipv6Only", ["no", 0, null]],
    ["peerErrors", ["true", 1, null]],
    ["sendControl", ["maybe", true, null]],
    ["reply", ["always", false, null]],
    ["coalesce", [-1, 65_536, 0.5, Number.NaN, "on", true, null]]
  ]
  for (const [option, values] of unsound) {
    law(`${option}: the error names the option and the value`, ({ recorder }) =>
      Effect.gen(function* () {
        for (const value of values) yield* refuses(bind({ [option]: value } as UdpSocket.Options), option, value)
        for (const name of sockets) assert.strictEqual(recorder.count(name), 0)
      })
    )
  }

  law("coalesce as a record: its size, its wish, and no more than maxMessageSize", ({ recorder }) =>
    Effect.gen(function* () {
      const withCoalesce = (coalesce: unknown, maxMessageSize?: number) =>
        bind({ coalesce, maxMessageSize } as UdpSocket.Options)
      for (const size of [0, -1, 65_536, Number.NaN, "1", undefined]) {
        const { _tag } = yield* reason(withCoalesce({ size, wish: "preferred" }))
        assert.strictEqual(_tag, "InvalidArgument", String(size))
      }
      for (const wish of ["maybe", true, null, undefined]) {
        yield* refuses(withCoalesce({ size: 1000, wish }), "coalesce.wish", wish)
      }
      yield* refuses(withCoalesce(1001, 1000), "coalesce", 1001)
      yield* refuses(withCoalesce({ size: 1001, wish: "required" }, 1000), "coalesce", 1001)
      for (const name of sockets) assert.strictEqual(recorder.count(name), 0)
    })
  )

  law("control: what has no such name, and wishes that are none", ({ recorder }) =>
    Effect.gen(function* () {
      const withControl = (control: unknown) => bind({ control } as UdpSocket.Options)
      for (const name of ["ttl", "PacketInfo", "", "toString", "__proto__", "constructor"]) {
        yield* refuses(withControl([name]), "control", name)
      }
      yield* refuses(withControl(["hopLimit", "ttl"]), "control", "ttl")
      yield* refuses(withControl({ ttl: "required" }), "control", "ttl")
      for (const wish of ["wanted", true, 1, null]) {
        yield* refuses(withControl({ hopLimit: wish }), "control.hopLimit", wish)
      }
      for (const control of [null, 1, true, "packetInfo"]) yield* refuses(withControl(control), "control", control)
      for (const element of [1, null, undefined, {}, Symbol("hopLimit")]) {
        yield* refuses(withControl([element]), "control", element)
      }
      for (const name of sockets) assert.strictEqual(recorder.count(name), 0)
    })
  )

  law("undefined is as good as not given, at the limits too", () =>
    Effect.gen(function* () {
      const undefinedOnes = Object.fromEntries(
        [...unsound.map(([option]) => option), "control"].map((option) => [option, undefined])
      )
      yield* bind(undefinedOnes as UdpSocket.Options)
      yield* bind({ control: { packetInfo: undefined, ecn: "preferred" } })
      yield* bind({ control: [] })
      yield* bind({ maxMessageSize: 0, lookAhead: 0, maxPosted: 1, batch: 1, coalesce: 0 })
      yield* bind({ maxMessageSize: 65_535, maxPosted: 1024, batch: 4096, coalesce: 65_535 })
      yield* bind({ maxMessageSize: 8, lookAhead: 1024, maxPosted: 1024 })
    })
  )

  law("options that are no record, and addresses that are none", ({ recorder }) =>
    Effect.gen(function* () {
      for (const options of [null, 1, "fast"]) yield* refuses(bind(options as UdpSocket.Options), "options", options)
      for (const address of [undefined, null, 1, "127.0.0.1:1", {}, loopback.address]) {
        yield* refuses(UdpSocket.bind(address as NetAddress.InetAddress), "address", address)
      }
      for (const name of sockets) assert.strictEqual(recorder.count(name), 0)
    })
  )
})

describe("UdpSocket: what is said of a send is checked before the call", () => {
  const unsound: ReadonlyArray<readonly [keyof UdpSocket.SendOptions, ReadonlyArray<unknown>]> = [
    ["hopLimit", [0, 256, -1, 1.5, Number.NaN, "1", null]],
    ["trafficClass", [-1, 256, 0.5, null]],
    // 3 is CE
    ["ecn", [3, 4, -1, 1.5, "ect", null]],
    ["segmentSize", [0, 65_528, -1, 1.5, null]],
    ["interface", [1, 2]],
    ["source", ["127.0.0.1", 1, {}, null]]
  ]
  for (const [option, values] of unsound) {
    law(`${option}: the error names the option and the value, and nothing is sent`, ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind({ sendControl: "preferred" })
        for (const value of values) {
          const options = { [option]: value } as UdpSocket.SendOptions
          yield* refuses(socket.send(numbered(1), socket.address, options), option, value)
          const all = [{ payload: numbered(1), to: socket.address, options }]
          yield* refuses(socket.sendAll(all), option, value)
        }
        assert.strictEqual(recorder.count("WSASendMsg"), 0)
      })
    )
  }

  law("an interface index out of range, a source of the other family, options that are no record", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      const send = (options: unknown) => socket.send(numbered(1), socket.address, options as UdpSocket.SendOptions)
      for (const index of [-1, 2 ** 32, 1.5]) {
        yield* refuses(send({ source: loopback.address, interface: index }), "interface", index)
      }
      const { address: v6 } = at("::1")
      yield* refuses(send({ source: v6 }), "source", v6)
      for (const options of [null, 1, "ttl=1"]) yield* refuses(send(options), "options", options)
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
    })
  )

  law("an address or payload that is none is refused with options as without", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      for (const options of [undefined, { hopLimit: 9 }]) {
        for (const to of [null, 1, "127.0.0.1:1", {}]) {
          yield* refuses(socket.send(numbered(1), to as unknown as NetAddress.InetAddress, options), "to", to)
        }
        for (const payload of [undefined, null, "text", [1], new Uint16Array(1)]) {
          yield* refuses(socket.send(payload as unknown as Uint8Array, socket.address, options), "payload", payload)
        }
      }
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
    })
  )

  law("without a destination an unconnected socket fails typed, whichever way", () =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      assert.strictEqual(yield* tag(socket.send(numbered(1))), "NotConnected")
      assert.strictEqual(yield* tag(socket.sendAll([{ payload: numbered(1) }])), "NotConnected")
      assert.strictEqual(yield* tag(socket.send(numbered(1), undefined, { hopLimit: 9 })), "NotConnected")
    })
  )
})
