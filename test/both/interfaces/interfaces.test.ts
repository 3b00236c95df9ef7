// What a machine says of its interfaces and addresses, on either layer; what only a simulated one can be made to say is
// in test/mock/interfaces.test.ts.
import { Interfaces, UdpSocket } from "@effect-winsock/core"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import { interruptSoon, law, lawInEachMode, layerName, loopback, nothing, start } from "../../support/rig.ts"
import { at, refuses, tag } from "../../support/udp.ts"

const text = NetAddress.formatIp

// an interface besides loopback, for the simulated machine
const mock = { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] }

describe("asking once", () => {
  lawInEachMode(
    "the list has loopback, with its flags and netmask",
    ({ statistics }) =>
      Effect.gen(function* () {
        const list = yield* Interfaces.list
        const own = list.find(({ address }) => text(address) === "127.0.0.1")
        assert.isDefined(own)
        assert.strictEqual(text(own.netmask), "255.0.0.0")
        const { canBroadcast, isLoopback, isPointToPoint, isUp, prefixLength } = own
        assert.deepStrictEqual([prefixLength, isUp, isLoopback, isPointToPoint], [8, true, true, false])
        assert.isFalse(canBroadcast)
        for (const one of list) {
          assert.strictEqual(one.isLoopback, text(one.address).startsWith("127."))
          if (one.prefixLength !== undefined) assert.isTrue(one.prefixLength >= 0 && one.prefixLength <= 32)
        }
        const { cancels, handles, operations, pending } = yield* statistics
        assert.deepStrictEqual([cancels, handles.sockets, pending], [0, 0, 0])
        assert.deepStrictEqual(operations.ioctl, { submitted: 1, completed: 1, failed: 0, aborted: 0 })
      }),
    { mock }
  )

  lawInEachMode(
    "the addresses are those to bind to: of their family, any port, not loopback",
    () =>
      Effect.gen(function* () {
        const v4 = yield* Interfaces.addresses("IPv4")
        const v6 = yield* Interfaces.addresses("IPv6")
        for (const one of v4) {
          assert.isTrue(NetAddress.isInetAddressV4(one))
          assert.isFalse(text(one.address).startsWith("127."))
        }
        for (const one of v6) assert.isTrue(NetAddress.isInetAddressV6(one))
        for (const one of [...v4, ...v6]) assert.strictEqual(one.port, 0)
        // each can be bound to
        for (const one of v4) {
          const { address } = yield* UdpSocket.bind(one)
          assert.strictEqual(text(address.address), text(one.address))
        }
        const listed = (yield* Interfaces.list).filter(({ isLoopback }) => !isLoopback)
        assert.deepStrictEqual(
          v4.map(({ address }) => text(address)).toSorted(),
          listed.map(({ address }) => text(address)).toSorted()
        )
      }),
    { mock }
  )

  lawInEachMode(
    "the route to an address of one's own can be bound to",
    () =>
      Effect.gen(function* () {
        const [own] = yield* Interfaces.addresses("IPv4")
        const to = own ?? loopback
        const from = yield* Interfaces.routeTo(at(text(to.address), 9))
        assert.strictEqual(from.port, 0)
        const socket = yield* UdpSocket.bind(from)
        assert.strictEqual(text(socket.address.address), text(to.address))
      }),
    { mock }
  )

  lawInEachMode("what is no argument is refused before any call", ({ recorder }) =>
    Effect.gen(function* () {
      for (const family of ["ipv4", undefined, 4]) {
        yield* refuses(Interfaces.addresses(family as never), "family", family)
        yield* refuses(Stream.runDrain(Interfaces.changes(family as never)), "family", family)
      }
      for (const remote of ["127.0.0.1", undefined, {}]) {
        yield* refuses(Interfaces.routeTo(remote as never), "remote", remote)
        yield* refuses(Stream.runDrain(Interfaces.routeChanges(remote as never)), "remote", remote)
      }
      yield* refuses(Stream.runDrain(Interfaces.changes("IPv4", { current: 1 as never })), "current", 1)
      yield* refuses(Stream.runDrain(Interfaces.changes("IPv4", null as never)), "options", null)
      assert.deepStrictEqual([recorder.count("WSASocketW"), recorder.count("WSAIoctl")], [0, 0])
    })
  )

  lawInEachMode("a layer that was released makes no call", ({ recorder, release }) =>
    Effect.gen(function* () {
      yield* release
      recorder.clear()
      assert.strictEqual(yield* tag(Interfaces.list), "SocketClosed")
      assert.strictEqual(yield* tag(Stream.runDrain(Interfaces.changes("IPv4"))), "SocketClosed")
      assert.strictEqual(recorder.calls.length, 0)
    })
  )

  law("a call that fails is told by its reason, and its SOCKET is closed", ({ failing, statistics }) =>
    Effect.gen(function* () {
      for (const [call, code, reason] of [
        ["WSASocketW", 10047, "NotSupported"],
        ["CreateIoCompletionPort", 8, "OutOfMemory"],
        ["WSAIoctl", 10050, "NetworkDown"],
        ["WSAIoctl", 10055, "NoBufferSpace"]
      ] as const) {
        failing.add({ call, code, nth: 1 })
        assert.strictEqual(yield* tag(Interfaces.list), reason)
        assert.strictEqual((yield* statistics).handles.sockets, 0)
      }
      assert.isAbove((yield* Interfaces.list).length, 0)
    })
  )
})

describe("waiting for a change", () => {
  lawInEachMode("a stream that is not run makes no call", ({ recorder }) =>
    Effect.sync(() => {
      Interfaces.changes("IPv4")
      assert.strictEqual(recorder.count("WSASocketW"), 0)
    })
  )

  lawInEachMode(
    "how things are can be the first element; the wait is in the kernel before the question",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const addresses = yield* Interfaces.addresses("IPv4")
        recorder.clear()
        const first = yield* Stream.runHead(Interfaces.changes("IPv4", { current: true }))
        assert.deepStrictEqual(first._tag === "Some" ? first.value : undefined, addresses)
        const codes = recorder.of("WSAIoctl").map(({ args }) => IoctlTable.infoOf(args.dwIoControlCode)?.name)
        assert.deepStrictEqual(codes.slice(-2), ["SIO_ADDRESS_LIST_CHANGE", "SIO_ADDRESS_LIST_QUERY"])
        const { handles, operations, pending } = yield* statistics
        assert.deepStrictEqual([handles.sockets, pending, operations.ioctl.aborted], [0, 0, 1])
      }),
    { mock }
  )

  lawInEachMode("an interruption cancels once, ends when the wait was seen to end, and closes the SOCKET", (rig) =>
    Effect.gen(function* () {
      const { gate, recorder, statistics } = rig
      const fiber = yield* start(Stream.runDrain(Interfaces.changes("IPv4")))
      assert.deepInclude(yield* statistics, { pending: 1, waiters: 1 })
      gate.close()
      yield* interruptSoon(fiber)
      const ended = yield* start(Fiber.await(fiber))
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.isUndefined(ended.pollUnsafe())
      assert.deepStrictEqual([recorder.count("CancelIoEx"), recorder.count("closesocket")], [1, 0])
      assert.deepInclude(yield* statistics, { pending: 1, waiters: 0 })
      gate.open()
      yield* Fiber.join(ended)
      assert.deepStrictEqual([recorder.count("CancelIoEx"), recorder.count("closesocket")], [1, 1])
      const { handles, operations, slots } = yield* statistics
      assert.deepStrictEqual([handles.sockets, slots.used], [0, 0])
      assert.deepStrictEqual(operations.ioctl, { submitted: 1, completed: 0, failed: 0, aborted: 1 })
    })
  )

  lawInEachMode("releasing the layer fails who waits, and leaves nothing", ({ release, statistics }) =>
    Effect.gen(function* () {
      const waiting = yield* start(tag(Stream.runDrain(Interfaces.changes("IPv4"))))
      yield* release
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
      assert.strictEqual((yield* statistics).handles.sockets, nothing.sockets)
    })
  )

  lawInEachMode("an abort that nobody asked for is posted again, and how things are now is told (L4)", (rig) =>
    Effect.gen(function* () {
      const { bare, recorder, statistics } = rig
      const fiber = yield* start(Stream.runHead(Interfaces.changes("IPv4")))
      const [wait] = recorder.of("WSAIoctl", ({ args }) => args.dwIoControlCode === Ioctls.SIO_ADDRESS_LIST_CHANGE)
      // by another's hand: not through the seam that the layer has
      bare.calls.CancelIoEx(wait.args.s as SocketHandle, 0)
      const first = yield* Fiber.join(fiber)
      assert.strictEqual(first._tag, "Some")
      const { cancels, reposted } = yield* statistics
      assert.deepStrictEqual([cancels, reposted], [1, 1])
    })
  )

  lawInEachMode("what a provider does not know is a typed error", ({ failing }) =>
    Effect.gen(function* () {
      failing.add({ call: "WSAIoctl", code: 10045, nth: 1 })
      assert.strictEqual(yield* tag(Stream.runDrain(Interfaces.changes("IPv4"))), "NotSupported")
    })
  )

  lawInEachMode(
    "the route's changes are waited for where the provider knows how to",
    ({ statistics }) =>
      Effect.gen(function* () {
        // Wine has no SIO_ROUTING_INTERFACE_CHANGE, and says so before or after it has answered the question
        const stream = Stream.catchReason(
          Interfaces.routeChanges(loopback, { current: true }),
          "WinsockError",
          "NotSupported",
          () => Stream.succeed(undefined)
        )
        const first = yield* Stream.runHead(stream)
        assert.strictEqual(first._tag, "Some")
        if (layerName === "mock")
          assert.strictEqual(text((first as { value: typeof loopback }).value.address), "127.0.0.1")
        assert.strictEqual((yield* statistics).handles.sockets, 0)
      }),
    { mock }
  )
})
