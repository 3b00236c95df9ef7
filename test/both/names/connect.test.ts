// TcpSocket.connect to a host by its name.
import { TcpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import { hold } from "../../support/names.ts"
import { law, start } from "../../support/rig.ts"
import { listen, text, utf8 } from "../../support/tcp.ts"
import { at, reason, refuses } from "../../support/udp.ts"

describe("TcpSocket.connect to a host", () => {
  law("by its name, on the family that answers", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const client = yield* TcpSocket.connect({ host: "localhost", port: server.address.port })
      const accepted = yield* server.accept
      assert.deepStrictEqual(client.remoteAddress, server.address)
      yield* client.send(utf8("by name"))
      assert.strictEqual(text(yield* accepted.receiveExactly(7)), "by name")
    })
  )

  law("by its address, which needs no lookup", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const { port } = server.address
      for (const host of ["127.0.0.1", NetAddress.ipv4Loopback]) {
        const client = yield* TcpSocket.connect({ host, port })
        assert.deepStrictEqual(client.remoteAddress, server.address)
      }
      assert.strictEqual(recorder.count("GetAddrInfoExW"), 0)
    })
  )

  law("from a local address, whose family is looked up", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const to = { host: "localhost", port: server.address.port }
      yield* TcpSocket.connect(to, { local: at("127.0.0.1") })
      // no SOCKET for another family
      assert.strictEqual(recorder.count("ConnectEx"), 1)
      const local = at("::1")
      yield* refuses(TcpSocket.connect({ ...to, host: "127.0.0.1" }, { local }), "local", local)
    })
  )

  law("that nobody knows", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const failed = yield* reason(TcpSocket.connect({ host: "no-such-host.invalid", port: 80 }))
      assert.deepStrictEqual([failed._tag, failed.operation], ["HostNotFound", "GetAddrInfoExW"])
      assert.include(failed.meaning, '"no-such-host.invalid"')
      assert.strictEqual(recorder.count("WSASocketW"), 0)
      assert.strictEqual((yield* statistics).handles.sockets, 0)
    })
  )

  law("that is none, or with options that are none, is refused before any call", ({ recorder }) =>
    Effect.gen(function* () {
      const to = (host: unknown, port: unknown, options?: TcpSocket.ConnectOptions) =>
        TcpSocket.connect({ host, port } as TcpSocket.HostPort, options)
      for (const port of [-1, 65_536, 1.5, "80", undefined]) yield* refuses(to("localhost", port), "to.port", port)
      for (const host of [undefined, null, 5, "a\0b", {}]) yield* refuses(to(host, 80), "to.host", host)
      yield* refuses(to("localhost", 80, { chunkSize: 0 }), "chunkSize", 0)
      assert.strictEqual(recorder.count("GetAddrInfoExW"), 0)
    })
  )

  const held = hold()
  law(
    "leaves nothing when it is interrupted while it is looked up",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(Effect.scoped(TcpSocket.connect({ host: "localhost", port: 9 })))
        assert.strictEqual((yield* statistics).pending, 1)
        fiber.interruptUnsafe()
        held.release()
        yield* Fiber.await(fiber)
        assert.strictEqual(recorder.count("GetAddrInfoExCancel"), 1)
        assert.strictEqual(recorder.count("WSASocketW"), 0)
        assert.strictEqual((yield* statistics).pending, 0)
      }),
    { decorate: held.decorate }
  )
})
