import type { Handle } from "@effect-winsock/core/Seam"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lab } from "./support.ts"

describe("cancelling", () => {
  it.effect("68: CancelIoEx with nothing pending is ERROR_NOT_FOUND, CancelIo succeeds", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      assert.strictEqual(l.calls.CancelIoEx(s, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      assert.strictEqual(l.calls.CancelIoEx(s, l.overlapped().address), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      assert.strictEqual(l.calls.CancelIo(s), 1)
      assert.strictEqual(l.calls.CancelIoEx(4000 as Handle, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_HANDLE)
    })
  )

  it.effect("one of three: only that one completes, the others keep their order", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      const overlapped = [0, 1, 2].map(() => l.overlapped())
      const messages = overlapped.map(() => l.message())
      overlapped.forEach((o, i) => l.recvMsg(a.s, messages[i], o.address))
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped[1].address), 1)
      assert.deepStrictEqual(l.packets(port), [
        { key: a.s, overlapped: overlapped[1].address, status: NtStatus.STATUS_CANCELLED, bytes: 0 }
      ])
      assert.strictEqual(overlapped[1].view.Internal, NtStatus.STATUS_CANCELLED)
      assert.strictEqual(overlapped[1].view.InternalHigh, 0)
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped[1].address), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      l.send(a.s, "first", "127.0.0.1", a.port)
      l.send(a.s, "second", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.deepStrictEqual(
        messages.map((m) => m.text),
        ["first", "", "second"]
      )
      assert.strictEqual(l.packets(port).length, 2)
    })
  )

  it.effect("NULL cancels all of the handle, and of no other", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      const port = l.completionPort(a.s, b.s)
      for (const { s } of [a, a, b]) l.recvMsg(s, l.message(), l.overlapped().address)
      assert.strictEqual(l.calls.CancelIoEx(a.s, 0), 1)
      assert.deepStrictEqual(
        l.packets(port).map((p) => p.key),
        [a.s, a.s]
      )
      assert.strictEqual(l.calls.CancelIo(b.s), 1)
      assert.strictEqual(l.packets(port).length, 1)
    })
  )

  it.effect("another socket's operation is not found", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      const overlapped = l.overlapped()
      l.recvMsg(a.s, l.message(), overlapped.address)
      assert.strictEqual(l.calls.CancelIoEx(b.s, overlapped.address), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
    })
  )

  it.effect("deferred: takes hold in a later turn", () =>
    Effect.gen(function* () {
      const l = yield* lab({ cancellation: "deferred" })
      const a = l.bound()
      const port = l.completionPort(a.s)
      const overlapped = l.overlapped()
      l.recvMsg(a.s, l.message(), overlapped.address)
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped.address), 1)
      assert.deepStrictEqual(l.packets(port), [])
      // asking again finds it still
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped.address), 1)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((p) => p.status),
        [NtStatus.STATUS_CANCELLED]
      )
    })
  )

  it.effect("deferred: a datagram that comes in between completes the operation (the lost race)", () =>
    Effect.gen(function* () {
      const l = yield* lab({ cancellation: "deferred" })
      const a = l.bound()
      const port = l.completionPort(a.s)
      const overlapped = l.overlapped()
      const message = l.message()
      l.recvMsg(a.s, message, overlapped.address)
      l.send(a.s, "won", "127.0.0.1", a.port)
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped.address), 1)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((p) => [p.status, p.bytes]),
        [[0, 3]]
      )
      assert.strictEqual(message.text, "won")
    })
  )

  it.effect("seeded: both outcomes, the same for the same seed", () =>
    Effect.gen(function* () {
      const run = (seed: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ cancellation: "seeded", seed })
            const a = l.bound()
            const port = l.completionPort(a.s)
            const overlapped = l.overlapped()
            l.recvMsg(a.s, l.message(), overlapped.address)
            l.send(a.s, "x", "127.0.0.1", a.port)
            l.calls.CancelIoEx(a.s, overlapped.address)
            yield* l.mock.settled
            return l.packets(port)[0].status
          })
        )
      const seen = new Set<number>()
      for (let seed = 0; seed < 20; seed++) {
        const status = yield* run(seed)
        assert.strictEqual(yield* run(seed), status)
        seen.add(status)
      }
      assert.strictEqual(seen.size, 2)
    })
  )

  it.effect("NULL finds what is completing too, of this handle only, and leaves it to complete", () =>
    Effect.gen(function* () {
      const l = yield* lab({ readyAnswer: "pending" })
      const a = l.bound()
      const b = l.bound()
      l.send(a.s, "here", "127.0.0.1", a.port)
      yield* l.mock.settled
      const message = l.message()
      l.recvMsg(a.s, message, l.overlapped().address)
      assert.strictEqual(l.calls.CancelIoEx(b.s, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      assert.strictEqual(l.calls.CancelIoEx(a.s, 0), 1)
      yield* l.mock.settled
      assert.strictEqual(message.text, "here")
      assert.strictEqual(l.calls.CancelIoEx(a.s, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
    })
  )

  it.effect("an operation that is completing completes: cancelling it is too late", () =>
    Effect.gen(function* () {
      const l = yield* lab({ readyAnswer: "pending" })
      const a = l.bound()
      const port = l.completionPort(a.s)
      l.send(a.s, "data", "127.0.0.1", a.port)
      yield* l.mock.settled
      const overlapped = l.overlapped()
      assert.strictEqual(l.recvMsg(a.s, l.message(), overlapped.address), Codes.WSA_IO_PENDING)
      assert.strictEqual(l.calls.CancelIoEx(a.s, overlapped.address), 1)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((p) => [p.status, p.bytes]),
        [[0, 4]]
      )
    })
  )
})

describe("closing", () => {
  it.effect("pending receives complete with STATUS_CANCELLED, and the number is free at once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      const overlapped = [l.overlapped(), l.overlapped()]
      for (const o of overlapped) l.recvMsg(a.s, l.message(), o.address)
      assert.strictEqual(l.closesocket(a.s), 0)
      assert.deepStrictEqual(
        l.packets(port).map((p) => [p.key, p.overlapped, p.status]),
        overlapped.map((o) => [a.s, o.address, NtStatus.STATUS_CANCELLED])
      )
      assert.strictEqual(l.socket(), a.s)
    })
  )

  it.effect("the status is a choice", () =>
    Effect.gen(function* () {
      const l = yield* lab({ closeStatus: NtStatus.STATUS_HANDLES_CLOSED })
      const a = l.bound()
      const overlapped = l.overlapped()
      l.recvMsg(a.s, l.message(), overlapped.address)
      l.closesocket(a.s)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_HANDLES_CLOSED)
    })
  )

  it.effect("62: a pending SIO_ADDRESS_LIST_CHANGE ends too, by closing or cancelling", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const bytes = l.alloc(4).address
      const change = (o: number) => l.calls.WSAIoctl(s, Ioctls.SIO_ADDRESS_LIST_CHANGE, 0, 0, 0, 0, bytes, o, 0)
      const overlapped = [l.overlapped(), l.overlapped()]
      for (const { address } of overlapped) {
        assert.strictEqual(change(address), -1)
        assert.strictEqual(l.error, Codes.WSA_IO_PENDING)
      }
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 1)
      assert.strictEqual(overlapped[0].view.Internal, NtStatus.STATUS_CANCELLED)
      l.closesocket(s)
      assert.strictEqual(overlapped[1].view.Internal, NtStatus.STATUS_CANCELLED)
    })
  )

  it.effect("60: CloseHandle closes a socket as closesocket does", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const overlapped = l.overlapped()
      l.recvMsg(a.s, l.message(), overlapped.address)
      l.disown(a.s)
      assert.strictEqual(l.calls.CloseHandle(a.s), 1)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_CANCELLED)
    })
  )

  it.effect("a datagram under way to a closed socket is dropped", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      l.send(b.s, "x", "127.0.0.1", a.port)
      l.closesocket(a.s)
      yield* l.mock.settled
      const dropped = (yield* l.mock.trace).filter((event) => event._tag === "Dropped")
      assert.deepStrictEqual(
        dropped.map(({ reason }) => reason),
        ["port closed"]
      )
    })
  )
})
