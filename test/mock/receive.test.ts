import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lab } from "./support.ts"

describe("receiving", () => {
  it.effect("2: no option, Control {NULL, 0}: success", () =>
    Effect.gen(function*() {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(l.send(b.s, "hello", "127.0.0.1", a.port), 0)
      yield* l.mock.settled
      const message = l.message()
      assert.strictEqual(l.recvMsg(a.s, message), 0)
      assert.strictEqual(message.text, "hello")
      assert.strictEqual(message.from, `127.0.0.1 ${b.port}`)
      assert.strictEqual(message.view.namelen, 16)
      assert.strictEqual(message.view.dwFlags, 0)
    }))

  it.effect("4: control data too small, posted before the datagram: completes with BUFFER_OVERFLOW, MSG_CTRUNC", () =>
    Effect.gen(function*() {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
      const event = l.event()
      const overlapped = l.overlapped(event)
      const message = l.message({ control: 1 })
      assert.strictEqual(l.recvMsg(s, message, overlapped.address), Codes.WSA_IO_PENDING)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual(overlapped.view.InternalHigh, 7777)
      l.send(s, "packet", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_BUFFER_OVERFLOW)
      assert.strictEqual(overlapped.view.InternalHigh, 6)
      assert.isTrue(l.isSignalled(event))
      assert.strictEqual(message.view.dwFlags, Flags.MSG_CTRUNC)
    }))
})
