// What Winsock2 refuses, before any call is made.
import type { Winsock } from "@effect-winsock/core"
import { EventObject, UdpSocket, Winsock2 } from "@effect-winsock/core"
import * as Winsocks from "@effect-winsock/core/Winsock"
import {
  AF_INET,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_DONTROUTE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET
} from "@effect-winsock/schema/Flags"
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import { SO_LINGER, SO_UPDATE_ACCEPT_CONTEXT } from "@effect-winsock/schema/Options"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { Worker } from "node:worker_threads"
import { law, layerName, loopback, makeSeam } from "../../support/rig.ts"
import { bytes, reason, refuses, tag } from "../../support/udp.ts"
import { none, pair, tcp, udp } from "../../support/winsock2.ts"

const any = (value: unknown): any => value

type Calls = Effect.Effect<unknown, unknown, Winsock.Winsock>

// each with the option that is refused, and its value
type Refusals = ReadonlyArray<readonly [call: Calls, option: string, value: unknown]>

const refusesAll = (refusals: Refusals) =>
  Effect.forEach(refusals, ([call, option, value]) => refuses(call, option, value))

describe("Winsock2: refusals", () => {
  law("of a socket that is none, or is another layer's; no call is made", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const other = yield* UdpSocket.bind(loopback)
      recorder.clear()
      for (const given of [undefined, null, 8, "8", {}, { ...socket }, Object.create(socket), other, any(udp)]) {
        const no = any(given)
        yield* refusesAll([
          [Winsock2.bind(no, loopback), "socket", given],
          [Winsock2.WSARecv(no, { buffers: [1] }), "socket", given],
          [Winsock2.WSASendTo(no, { buffers: none, name: loopback }), "socket", given],
          [Effect.scoped(Winsock2.begin("WSARecv", no, { buffers: [1] })), "socket", given],
          [Winsock2.closesocket(no), "socket", given],
          [Winsock2.CancelIoEx(no), "socket", given],
          [Winsock2.setsockopt(socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, no), "socket", given]
        ])
      }
      const seam = yield* makeSeam()
      const second = yield* Winsocks.make(seam)
      yield* refuses(Effect.provideService(Winsock2.getsockname(socket), Winsocks.Winsock, second), "socket", socket)
      assert.deepStrictEqual(
        recorder.calls.filter(({ name }) => name !== "GetCurrentThreadId" && name !== "GetQueuedCompletionStatusEx"),
        []
      )
    })
  )

  law("of what is no event, no name of a call, and no options", () =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const event = yield* EventObject.make
      for (const given of [undefined, null, 8, {}]) {
        const no = any(given)
        yield* refusesAll([
          [Effect.suspend(() => Winsock2.WSASetEvent(no)), "event", given],
          [Effect.suspend(() => Winsock2.WSAResetEvent(no)), "event", given],
          [Effect.scoped(Winsock2.begin(no, socket, { buffers: [1] })), "name", given]
        ])
      }
      const unnamed = Effect.scoped(Winsock2.begin(any(Object.create(null)), socket, { buffers: [1] }))
      assert.strictEqual(yield* tag(unnamed), "InvalidArgument")
      yield* refuses(EventObject.waitAny([event], any(null)), "options", null)
      yield* refuses(EventObject.waitAll([event], any(null)), "options", null)
    })
  )

  law("of overlapped calls on a socket made without the flag", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* udp({ overlapped: false })
      const stream = yield* tcp({ overlapped: false })
      assert.isFalse(socket.overlapped)
      recorder.clear()
      yield* refusesAll([
        [Winsock2.WSARecv(socket, { buffers: [1], overlapped: true }), "socket", false],
        [Winsock2.WSASendTo(socket, { buffers: none, name: loopback, overlapped: true }), "socket", false],
        [Effect.scoped(Winsock2.begin("WSARecvMsg", socket, { buffers: [1] })), "socket", false],
        [Winsock2.ConnectEx(stream, { name: loopback }), "socket", false],
        [Winsock2.AcceptEx(stream, { acceptSocket: stream }), "socket", false],
        [Winsock2.DisconnectEx(stream), "socket", false],
        [Winsock2.TransmitFile(stream, {}), "socket", false]
      ])
      const { overlapped } = yield* udp()
      assert.isTrue(overlapped)
      assert.strictEqual(recorder.count("WSARecv"), 0)
    })
  )

  law("of arguments that are out of range, by their names", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const stream = yield* tcp()
      recorder.clear()
      const buffers = [8]
      for (const given of [
        undefined,
        [],
        8,
        [-1],
        [1.5],
        [2 ** 30, 1],
        ["8"],
        Array.from({ length: 1025 }, () => 1),
        any(Array(2))
      ]) {
        yield* refuses(Winsock2.WSARecv(socket, { buffers: any(given) }), "buffers", given)
      }
      for (const given of [undefined, [], "x", [1], Array.from({ length: 1025 }, () => none), any([none, undefined])]) {
        yield* refuses(Winsock2.WSASend(socket, { buffers: any(given) }), "buffers", given)
      }
      for (const given of [-1, 1.5, "0", MSG_TRUNC, MSG_DONTROUTE, 2 ** 32]) {
        yield* refuses(Winsock2.WSARecv(socket, { buffers, flags: any(given) }), "flags", given)
      }
      for (const given of [-1, 65_537, "8"]) {
        yield* refuses(Winsock2.WSARecvMsg(socket, { buffers, control: any(given) }), "control", given)
      }
      for (const given of [null, {}, "127.0.0.1", 8]) {
        yield* refusesAll([
          [Winsock2.bind(socket, any(given)), "name", given],
          [Winsock2.connect(socket, any(given)), "name", given],
          [Winsock2.WSASendTo(socket, { buffers: none, name: any(given) }), "name", given],
          [Winsock2.WSASendMsg(socket, { buffers: none, name: any(given) }), "name", given],
          [Winsock2.ConnectEx(stream, { name: any(given) }), "name", given]
        ])
      }
      const long = { _tag: "Unknown", family: 77, bytes: new Uint8Array(200) } as const
      const pkt = { _tag: "IP_TTL", value: 1 } as const
      yield* refusesAll([
        [Winsock2.bind(socket, long), "name", long],
        [Winsock2.WSASendTo(socket, { buffers: none, name: long }), "name", long],
        [Winsock2.connect(stream, undefined), "name", undefined],
        [Winsock2.WSARecv(socket, any(undefined)), "options", undefined],
        [Winsock2.WSASendMsg(socket, any(null)), "options", null],
        [Winsock2.WSARecv(socket, { buffers, overlapped: any("yes") }), "overlapped", "yes"],
        [Winsock2.WSASendMsg(socket, { buffers: none, control: any("x") }), "control", "x"],
        [Winsock2.ConnectEx(stream, { name: loopback, data: any("x") }), "data", "x"],
        [Winsock2.AcceptEx(stream, { acceptSocket: any(1) }), "socket", 1],
        [Winsock2.AcceptEx(stream, { acceptSocket: socket, receiveDataLength: -1 }), "receiveDataLength", -1],
        [Winsock2.DisconnectEx(stream, { flags: 1 }), "flags", 1],
        [Winsock2.TransmitFile(stream, { file: any("x") }), "file", "x"],
        [Winsock2.TransmitFile(stream, { offset: -1 }), "offset", -1],
        [Winsock2.TransmitFile(stream, { length: 2 ** 31 }), "length", 2 ** 31],
        [Winsock2.TransmitFile(stream, { flags: 64 }), "flags", 64],
        [Effect.scoped(Winsock2.CreateFile("")), "path", ""],
        [Winsock2.WSAIoctl(socket, { code: FIONBIO }), "code", FIONBIO],
        [Winsock2.WSAIoctl(socket, { code: 1, outputLength: 2 ** 21 }), "outputLength", 2 ** 21],
        [Winsock2.ioctlsocket(socket, FIONBIO, 0), "value", 0],
        [Winsock2.ioctlsocket(socket, 1), "command", 1],
        [Winsock2.listen(stream, 1.5), "backlog", 1.5],
        [Winsock2.shutdown(stream, 3), "how", 3],
        [Winsock2.getsockopt(socket, 0.5, 1), "level", 0.5],
        [Winsock2.getsockopt(socket, 0, 1, 2049), "length", 2049],
        [Winsock2.setsockopt(socket, 0, 1, any("x")), "value", "x"],
        [Effect.scoped(Winsock2.WSASocket(-1, 1, 1)), "family", -1],
        [Effect.scoped(Winsock2.WSASocket(2, 1, 1, { overlapped: any(1) })), "overlapped", 1],
        [Effect.scoped(Winsock2.begin(any("bind"), socket, any({}))), "name", "bind"]
      ])
      const twice = [pkt, pkt]
      yield* refuses(Winsock2.WSASendMsg(socket, { buffers: none, name: loopback, control: twice }), "control", twice)
      const linger = bytes(1, 0, 5, 0)
      yield* refuses(Winsock2.setsockopt(stream, SOL_SOCKET, SO_LINGER, linger), "value", linger)
      // at once or not at all is no wait
      yield* Winsock2.setsockopt(stream, SOL_SOCKET, SO_LINGER, bytes(1, 0, 0, 0))
      const made = new Set<string>(recorder.calls.map(({ name }) => name))
      for (const name of ["WSARecv", "WSASend", "WSASendTo", "WSARecvMsg", "bind", "connect", "getsockopt"]) {
        assert.isFalse(made.has(name), name)
      }
    })
  )

  law("of flags that the pages forbid, with the code that they give", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const { client } = yield* pair
      recorder.clear()
      const buffers = [8]
      const forbidden: ReadonlyArray<Calls> = [
        Winsock2.WSARecv(socket, { buffers, flags: MSG_PEEK }),
        Winsock2.WSARecvFrom(socket, { buffers, flags: MSG_PEEK }),
        Winsock2.WSARecvMsg(socket, { buffers, flags: MSG_PEEK }),
        Winsock2.WSARecv(client, { buffers, flags: MSG_PEEK }),
        Winsock2.WSARecv(socket, { buffers, flags: MSG_OOB, overlapped: false }),
        Winsock2.WSASend(socket, { buffers: none, flags: MSG_OOB }),
        Winsock2.WSASendTo(socket, { buffers: none, flags: MSG_OOB, name: loopback }),
        Winsock2.WSASendMsg(socket, { buffers: none, flags: MSG_OOB, name: loopback }),
        Winsock2.WSARecv(socket, { buffers, flags: MSG_WAITALL }),
        Winsock2.WSARecv(client, { buffers, flags: MSG_WAITALL, overlapped: false }),
        Winsock2.WSARecv(client, { buffers, flags: MSG_WAITALL | MSG_OOB }),
        Effect.scoped(Winsock2.begin("WSARecv", socket, { buffers, flags: MSG_PEEK }))
      ]
      for (const call of forbidden) {
        const refused = yield* reason(call)
        assert.deepStrictEqual([refused._tag, refused.name], ["NotSupported", "WSAEOPNOTSUPP"])
      }
      yield* refusesAll([
        [Winsock2.WSARecvMsg(client, { buffers }), "socket", SOCK_STREAM],
        [Winsock2.WSASendMsg(client, { buffers: none }), "socket", SOCK_STREAM],
        [Winsock2.ConnectEx(socket, { name: loopback }), "socket", SOCK_DGRAM],
        [Winsock2.AcceptEx(socket, { acceptSocket: client }), "socket", SOCK_DGRAM],
        [Winsock2.DisconnectEx(socket), "socket", SOCK_DGRAM],
        [Winsock2.TransmitFile(socket, {}), "socket", SOCK_DGRAM]
      ])
      for (const name of ["WSARecv", "WSARecvFrom", "WSARecvMsg", "WSASend", "WSASendTo", "WSASendMsg"] as const) {
        assert.strictEqual(recorder.count(name), 0)
      }
    })
  )

  law("of events and overlapped operations of others", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      const begun = yield* Winsock2.begin("WSARecv", a, { buffers: [8] })
      const event = yield* EventObject.make
      for (const given of [1, {}, { ...event }]) {
        yield* refuses(Effect.scoped(Winsock2.begin("WSARecv", a, { buffers: [8] }, any(given))), "hEvent", given)
        yield* refuses(Winsock2.CancelIoEx(a, any(given)), "overlapped", given)
        yield* refuses(Winsock2.WSAGetOverlappedResult(any(given), false), "overlapped", given)
      }
      yield* refuses(Winsock2.CancelIoEx(b, begun), "overlapped", begun)
      yield* refuses(Winsock2.WSAGetOverlappedResult(begun, any(1)), "fWait", 1)
      const closed = yield* Effect.scoped(EventObject.make)
      assert.strictEqual(
        yield* tag(Effect.scoped(Winsock2.begin("WSARecv", a, { buffers: [8] }, closed))),
        "SocketClosed"
      )
    })
  )

  law(
    "what a provider does not have, or not for this user, is told by its reason",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* tag(Effect.scoped(Winsock2.WSASocket(77, SOCK_DGRAM, 0))), "NotSupported")
        assert.strictEqual(
          yield* tag(Effect.scoped(Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_UDP))),
          "NotSupported"
        )
        if (layerName === "mock") {
          assert.strictEqual(yield* tag(Effect.scoped(Winsock2.WSASocket(AF_INET, SOCK_RAW, 1))), "PermissionDenied")
        }
        const socket = yield* udp()
        assert.strictEqual(yield* tag(Winsock2.setsockopt(socket, IPPROTO_IP, 9999, bytes(1, 0, 0, 0))), "NotSupported")
      }),
    { mock: { administrator: false } }
  )
})

describe("Winsock2: completion", () => {
  law("a way to complete that there is not, or for a socket whose calls do not, is refused before any call", (rig) =>
    Effect.gen(function* () {
      const made = rig.recorder.count("WSASocketW")
      const open = (options: object) => Effect.scoped(Winsock2.WSASocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP, options))
      yield* refuses(open({ completion: "apc" }), "completion", "apc")
      yield* refuses(open({ completion: "event", overlapped: false }), "completion", "event")
      assert.strictEqual(rig.recorder.count("WSASocketW"), made)
    })
  )

  law("by routine: begin takes no event, and the result is not waited for by fWait, as the pages say", () =>
    Effect.gen(function* () {
      const socket = yield* udp({ completion: "routine" })
      const event = yield* Winsock2.WSACreateEvent
      yield* refuses(Winsock2.begin("WSARecv", socket, { buffers: [8] }, event), "hEvent", event)
      const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
      yield* refuses(Winsock2.WSAGetOverlappedResult(begun, true), "fWait", true)
      assert.strictEqual(yield* tag(Winsock2.WSAGetOverlappedResult(begun, false)), "Pending")
      const name = yield* Winsock2.getsockname(socket)
      yield* Winsock2.WSASendTo(socket, { buffers: bytes(7), name })
      assert.deepStrictEqual((yield* begun.result).buffers[0], Uint8Array.of(7))
    }).pipe(Effect.scoped)
  )
})

describe("Winsock2: one layer, one thread", () => {
  law("a socket cannot be posted to another thread", () =>
    Effect.gen(function* () {
      const socket = yield* udp()
      assert.throws(() => structuredClone(socket), /could not be cloned/)
      const posting = yield* Effect.acquireRelease(
        Effect.sync(() => new Worker("setInterval(() => {}, 1000)", { eval: true })),
        (worker) => Effect.promise(() => worker.terminate())
      )
      assert.throws(() => posting.postMessage(socket), /could not be cloned/)
      // what can be posted is no socket
      const { generation } = JSON.parse(JSON.stringify(socket))
      assert.strictEqual(generation, socket.generation)
      const copy = JSON.parse(JSON.stringify(socket))
      yield* refuses(Winsock2.getsockname(copy), "socket", copy)
    })
  )

  let thread: number | undefined
  law(
    "a call on another thread than the layer's is refused, and not made",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* udp()
        recorder.clear()
        thread = 99
        yield* refuses(Winsock2.getsockname(socket), "thread", 99)
        yield* refuses(Winsock2.WSARecv(socket, { buffers: [8] }), "thread", 99)
        yield* refuses(Effect.scoped(Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP)), "thread", 99)
        thread = undefined
        assert.strictEqual(recorder.count("getsockname"), 0)
        assert.strictEqual(recorder.count("WSASocketW"), 0)
        assert.isTrue(NetAddress.isInetAddress((any(yield* Winsock2.getsockname(socket)) as any).address))
      }),
    {
      decorate: (seam) => ({
        ...seam,
        calls: { ...seam.calls, GetCurrentThreadId: () => thread ?? seam.calls.GetCurrentThreadId() }
      })
    }
  )
})
