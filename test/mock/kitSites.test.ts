import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import type * as MockTrace from "@effect-winsock/mock/MockTrace"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { type Lab, lab } from "./support.ts"

const collect = { guard: "collect", callSites: true } as const

const begins = (l: Lab) => {
  const { port, s } = l.bound()
  const overlapped = l.overlapped(l.event())
  const block = l.seam.memory.alloc(256)
  const message = l.message()
  message.view.name = block.address
  message.view.namelen = 28
  l.recvMsg(s, message, overlapped.address)
  return { s, port, overlapped, block }
}

const frees = (l: Lab, { block }: ReturnType<typeof begins>) => l.seam.memory.free(block)
const again = (l: Lab, { overlapped, s }: ReturnType<typeof begins>) => l.recvMsg(s, l.message(), overlapped.address)

const first = (site: MockTrace.CallSite | undefined): string =>
  site?.frames.find((one) => !one.includes("support.ts")) ?? ""

describe("where in the program", () => {
  it.effect("a block was freed, and the receive under it begun", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const one = begins(l)
      frees(l, one)
      const [found] = yield* l.mock.guard
      assert.strictEqual(found.kind, "FreeUnderOperation")
      assert.match(first(found.callSite), /^frees \(.*kitSites\.test\.ts:\d+/)
      assert.match(first(found.submittedAt), /^begins \(.*kitSites\.test\.ts:\d+/)
      // the library's own frames are not the user's business
      for (const site of [found.callSite, found.submittedAt]) {
        for (const frame of site!.frames) assert.notMatch(frame, /packages[\\/]|node_modules|node:/)
      }
      // it completes in a turn of the loop, which is nobody's; where it was begun is told all the same
      l.send(one.s, "x", "127.0.0.1", one.port)
      yield* l.mock.settled
      const gone = (yield* l.mock.guard)[1]
      assert.strictEqual(gone.kind, "MemoryGone")
      assert.isUndefined(gone.callSite)
      assert.match(first(gone.submittedAt), /^begins /)
    })
  )

  it.effect("an OVERLAPPED was used again", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const one = begins(l)
      again(l, one)
      const [found] = yield* l.mock.guard
      assert.strictEqual(found.kind, "OverlappedReused")
      assert.match(first(found.callSite), /^again /)
      assert.match(first(found.submittedAt), /^begins /)
      l.calls.CancelIoEx(one.s, 0)
      yield* l.mock.settled
      frees(l, one)
    })
  )

  it.effect("a dead SOCKET was used, by the fiber's spans and functions", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const s = l.socket()
      l.closesocket(s)
      const uses = Effect.fn("uses")(function* (socket: SocketHandle) {
        yield* Effect.sync(() => l.calls.closesocket(socket))
      })
      yield* Effect.withSpan(uses(s), "around")
      const [found] = yield* l.mock.guard
      assert.strictEqual(found.kind, "DeadSocket")
      const spans = found.callSite!.spans
      assert.match(spans[0], /^uses \(.*kitSites\.test\.ts:\d+/)
      assert.isTrue(
        spans.some((span) => span.startsWith("around")),
        spans.join()
      )
    })
  )

  it.effect("what is left was opened; the report says so", () =>
    Effect.gen(function* () {
      const opens = ({ seam }: MockWinsock.Mock) => {
        seam.calls.WSAStartup(0x0202, seam.memory.alloc(408).address)
        seam.calls.WSASocketW(2, 2, 17, 0, 0, 1)
      }
      const exit = yield* Effect.exit(Effect.scoped(Effect.map(MockWinsock.make({ callSites: true }), opens)))
      const text = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
      assert.match(text, /socket 4 is open\n\s+begun at opens \(.*kitSites\.test\.ts/)
    })
  )

  it.effect("the trace around it, where it is long ago", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ callSites: true })
            const s = l.socket()
            l.closesocket(s)
            l.calls.closesocket(s)
            for (let i = 0; i < 200; i++) l.calls.WSAGetLastError()
          })
        )
      )
      const text = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
      assert.match(text, /around it:\n(?:.*\n){1,14}?.*closesocket\(s=4\)/)
    })
  )

  it.effect("is not noted unless asked for", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      frees(l, begins(l))
      const [found] = yield* l.mock.guard
      assert.notProperty(found, "callSite")
      assert.notProperty(found, "submittedAt")
      l.calls.CancelIoEx(4 as SocketHandle, 0)
    })
  )
})
