/**
 * A started Winsock on the layer that this run tests, with handles to record its calls, hold its completions and make
 * its calls fail. Whatever a test does, at the end its layer must hold nothing.
 */
import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import type * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import process from "node:process"

/** The layer under test. */
export const layerName: "mock" | "native" = process.env.EFFECT_WINSOCK_LAYER === "native" ? "native" : "mock"

export interface RigOptions extends Winsock.Options {
  /** How many operations the kernel is expected never to give back. */
  readonly leaked?: number
  /** How the mock behaves, when it is the layer under test. */
  readonly mock?: MockWinsock.Options
  /** Decorates the seam before all else. */
  readonly decorate?: (seam: Seam) => Seam
}

/** The seam of the layer under test. */
export const makeSeam = (options: RigOptions = {}): Effect.Effect<Seam, unknown, Scope.Scope> =>
  layerName === "native"
    ? Effect.flatMap(
        Effect.promise(() => import("@effect-winsock/native")),
        (native) => native.NativeWinsock.seam
      )
    : Effect.flatMap(
        Effect.promise(() => import("@effect-winsock/mock")),
        (mock) =>
          // memory that is left to the kernel on purpose is what the guard looks for
          Effect.map(
            mock.MockWinsock.make({ guard: options.leaked === undefined ? "strict" : "collect", ...options.mock }),
            (m) => m.seam
          )
      )

export interface Rig {
  readonly recorder: Decorators.Recorder
  readonly gate: Decorators.Gate
  readonly failing: Decorators.Failing
  readonly winsock: Winsock.Winsock["Service"]
  /** The seam below those handles, for what the program under test must not be taken for. */
  readonly bare: Seam
  readonly statistics: Effect.Effect<Winsock.Statistics>
  /** Releases the layer, before the end of the test. */
  readonly release: Effect.Effect<void>
}

/** Everything that a layer can hold, which must be 0 when it was released. */
export const held = (statistics: Winsock.Statistics) => ({
  ...statistics.handles,
  blocks: statistics.blocks.count,
  bytes: statistics.blocks.bytes,
  allocated: statistics.slots.allocated,
  used: statistics.slots.used,
  pending: statistics.pending,
  waiters: statistics.waiters,
  inbox: statistics.inbox
})

/** What `held` gives when nothing is. */
export const nothing = {
  sockets: 0,
  ports: 0,
  events: 0,
  blocks: 0,
  bytes: 0,
  allocated: 0,
  used: 0,
  pending: 0,
  waiters: 0,
  inbox: 0
}

export const withRig = <A, E>(
  body: (rig: Rig) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options: RigOptions = {}
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const recorder = Decorators.record()
    const gate = Decorators.gate()
    const failing = Decorators.fail()
    let last: Effect.Effect<Winsock.Statistics> | undefined
    yield* Effect.scoped(
      Effect.gen(function* () {
        const seam = yield* makeSeam(options)
        const bare = (options.decorate ?? ((s) => s))(seam)
        const decorated = recorder.decorate(gate.decorate(failing.decorate(bare)))
        const scope = yield* Scope.make()
        const release = Scope.close(scope, Exit.void)
        yield* Effect.addFinalizer(() => release)
        const winsock = yield* Scope.provide(Winsock.make(decorated, options), scope)
        last = winsock.statistics
        yield* Effect.scoped(
          body({ recorder, gate, failing, winsock, bare, statistics: winsock.statistics, release })
        ).pipe(Effect.provideService(Winsock.Winsock, winsock))
      })
    )
    const statistics = yield* last!
    assert.deepStrictEqual(held(statistics), nothing, "what the released layer still holds")
    assert.strictEqual(statistics.leaked, options.leaked ?? 0, "operations that were given up")
  })

/** A test of a law: on real time, for real completions do not wait for a test's clock. */
export const law = <A, E>(
  name: string,
  body: (rig: Rig) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options?: RigOptions
): void => it.live(`${name} (${layerName})`, () => withRig(body, options))

/** 127.0.0.1, any port. */
export const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

/** A socket on loopback. */
export const bind = (options?: UdpSocket.Options) => UdpSocket.bind(loopback, options)

/** A datagram that carries a number. */
export const numbered = (n: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

/** The number that a datagram carries. */
export const numberOf = (message: { readonly payload: Uint8Array }): number => {
  const { buffer, byteOffset } = message.payload
  return new DataView(buffer, byteOffset, 4).getUint32(0)
}

/** Starts a fiber and runs it to its first wait. */
export const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Asks a fiber to end, without waiting for it. */
export const interruptSoon = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.sync(() => fiber.interruptUnsafe())

/** A generator of chance: the same numbers for the same seed. */
export const random = (seed: number) => {
  let state = seed >>> 0 || 1
  return (below: number): number => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}
