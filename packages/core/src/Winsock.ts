/**
 * The Winsock service: one started ws2_32, real or simulated, with the engine that runs its overlapped operations.
 *
 * @since 0.1.0
 */
import { WSA_NOT_ENOUGH_MEMORY, WSAVERNOTSUPPORTED } from "@effect-winsock/schema/WsaError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { isWithin, millisOf, oneOf } from "./internal/checks.ts"
import type { Mode } from "./internal/completion.ts"
import { modes } from "./internal/completion.ts"
import type { EngineOptions, OperationCounters } from "./internal/engine.ts"
import { Engine } from "./internal/engine.ts"
import type { Block, Seam } from "./Seam.ts"
import type { WinsockError } from "./WinsockError.ts"
import * as WinsockErrors from "./WinsockError.ts"

/**
 * Counts of one kind of operation, by outcome. `completed` includes operations that completed although they were
 * being cancelled; those are counted in `Statistics.recovered` too.
 *
 * @category models
 * @since 0.1.0
 */
export interface OperationStatistics {
  /** Handed to the provider (a call that only found nothing ready is not counted). */
  readonly submitted: number
  readonly completed: number
  readonly failed: number
  /** Completed with `WSA_OPERATION_ABORTED` or another failure after it was cancelled or its socket closed. */
  readonly aborted: number
}

/**
 * What a layer holds and did. After its release everything up to `inbox` is 0.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statistics {
  /**
   * Once an event object was made, one more event is the library's own. Where operations complete by events, each
   * OVERLAPPED there is has one, and some are kept for the next.
   */
  readonly handles: { readonly sockets: number; readonly ports: number; readonly events: number }
  /** Native memory. */
  readonly blocks: { readonly count: number; readonly bytes: number }
  readonly slots: { readonly allocated: number; readonly used: number }
  /**
   * Operations whose end has not been seen (their packet not dequeued, by the port), lookups that the provider has, and
   * calls that block a thread.
   */
  readonly pending: number
  /** Fibers that wait for a receive, a lookup or an event. */
  readonly waiters: number
  /** Results that no fiber has taken yet. */
  readonly inbox: number
  readonly operations: {
    /** A stream waits for bytes with a receive of none, which is one, and each read is another. */
    readonly receive: OperationStatistics
    readonly send: OperationStatistics
    readonly connect: OperationStatistics
    readonly accept: OperationStatistics
    readonly disconnect: OperationStatistics
    /** Names that were looked up (GetAddrInfoExW), from their turn on. */
    readonly lookup: OperationStatistics
    /** Addresses that were looked up (GetNameInfoW), from their turn on. */
    readonly reverse: OperationStatistics
    /** Questions about this machine's interfaces, and waits for their changes (WSAIoctl). */
    readonly ioctl: OperationStatistics
  }
  /** Calls of CancelIoEx and GetAddrInfoExCancel. */
  readonly cancels: number
  /** Operations that completed although they were being cancelled: nothing of them was lost. */
  readonly recovered: number
  /** Messages that were still in an inbox when their socket was closed. */
  readonly discarded: number
  /** Receives, accepts and waits for changes that were aborted although nobody here asked for it, and posted again. */
  readonly reposted: number
  /** Operations that the kernel never gave back; their memory is left to it. */
  readonly leaked: number
  readonly pump: {
    /** Looks at the port from the event loop. */
    readonly turns: number
    /** Packets dequeued. */
    readonly packets: number
    /** Returns of the off-thread wait. */
    readonly wakeups: number
  }
}

/**
 * How the program learns of the end of an overlapped call. All three keep the same promises; they differ in what they cost.
 *
 * - `"port"`: packets of the layer's completion port. The cheapest, for many sockets and much traffic; one thread at most
 *   waits for all, and only while the program is idle.
 * - `"event"`: an event object for every operation that may be pending. While the program is idle a thread waits for 63 of
 *   them; the rest are looked at every 10 milliseconds. Each operation takes a handle.
 * - `"routine"`: a completion routine, which the system runs in an alertable wait of the thread that made the call. Nothing
 *   can wake that thread, so an idle program looks every 10 milliseconds at the slowest. The calls that take no routine
 *   (`AcceptEx`, `ConnectEx`, `DisconnectEx`, `TransmitFile`) complete by an event.
 *
 * Source: the pages of `WSASend` and `WSARecvMsg`.
 *
 * @category models
 * @since 0.1.0
 */
export type Completion = Mode

/**
 * Options of a layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * How the operations of sockets complete that do not say it themselves.
   *
   * @default "port"
   */
  readonly completion?: Completion | undefined
  /**
   * How long a cancelled operation may take to complete before its socket is closed, and again before its memory is
   * given up. From 40 milliseconds to 24 days.
   *
   * @default "5 seconds"
   */
  readonly cancelGrace?: Duration.Input | undefined
  /**
   * How many names are looked up at once, 1 to 1024; further lookups wait for their turn.
   *
   * @default 16
   */
  readonly lookups?: number | undefined
  /**
   * How many addresses are looked up at once, 1 to 64, each on a thread of its own; further ones wait for their turn.
   *
   * @default 2
   */
  readonly reverseLookups?: number | undefined
  /**
   * How many blocking calls are made at once, 1 to 64, each on a thread of its own; further ones wait for their turn.
   *
   * @default 2
   */
  readonly blockingCalls?: number | undefined
}

/** @internal */
export const EngineKey: unique symbol = Symbol.for("@effect-winsock/core/Winsock/Engine")

/**
 * One started Winsock. Programs ask for it by making sockets, and get it from `NativeWinsock.layer` or
 * `MockWinsock.layer`.
 *
 * @category services
 * @since 0.1.0
 */
export class Winsock extends Context.Service<
  Winsock,
  {
    /** The provider's functions: ws2_32's own C interface. */
    readonly seam: Seam
    /** Counts what the layer holds and did, now. */
    readonly statistics: Effect.Effect<Statistics>
    /** @internal */
    readonly [EngineKey]: Engine
  }
>()("@effect-winsock/core/Winsock") {}

/** MAKEWORD(2, 2) */
const version22 = 0x0202
/** WSADATA is 408 bytes on x64 and 400 on ia32; some room for both. */
const wsaDataSize = 512
/** Two threads may be active on the port: the JS thread polls it while the off-thread call waits. */
const concurrency = 2

const mostPlaces = { lookups: 1024, reverseLookups: 64, blockingCalls: 64 } as const

const snapshot = ({ aborted, completed, failed, submitted }: OperationCounters): OperationStatistics => ({
  submitted,
  completed,
  failed,
  aborted
})

/**
 * Makes the service of a seam: `WSAStartup(2.2)`, a completion port, and the engine. Closing the scope closes what is
 * still open, drains the port, frees all memory and calls `WSACleanup`.
 *
 * Fails by reason: `InvalidArgument` for an option out of range, `NotSupported` for a provider without version
 * 2.2, `SystemNotReady`, `TooManyProcesses`, `OutOfMemory`. Source: the page of `WSAStartup`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seam: Seam, options?: Options): Effect.Effect<Winsock["Service"], WinsockError, Scope.Scope> =>
  Effect.gen(function* () {
    const cancelGrace = millisOf(options?.cancelGrace ?? "5 seconds")
    if (!(cancelGrace >= 40 && cancelGrace < 2 ** 31)) {
      return yield* Effect.fail(
        WinsockErrors.invalidArgument(
          "WSAStartup",
          "cancelGrace",
          options?.cancelGrace,
          "a duration from 40 milliseconds to 24 days"
        )
      )
    }
    for (const [option, most] of Object.entries(mostPlaces)) {
      const given = options?.[option as keyof typeof mostPlaces]
      if (given === undefined || isWithin(given, 1, most)) continue
      const expected = `an integer from 1 to ${most}`
      return yield* Effect.fail(WinsockErrors.invalidArgument("WSAStartup", option, given, expected))
    }
    const { blockingCalls = 2, completion = "port", lookups = 16, reverseLookups = 2 } = options ?? {}
    if (!modes.includes(completion)) {
      return yield* Effect.fail(WinsockErrors.invalidArgument("WSAStartup", "completion", completion, oneOf(modes)))
    }
    const engine = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const started = start(seam, { completion, cancelGrace, lookups, reverseLookups, blockingCalls })
        return started instanceof Engine ? Effect.succeed(started) : Effect.fail(started)
      }),
      (engine) =>
        Effect.andThen(
          engine.close,
          Effect.suspend(() => reportLeaks(engine))
        )
    )
    const { counters, heap, pump } = engine
    return Winsock.of({
      seam,
      [EngineKey]: engine,
      statistics: Effect.sync(() => ({
        handles: { sockets: counters.sockets, ports: counters.ports, events: counters.events },
        blocks: { count: heap.blocks, bytes: heap.bytes },
        slots: { allocated: counters.slotsAllocated, used: counters.slotsUsed },
        pending: counters.pending,
        waiters: counters.waiters,
        inbox: counters.inbox,
        operations: {
          receive: snapshot(counters.receive),
          send: snapshot(counters.send),
          connect: snapshot(counters.connect),
          accept: snapshot(counters.accept),
          disconnect: snapshot(counters.disconnect),
          lookup: snapshot(counters.lookup),
          reverse: snapshot(counters.reverse),
          ioctl: snapshot(counters.ioctl)
        },
        cancels: counters.cancels,
        recovered: counters.recovered,
        discarded: counters.discarded,
        reposted: counters.reposted,
        leaked: counters.leaked,
        pump: { ...pump.counters }
      }))
    })
  })

const outOfMemory = () => WinsockErrors.fromCode("WSAStartup", WSA_NOT_ENOUGH_MEMORY)

// the result is made in one step: nothing may come between a call and what undoes it
const start = (seam: Seam, options: EngineOptions): Engine | WinsockError => {
  const { calls, memory } = seam
  let data: Block
  try {
    data = memory.alloc(wsaDataSize)
  } catch {
    return outOfMemory()
  }
  const code = calls.WSAStartup(version22, data.address)
  const version = data.view.getUint16(0, true)
  memory.free(data)
  if (code !== 0) return WinsockErrors.fromCode("WSAStartup", code)
  if (version !== version22) {
    calls.WSACleanup()
    return WinsockErrors.fromCode("WSAStartup", WSAVERNOTSUPPORTED)
  }
  const port = calls.CreateIoCompletionPort(-1, 0, 0, concurrency)
  if (port === 0) {
    const error = WinsockErrors.fromCode("CreateIoCompletionPort", calls.WSAGetLastError())
    calls.WSACleanup()
    return error
  }
  try {
    return new Engine(seam, port, options)
  } catch {
    calls.CloseHandle(port)
    calls.WSACleanup()
    return outOfMemory()
  }
}

const reportLeaks = (engine: Engine): Effect.Effect<void> =>
  engine.leaks.length === 0
    ? Effect.void
    : Effect.logError(
        "operations that were cancelled never completed; their memory was left to the kernel",
        engine.leaks
      )

/**
 * Layer that provides `Winsock` over a seam. `NativeWinsock.layer` and `MockWinsock.layer` are made with it; use it
 * for a seam of one's own, or to put decorators around one. Fails as `make` does.
 *
 * **Example** (Counting the calls of a program)
 *
 * ```ts
 * import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const recorder = Decorators.record()
 * const layer = Winsock.layer(Effect.map(MockWinsock.seam(), recorder.decorate), { cancelGrace: "1 second" })
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
 *   yield* Effect.timeoutOption(socket.receive, "10 millis")
 *   const { statistics } = yield* Winsock.Winsock
 *   const { cancels, pending } = yield* statistics
 *   return { cancels, pending, posted: recorder.count("WSARecvMsg") }
 * }).pipe(Effect.scoped, Effect.provide(layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  seam: Effect.Effect<Seam, E, R>,
  options?: Options
): Layer.Layer<Winsock, E | WinsockError, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    Winsock,
    Effect.flatMap(seam, (seam) => make(seam, options))
  )
