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
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"

/** The layer under test. */
export const layerName: "mock" | "native" = process.env.EFFECT_WINSOCK_LAYER === "native" ? "native" : "mock"

export interface RigOptions extends Winsock.Options {
  /** How many operations the kernel is expected never to give back. */
  readonly leaked?: number
  /** How the mock behaves, when it is the layer under test. */
  readonly mock?: MockWinsock.Options
  /** Files that the machine has, by name. */
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Decorates the seam before all else. */
  readonly decorate?: (seam: Seam) => Seam
}

/** Where a machine keeps the files that a test gives it: a folder of its own that lives as long as the scope. */
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "effect-winsock-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

interface Machine {
  readonly seam: Seam
  readonly path: (name: string) => string
}

const nativeMachine = Effect.fnUntraced(function* ({ files = {} }: RigOptions) {
  const native = yield* Effect.promise(() => import("@effect-winsock/native"))
  const seam = yield* native.NativeWinsock.seam
  if (Object.keys(files).length === 0) return { seam, path: (name: string) => name }
  const where = yield* folder
  for (const [name, content] of Object.entries(files)) {
    yield* Effect.promise(() => writeFile(join(where, name), content))
  }
  return { seam, path: (name: string) => join(where, name) }
})

const mockMachine = Effect.fnUntraced(function* ({ files = {}, leaked, mock: options }: RigOptions) {
  const mock = yield* Effect.promise(() => import("@effect-winsock/mock"))
  // memory that is left to the kernel on purpose is what the guard looks for
  const machine = yield* mock.MockWinsock.make({ guard: leaked === undefined ? "strict" : "collect", ...options })
  const path = (name: string) => `C:\\files\\${name}`
  for (const [name, content] of Object.entries(files)) yield* machine.file(path(name), content)
  return { seam: machine.seam, path }
})

const makeMachine = (options: RigOptions): Effect.Effect<Machine, unknown, Scope.Scope> =>
  layerName === "native" ? nativeMachine(options) : mockMachine(options)

/** The seam of the layer under test. */
export const makeSeam = (options: RigOptions = {}): Effect.Effect<Seam, unknown, Scope.Scope> =>
  Effect.map(makeMachine(options), ({ seam }) => seam)

export interface Rig {
  readonly recorder: Decorators.Recorder
  readonly gate: Decorators.Gate
  readonly failing: Decorators.Failing
  readonly winsock: Winsock.Winsock["Service"]
  /** The seam below those handles, for what the program under test must not be taken for. */
  readonly bare: Seam
  readonly statistics: Effect.Effect<Winsock.Statistics>
  /** The path of one of the machine's files, or of one that it does not have. */
  readonly path: (name: string) => string
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
        const { path, seam } = yield* makeMachine(options)
        const bare = (options.decorate ?? ((s) => s))(seam)
        const decorated = recorder.decorate(gate.decorate(failing.decorate(bare)))
        const scope = yield* Scope.make()
        const release = Scope.close(scope, Exit.void)
        yield* Effect.addFinalizer(() => release)
        const winsock = yield* Scope.provide(Winsock.make(decorated, options), scope)
        last = winsock.statistics
        yield* Effect.scoped(
          body({ recorder, gate, failing, winsock, bare, path, statistics: winsock.statistics, release })
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

export interface ModeOptions extends RigOptions {
  /** The ways of completion in which it is tested, when not in all. */
  readonly modes?: ReadonlyArray<Winsock.Completion>
}

/** A test of a law that holds in whatever way operations complete. */
export const lawInEachMode = <A, E>(
  name: string,
  body: (rig: Rig) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  { modes = ["port", "event", "routine"], ...options }: ModeOptions = {}
): void => {
  for (const completion of modes) law(`${name}, by ${completion}`, body, { ...options, completion })
}

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
