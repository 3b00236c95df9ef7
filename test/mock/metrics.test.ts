// The metrics beside the mock's own trace, which counts by itself: calls, completions and datagrams.
import { UdpSocket, Winsock, WinsockMetrics } from "@effect-winsock/core"
import * as MockExpect from "@effect-winsock/mock/MockExpect"
import type * as MockTrace from "@effect-winsock/mock/MockTrace"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { count, level, withRegistry } from "../support/observe.ts"
import { loopback, numberOf, numbered, random } from "../support/rig.ts"

const isA =
  <T extends MockTrace.Event["_tag"]>(tag: T) =>
  (event: MockTrace.Event): event is Extract<MockTrace.Event, { _tag: T }> =>
    event._tag === tag

/** What the trace of a program of datagrams says of the same things. */
const traced = (events: ReadonlyArray<MockTrace.Event>) => {
  const calls = events.filter(isA("Call"))
  const now = (name: string) =>
    calls.filter((call) => call.name === name && call.args.lpOverlapped === 0 && call.result === 0).length
  const ended = (name: MockExpect.CallName, outcome: MockExpect.OverlappedOperation["outcome"]) =>
    MockExpect.operations(events, name).filter((operation) => operation.outcome === outcome).length
  const sum = (all: ReadonlyArray<{ readonly payload: Uint8Array }>) =>
    all.reduce((bytes, { payload }) => bytes + payload.length, 0)
  // completed with success, though a cancellation was asked for before their packets were dequeued
  const cancelling = new Set<number>()
  const status = new Map<number, number>()
  let recovered = 0
  for (const event of events) {
    if (event._tag === "Call" && event.name === "CancelIoEx") cancelling.add(event.args.lpOverlapped)
    if (event._tag === "Completed") status.set(event.overlapped, event.status)
    if (event._tag !== "Dequeued" || !cancelling.delete(event.overlapped)) continue
    if (NtStatus.toWsaError(status.get(event.overlapped)!) === 0) recovered++
  }
  return {
    sent: now("WSASendMsg") + ended("WSASendMsg", "succeeded"),
    received: now("WSARecvMsg") + ended("WSARecvMsg", "succeeded"),
    cancelled: ended("WSARecvMsg", "aborted"),
    cancels: calls.filter(({ name }) => name === "CancelIoEx").length,
    recovered,
    bytesSent: sum(events.filter(isA("Sent"))),
    bytesReceived: sum(events.filter(isA("Delivered")))
  }
}

const counted = Effect.gen(function* () {
  const M = WinsockMetrics
  return {
    sent: yield* count(M.operations("send", "ok")),
    received: yield* count(M.operations("receive", "ok")),
    cancelled: yield* count(M.operations("receive", "cancelled")),
    cancels: yield* count(M.cancels),
    recovered: yield* count(M.recovered),
    bytesSent: yield* count(M.bytes("sent")),
    bytesReceived: yield* count(M.bytes("received"))
  }
})

/** Sends, receives and interruptions as a seed has them; every datagram is taken in the end, once. */
const play = Effect.fnUntraced(function* (seed: number) {
  const chance = random(seed)
  const machine = yield* MockWinsock.make()
  const scope = yield* Scope.make()
  const winsock = yield* Scope.provide(Winsock.make(machine.seam), scope)
  const got: Array<number> = []
  let sent = 0
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* Layer.build(WinsockMetrics.layer)
      const socket = yield* UdpSocket.bind(loopback)
      const peer = yield* UdpSocket.bind(loopback)
      const take = Effect.map(peer.receive, (message) => void got.push(numberOf(message)))
      let fibers: Array<Fiber.Fiber<void, unknown>> = []
      for (let step = 0; step < 150; step++) {
        const what = chance(5)
        if (what < 2) fibers.push(yield* Effect.forkChild(take, { startImmediately: true }))
        else if (what < 4) yield* socket.send(numbered(sent++), peer.address)
        else if (fibers.length > 0) fibers.splice(chance(fibers.length), 1)[0].interruptUnsafe()
        if (chance(4) === 0) yield* Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))
        fibers = fibers.filter((fiber) => fiber.pollUnsafe() === undefined)
      }
      yield* Fiber.interruptAll(fibers)
      while (got.length < sent) yield* take
    })
  ).pipe(Effect.provideService(Winsock.Winsock, winsock))
  yield* Scope.close(scope, Exit.void)
  return { got, sent, events: yield* machine.trace }
})

describe("WinsockMetrics beside the trace", () => {
  it.live("the same numbers for every seed, and nothing pending in the end", () =>
    Effect.gen(function* () {
      let recovered = 0
      let cancelled = 0
      for (let seed = 1; seed <= 40; seed++) {
        yield* withRegistry(
          Effect.gen(function* () {
            const { events, got, sent } = yield* Effect.scoped(play(seed))
            assert.deepStrictEqual(
              got,
              Array.from({ length: sent }, (_, n) => n)
            )
            const numbers = yield* counted
            assert.deepStrictEqual(numbers, traced(events), `seed ${seed}`)
            recovered += numbers.recovered
            cancelled += numbers.cancelled
            for (const gauge of [
              WinsockMetrics.sockets,
              WinsockMetrics.pending,
              WinsockMetrics.waiters,
              WinsockMetrics.inbox
            ]) {
              assert.strictEqual(yield* level(gauge), 0)
            }
          })
        )
      }
      // the seeds have both in them
      assert.isAbove(recovered, 0)
      assert.isAbove(cancelled, 0)
    })
  )
})
