import * as Structs from "@effect-winsock/schema/Structs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Support from "./support.ts"

const IPPROTO_IP = 0
const IP_PKTINFO = 19
const FIONBIO = 0x8004667e

/** Two sockets on the loopback interface, the first on a completion port (key 7) and with packet info. */
const pair = Effect.gen(function* () {
  const seam = yield* Support.started
  const receiver = yield* Support.socket(seam)
  const sender = yield* Support.socket(seam)
  const address = yield* Support.bindLoopback(seam, receiver)
  const source = yield* Support.bindLoopback(seam, sender)
  const port = yield* Support.completionPort(seam)
  const one = yield* Support.block(seam, 4)
  one.view.setInt32(0, 1, true)
  const { calls } = seam
  Support.succeeds(seam, "IP_PKTINFO", calls.setsockopt(receiver, IPPROTO_IP, IP_PKTINFO, one.address, 4) === 0)
  assert.strictEqual(calls.CreateIoCompletionPort(receiver, port, 7, 0), port)
  const WSARecvMsg = yield* Support.extension(seam, receiver, "WSARecvMsg")
  const entries = yield* Support.entries(seam)
  return { seam, calls, receiver, sender, address, source, port, WSARecvMsg, entries }
})

const post = (p: Effect.Success<typeof pair>, message: Support.Message) => {
  message.message.Control.buf = message.controlAddress
  message.message.Control.len = message.control.byteLength
  assert.strictEqual(p.WSARecvMsg(p.receiver, message.msg, 0, message.overlapped, 0), -1)
  assert.strictEqual(p.calls.WSAGetLastError(), Support.WSA_IO_PENDING)
  assert.strictEqual(message.status(), Support.STATUS_PENDING)
}

const send = (p: Effect.Success<typeof pair>, text: string) =>
  Effect.gen(function* () {
    const out = yield* Support.message(p.seam, text.length)
    const sent = yield* Support.block(p.seam, 4)
    out.payload.set(new TextEncoder().encode(text))
    out.message.name = p.address.address
    assert.strictEqual(p.calls.WSASendMsg(p.sender, out.msg, 0, sent.address, 0, 0), 0)
    assert.strictEqual(sent.view.getUint32(0, true), text.length)
  })

const arrived = (p: Effect.Success<typeof pair>, message: Support.Message, text: string) => {
  assert.deepStrictEqual(p.entries.packets(), [
    { key: 7, overlapped: message.overlapped, status: 0, bytes: text.length }
  ])
  assert.strictEqual(message.status(), 0)
  assert.strictEqual(new TextDecoder().decode(message.payload.subarray(0, text.length)), text)
  assert.strictEqual(message.message.namelen, 16)
  const source = Structs.SOCKADDR_IN.view(p.seam.abi, p.source.view, 0)
  assert.strictEqual(message.from.sin_addr, 0x7f000001)
  assert.strictEqual(message.from.sin_port, source.sin_port)
  // one header with an IN_PKTINFO: the address that the datagram was sent to
  const header = Structs.WSACMSGHDR.view(p.seam.abi, message.control, 0)
  const data = Structs.WSACMSGHDR.size[p.seam.abi]
  assert.strictEqual(header.cmsg_level, IPPROTO_IP)
  assert.strictEqual(header.cmsg_type, IP_PKTINFO)
  assert.strictEqual(header.cmsg_len, data + 8)
  assert.strictEqual(message.control.getUint32(data, false), 0x7f000001)
  assert.isAtMost(message.message.Control.len, data + 8)
}

describe("a datagram", () => {
  it.effect("arrives with its packet info, dequeued on the JS thread", () =>
    Effect.gen(function* () {
      const p = yield* pair
      const message = yield* Support.message(p.seam, 100)
      post(p, message)
      assert.strictEqual(p.calls.GetQueuedCompletionStatusEx(...p.entries.args(p.port, 0)), 0)
      assert.strictEqual(p.calls.WSAGetLastError(), Support.WAIT_TIMEOUT)
      yield* send(p, "one")
      assert.strictEqual(p.calls.GetQueuedCompletionStatusEx(...p.entries.args(p.port, 5000)), 1)
      arrived(p, message, "one")
    })
  )

  it.effect("arrives with its packet info, dequeued off the JS thread", () =>
    Effect.gen(function* () {
      const p = yield* pair
      const message = yield* Support.message(p.seam, 100)
      post(p, message)
      const dequeued = yield* Effect.forkChild(
        Support.offThread(p.seam, "GetQueuedCompletionStatusEx", p.entries.args(p.port, 5000)),
        { startImmediately: true }
      )
      yield* send(p, "two")
      assert.strictEqual((yield* Fiber.join(dequeued)).result, 1)
      arrived(p, message, "two")
    })
  )

  it.effect("can be waited for no longer: CancelIoEx completes the receive", () =>
    Effect.gen(function* () {
      const p = yield* pair
      const first = yield* Support.message(p.seam, 100)
      const second = yield* Support.message(p.seam, 100)
      post(p, first)
      post(p, second)
      assert.strictEqual(p.calls.CancelIoEx(p.receiver, second.overlapped), 1)
      assert.strictEqual(p.calls.GetQueuedCompletionStatusEx(...p.entries.args(p.port, 5000)), 1)
      const { STATUS_CANCELLED } = Support
      assert.deepStrictEqual(p.entries.packets(), [
        { key: 7, overlapped: second.overlapped, status: STATUS_CANCELLED, bytes: 0 }
      ])
      assert.strictEqual(second.status(), STATUS_CANCELLED)
      assert.strictEqual(first.status(), Support.STATUS_PENDING)
      assert.strictEqual(p.calls.CancelIoEx(p.receiver, second.overlapped), 0)
      assert.strictEqual(p.calls.WSAGetLastError(), Support.ERROR_NOT_FOUND)
      // the other receive is untouched
      yield* send(p, "three")
      assert.strictEqual(p.calls.GetQueuedCompletionStatusEx(...p.entries.args(p.port, 5000)), 1)
      arrived(p, first, "three")
    })
  )

  it.effect("is not waited for without an OVERLAPPED on a non-blocking socket", () =>
    Effect.gen(function* () {
      const p = yield* pair
      const message = yield* Support.message(p.seam, 100)
      const received = yield* Support.block(p.seam, 4)
      received.view.setUint32(0, 1, true)
      assert.strictEqual(p.calls.ioctlsocket(p.receiver, FIONBIO, received.address), 0)
      message.message.Control.buf = message.controlAddress
      message.message.Control.len = message.control.byteLength
      assert.strictEqual(p.WSARecvMsg(p.receiver, message.msg, received.address, 0, 0), -1)
      assert.strictEqual(p.calls.WSAGetLastError(), Support.WSAEWOULDBLOCK)
      yield* send(p, "four")
      assert.strictEqual(p.WSARecvMsg(p.receiver, message.msg, received.address, 0, 0), 0)
      assert.strictEqual(received.view.getUint32(0, true), 4)
    })
  )
})

describe("the last error", () => {
  it.effect("is the last call's, whatever Node.js does in between", () =>
    Effect.gen(function* () {
      const { calls } = yield* Support.started
      const fs = yield* Effect.promise(() => import("node:fs"))
      for (let i = 0; i < 200; i++) {
        assert.strictEqual(calls.closesocket(-1), -1)
        fs.existsSync(`Z:/no-such-file-${i}`)
        assert.strictEqual(calls.WSAGetLastError(), Support.WSAENOTSOCK)
        calls.WSASetLastError(i)
        fs.existsSync(`Z:/no-such-file-${i}`)
        assert.strictEqual(calls.WSAGetLastError(), i)
      }
    })
  )

  it.effect("of a call off the thread is reported with its result", () =>
    Effect.gen(function* () {
      const seam = yield* Support.started
      const { calls } = seam
      const port = yield* Support.completionPort(seam)
      const entries = yield* Support.entries(seam)
      calls.WSASetLastError(4711)
      const timedOut = yield* Support.offThread(seam, "GetQueuedCompletionStatusEx", entries.args(port, 0))
      assert.deepStrictEqual(timedOut, { result: 0, lastError: Support.WAIT_TIMEOUT })
      const wrong = yield* Support.offThread(seam, "closesocket", [-1])
      assert.deepStrictEqual(wrong, { result: -1, lastError: Support.WSAENOTSOCK })
      // once the report is over, the JS thread's own is back
      yield* Effect.promise(() => Promise.resolve())
      assert.strictEqual(calls.WSAGetLastError(), 4711)
    })
  )
})

describe("memory", () => {
  it.effect("is zeroed, aligned to 16 bytes and at a number", () =>
    Effect.gen(function* () {
      const seam = yield* Support.started
      for (const size of [1, 15, 16, 4096, 1 << 20]) {
        const block = seam.memory.alloc(size)
        assert.strictEqual(block.address % 16, 0)
        assert.isTrue(Number.isSafeInteger(block.address) && block.address > 0)
        assert.strictEqual(block.size, size)
        assert.strictEqual(block.bytes.length, size)
        assert.strictEqual(block.view.byteLength, size)
        assert.isTrue(block.bytes.every((byte) => byte === 0))
        block.bytes.fill(0xa5)
        assert.strictEqual(block.view.getUint8(size - 1), 0xa5)
        seam.memory.free(block)
      }
    })
  )

  it.effect("refuses sizes that are none", () =>
    Effect.gen(function* () {
      const { memory } = yield* Support.started
      for (const size of [0, -1, 1.5, Number.NaN, 2 ** 31, Infinity]) {
        assert.throws(() => memory.alloc(size), RangeError)
      }
    })
  )

  it.effect("cannot be reached through a freed block, nor be freed twice", () =>
    Effect.gen(function* () {
      const { memory } = yield* Support.started
      const block = memory.alloc(64)
      block.bytes.fill(1)
      const { bytes, view } = block
      memory.free(block)
      assert.strictEqual(bytes.length, 0)
      assert.isUndefined(bytes[0])
      bytes[0] = 1
      assert.throws(() => view.getUint8(0), TypeError)
      assert.throws(() => view.setUint8(0, 1), TypeError)
      assert.throws(() => memory.free(block), RangeError)
      // the same place again: the old block stays apart from it
      const next = Array.from({ length: 100 }, () => memory.alloc(64))
      for (const other of next) {
        assert.strictEqual(other.bytes[0], 0)
        memory.free(other)
      }
    })
  )
})
