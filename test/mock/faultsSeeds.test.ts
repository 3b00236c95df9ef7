// Mixes of faults, drawn by a seed, over echo programs: nothing dies, nothing is lost or given twice, what fails gives one of
// the documented reasons, and whatever happens the layer is released in virtual time and holds nothing.
import { TcpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import { MockFault } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { withFaulty } from "../support/faulty.ts"
import { bind, numbered, numberOf, random, start } from "../support/rig.ts"
import { listen } from "../support/tcp.ts"
import { pattern } from "../support/udp.ts"

type Below = (n: number) => number
type Draw = (below: Below) => MockFault.Fault

const one = <A>(below: Below, from: ReadonlyArray<A>): A => from[below(from.length)]

const rarely = (below: Below) => ({ probability: (1 + below(15)) / 100 })

const lateness = (below: Below): MockFault.Lateness => (below(2) === 0 ? 1 + below(6) : { after: 1 + below(3000) })

const cancellations: ReadonlyArray<Draw> = [
  () => MockFault.cancelLoses(),
  (below) => MockFault.cancelLate(lateness(below), { probability: 0.5 }),
  (below) => MockFault.cancelIgnored(rarely(below)),
  (below) => MockFault.cancelNotFound(rarely(below)),
  (below) => MockFault.cancelHangs(rarely(below))
]

const common: ReadonlyArray<Draw> = [
  ...cancellations,
  (below) => MockFault.fail("WSASocketW", one(below, ["WSAEMFILE", "WSAENOBUFS"]), rarely(below)),
  (below) => MockFault.fail("PostQueuedCompletionStatus", "WSA_NOT_ENOUGH_MEMORY", rarely(below)),
  (below) => MockFault.fail("GetQueuedCompletionStatusEx", "WSA_NOT_ENOUGH_MEMORY", rarely(below)),
  (below) => MockFault.outOfMemory({ ...rarely(below), when: ({ size }) => size < 100_000 })
]

const draws = {
  UDP: [
    ...common,
    (below) => MockFault.fail("WSARecvMsg", one(below, ["WSAENOBUFS", "WSAECONNRESET", "WSAENETRESET"]), rarely(below)),
    (below) =>
      MockFault.fail("WSASendMsg", one(below, ["WSAENOBUFS", "WSAEWOULDBLOCK", "WSAEHOSTUNREACH"]), rarely(below)),
    (below) => MockFault.complete("WSARecvMsg", "STATUS_INSUFFICIENT_RESOURCES", rarely(below)),
    (below) => MockFault.late(one(below, ["WSARecvMsg", "WSASendMsg"]), lateness(below), rarely(below)),
    (below) => MockFault.latePacket(one(below, ["WSARecvMsg", "WSASendMsg"]), lateness(below), rarely(below)),
    (below) => MockFault.neverCompletes(one(below, ["WSARecvMsg", "WSASendMsg"]), { times: 1, ...rarely(below) })
  ],
  TCP: [
    ...common,
    (below) => MockFault.fail("WSARecv", one(below, ["WSAENOBUFS", "WSAECONNRESET"]), rarely(below)),
    (below) => MockFault.fail("WSASend", one(below, ["WSAENOBUFS", "WSAEWOULDBLOCK"]), rarely(below)),
    (below) => MockFault.fail(one(below, ["ConnectEx", "AcceptEx"]), "WSAENOBUFS", rarely(below)),
    (below) => MockFault.complete(one(below, ["WSARecv", "WSASend"]), "STATUS_CONNECTION_RESET", rarely(below)),
    (below) =>
      MockFault.late(one(below, ["WSARecv", "WSASend", "ConnectEx", "AcceptEx"]), lateness(below), rarely(below)),
    (below) =>
      MockFault.latePacket(one(below, ["WSARecv", "WSASend", "ConnectEx", "AcceptEx"]), lateness(below), rarely(below)),
    (below) =>
      MockFault.neverCompletes(one(below, ["WSARecv", "WSASend", "ConnectEx", "AcceptEx"]), {
        times: 1,
        ...rarely(below)
      }),
    (below) => MockFault.partial("WSASend", 1 + below(300)),
    (below) => MockFault.partial("WSARecv", 1 + below(300))
  ]
} satisfies { readonly [K: string]: ReadonlyArray<Draw> }

const documented: ReadonlySet<string> = new Set([
  "NoBufferSpace",
  "OutOfMemory",
  // of an overlapped send: too many are outstanding
  "WouldBlock",
  "TooManySockets",
  "ConnectionReset",
  "ConnectionAborted",
  "NetworkReset",
  "HostUnreachable",
  "OperationAborted",
  "SocketClosed",
  "StreamBroken"
])

const seeds = 150

/** The reason of a failure; undefined for an end, an interruption or a success. A defect fails the test. */
const failureOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit) || Exit.hasInterrupts(exit)) return undefined
  if (Exit.hasDies(exit)) return assert.fail(Cause.pretty(exit.cause))
  const error = Cause.squash(exit.cause)
  if (Cause.isDone(error)) return undefined
  if (!isWinsockError(error)) return assert.fail(String(error))
  const { _tag } = (error as WinsockError).reason
  assert.isTrue(documented.has(_tag), `an undocumented reason: ${_tag}`)
  return _tag
}

const faultsOf = (kind: keyof typeof draws, seed: number, below: Below): ReadonlyArray<MockFault.Fault> =>
  Array.from({ length: 1 + below(4) }, () => one<Draw>(below, draws[kind])(below)).concat(
    seed % 2 === 0 ? [one<Draw>(below, cancellations)(below)] : []
  )

const behaviourOf = (seed: number) =>
  ({
    seed,
    abi: seed % 3 === 0 ? "ia32" : "x64",
    cancellation: "seeded",
    dequeue: "seeded",
    readyAnswer: "seeded",
    trace: 2000,
    winsock: { completion: (["port", "event", "routine"] as const)[seed % 3] }
  }) as const

describe("mixes of faults", () => {
  it.effect(`${seeds} seeds of datagrams that are echoed: each comes once and in order, or not at all`, () =>
    Effect.gen(function* () {
      const reasons = new Map<string, number>()
      let echoed = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const below = random(seed * 7919)
        yield* withFaulty(
          ({ mock, within }) =>
            Effect.gen(function* () {
              const opened = yield* within(20_000, Effect.exit(Effect.all([bind({ lookAhead: 1 }), bind()])))
              if (Exit.isFailure(opened)) return assert.fail("nothing is wrong yet")
              const [server, client] = opened.value
              for (const fault of faultsOf("UDP", seed, below)) yield* mock.fault(fault)
              const note = (exit: Exit.Exit<unknown, unknown>) => {
                const reason = failureOf(exit)
                if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
              }
              const serving = yield* start(
                Effect.forever(
                  Effect.gen(function* () {
                    const message = yield* server.receive
                    note(yield* Effect.exit(server.reply(message, message.payload)))
                  })
                )
              )
              const got: Array<number> = []
              for (let n = 1; n <= 15; n++) {
                note(
                  yield* within(
                    20_000,
                    Effect.exit(Effect.timeout(client.send(numbered(n), server.address), 5000)).pipe(known)
                  )
                )
                const receiving = Effect.timeoutOption(client.receive, 1 + below(400))
                const exit = yield* within(25_000, Effect.exit(receiving))
                note(exit)
                if (Exit.isSuccess(exit) && exit.value._tag === "Some") got.push(numberOf(exit.value.value))
              }
              yield* within(25_000, Fiber.interrupt(serving))
              note(yield* Fiber.await(serving))
              assert.deepStrictEqual(
                got,
                [...new Set(got)].toSorted((a, b) => a - b),
                `seed ${seed}`
              )
              echoed += got.length
            }),
          behaviourOf(seed)
        ).pipe(Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}: ${Cause.pretty(cause)}`))))
      }
      assert.isAbove(echoed, seeds * 5)
      assert.isAbove(reasons.size, 3, [...reasons.keys()].join())
    })
  )

  it.effect(`${seeds} seeds of streams that are echoed: what comes is what was sent, from its beginning on`, () =>
    Effect.gen(function* () {
      const reasons = new Map<string, number>()
      let whole = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const below = random(seed * 104_729)
        const note = (exit: Exit.Exit<unknown, unknown>) => {
          const reason = failureOf(exit)
          if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        }
        yield* withFaulty(
          ({ mock, within }) =>
            Effect.gen(function* () {
              const server = yield* listen({ acceptAhead: 1 })
              for (const fault of faultsOf("TCP", seed, below)) yield* mock.fault(fault)
              const serving = yield* start(
                Effect.forever(
                  Effect.gen(function* () {
                    const connection = yield* server.accept
                    yield* start(
                      Effect.gen(function* () {
                        for (;;) yield* connection.send(yield* connection.receive)
                      }).pipe(
                        Effect.exit,
                        Effect.tap((exit) => Effect.sync(() => note(exit)))
                      )
                    )
                  }).pipe(
                    Effect.exit,
                    Effect.tap((exit) => Effect.sync(() => note(exit))),
                    Effect.andThen(Effect.sleep(1))
                  )
                )
              )
              for (let n = 0; n < 3; n++) {
                const bytes = pattern(500 + below(1500), n)
                const got: Array<number> = []
                const exchange = Effect.gen(function* () {
                  const client = yield* TcpSocket.connect(server.address)
                  const sending = yield* start(client.send(bytes))
                  while (got.length < bytes.length) {
                    const piece = yield* Effect.timeoutOption(client.receive, 1 + below(500))
                    if (piece._tag === "Some") got.push(...piece.value)
                  }
                  yield* Fiber.join(sending)
                })
                const limited = Effect.timeoutOption(Effect.scoped(exchange), 10_000)
                note(yield* within(45_000, Effect.exit(limited)))
                assert.isAtMost(got.length, bytes.length)
                assert.isTrue(
                  got.every((byte, i) => byte === bytes[i]),
                  `seed ${seed}: bytes that were not sent, or not in this place`
                )
                if (got.length === bytes.length) whole++
              }
              yield* within(30_000, Fiber.interrupt(serving))
            }),
          behaviourOf(seed)
        ).pipe(Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}: ${Cause.pretty(cause)}`))))
      }
      assert.isAbove(whole, seeds)
      assert.isAbove(reasons.size, 3, [...reasons.keys()].join())
    })
  )
})

// a send that took too long is no failure here
const known = Effect.map((exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) && Cause.isTimeoutError(Cause.squash(exit.cause)) ? Exit.void : exit
)
