/**
 * A simulated ws2_32.dll: real bytes at real offsets, handles, completion ports, cancellation and UDP, on any machine.
 *
 * It follows Windows where Windows is documented or was observed, and lets a test choose (or a seed shuffle) what
 * Windows leaves open: whether a call with data at hand answers at once, when a cancellation takes hold, in which order
 * ready packets are dequeued.
 *
 * Simulated are TCP, UDP and raw sockets over IPv4 and IPv6 (dual stack too, but for raw ones), with their options and
 * control messages, streams of AF_UNIX, events, ports, completion routines and names; machines and routers speak ICMP.
 * Not yet: writing files, raw sockets that see TCP, shared sockets. A call for one of these fails with a code that
 * Windows gives where a system or a socket does not
 * support it; none pretends to succeed.
 *
 * A call that would wait on the JS thread cannot: the simulation goes on only between turns. It answers with WSAEINTR
 * (or what its timeout would answer), and the guard reports it.
 *
 * @since 0.1.0
 */
import type { Seam } from "@effect-winsock/core/Seam"
import type { ExtensionName } from "@effect-winsock/core/Signatures"
import * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { Abi } from "@effect-winsock/schema/Layout"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { TcpState as ConnectionState } from "./internal/Connection.ts"
import * as Host from "./internal/Host.ts"
import { NameTable } from "./internal/NameTable.ts"
import type { Links } from "./internal/Links.ts"
import type { Machine } from "./internal/Machine.ts"
import { checked, defaults, type Settings } from "./internal/Settings.ts"
import { optionKeys } from "./internal/SocketOptions.ts"
import { type Route, Routes } from "./internal/Routes.ts"
import { ioctlCodes } from "./internal/Ioctls.ts"
import { Simulation } from "./internal/Simulation.ts"
import * as Steps from "./internal/Steps.ts"
import type * as MockFault from "./MockFault.ts"
import type * as MockNames from "./MockNames.ts"
import type * as MockRule from "./MockRule.ts"
import type * as MockTrace from "./MockTrace.ts"

/**
 * How a simulation behaves. What says `"seeded"` is decided by the seed at each occasion: same seed, same run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behaviour {
  /**
   * The memory layout.
   *
   * @default "x64"
   */
  readonly abi?: Abi | undefined
  /**
   * The seed of everything that is left to chance.
   *
   * @default 1
   */
  readonly seed?: number | undefined
  /**
   * What happens to breaches of Winsock's memory and handle rules: `"strict"` makes the layer's release die of them,
   * `"collect"` only lists them, `"off"` does not look.
   *
   * @default "strict"
   */
  readonly guard?: "strict" | "collect" | "off" | undefined
  /**
   * Whether what the guard finds says where in the program the call was made, and where the operation was begun or the
   * socket opened: a stack for every one of them.
   *
   * @default false (`MockTest`: true)
   */
  readonly callSites?: boolean | undefined
  /**
   * How many of the latest events the trace keeps; `true` is 10,000, `false` none.
   *
   * @default true
   */
  readonly trace?: boolean | number | undefined
  /**
   * The order in which ready packets leave a completion port. `"seeded"` shuffles it, as several threads do, but
   * never two packets of one `OVERLAPPED`, and nothing past a packet that was posted.
   *
   * @default "fifo"
   */
  readonly dequeue?: "fifo" | "seeded" | undefined
  /**
   * How an overlapped receive answers when the datagram at hand is too large for it: pends, fails and queues a packet
   * all the same, or fails and queues none. Windows documents the last; the first is what was observed.
   *
   * @default "pending"
   */
  readonly truncationAnswer?: "pending" | "emsgsize+packet" | "emsgsize-only" | "seeded" | undefined
  /**
   * How an overlapped call answers when it could be completed at once.
   *
   * @default "immediate"
   */
  readonly readyAnswer?: "immediate" | "pending" | "seeded" | undefined
  /**
   * When CancelIoEx takes hold: within the call, or in a later turn, so that a datagram that arrives in between
   * still completes the operation. `"seeded"` also varies how much later, up to three turns.
   *
   * @default "immediate"
   */
  readonly cancellation?: "immediate" | "deferred" | "seeded" | undefined
  /**
   * The NTSTATUS of operations that are pending when their socket is closed.
   *
   * @default `STATUS_CONNECTION_ABORTED` for receives and sends of a stream, `STATUS_CANCELLED` for all else
   */
  readonly closeStatus?: number | undefined
  /**
   * When a datagram arrives: in a turn of its own, or within the call that sends it.
   *
   * @default "turn"
   */
  readonly delivery?: "turn" | "immediate" | undefined
  /**
   * Whether single operations can be cancelled. Without, as with layered providers whose sockets are no file handles
   * (`XP1_IFS_HANDLES` is not set), `CancelIoEx` fails with `ERROR_INVALID_FUNCTION`.
   *
   * @default true
   */
  readonly cancelIoEx?: boolean | undefined
  /** Extension functions that the provider does not have. */
  readonly absentExtensions?: ReadonlyArray<ExtensionName> | undefined
  /** Socket options that the provider does not have, by the names in `schema/Options`: `WSAENOPROTOOPT`. */
  readonly absentOptions?: ReadonlyArray<string> | undefined
  /** Control codes that the provider does not have, by the names in `schema/Ioctls`: `WSAEOPNOTSUPP`. */
  readonly absentIoctls?: ReadonlyArray<string> | undefined
  /**
   * Whether the control data of a send is honoured or, as Wine does, accepted and ignored.
   *
   * @default "honoured"
   */
  readonly sendControl?: "honoured" | "ignored" | undefined
  /**
   * What `UDP_COALESCED_INFO` says of datagrams that were joined on receive: their size, a number that may be wrong, or
   * nothing, as with network cards that join without saying so.
   *
   * @default "told"
   */
  readonly coalescedInfo?: "told" | "missing" | number | undefined
  /**
   * The build of Windows that `RtlGetVersion` tells, with the version that is its own: 10.0 from 10240 on, 6.1 of 7601.
   *
   * @default 22631
   */
  readonly build?: number | undefined
  /**
   * Where a stream is cut: segments as large as the interfaces allow, or segments and receives cut at random places, so
   * that programs see all the partial reads and writes there can be.
   *
   * @default "mss"
   */
  readonly segmentation?: "mss" | "seeded" | undefined
  /**
   * Whether the byte count of a cancelled stream send tells how much of it the connection had taken already. (That part
   * reaches the peer in any case.)
   *
   * @default "counted"
   */
  readonly cancelledSend?: "counted" | "zero" | undefined
  /**
   * How many milliseconds a connection stays in TIME_WAIT.
   *
   * @default 120000
   */
  readonly timeWait?: number | undefined
  /**
   * Whether the system knows `SIO_TCP_INFO` (Windows 10 1703).
   *
   * @default true
   */
  readonly tcpInfo?: boolean | undefined
  /**
   * What `SIO_FLUSH` does: Windows does not support it (`WSAEOPNOTSUPP`); the pages of WSASend and of the control codes
   * say that it aborts the sends of the socket.
   *
   * @default "unsupported"
   */
  readonly flush?: "unsupported" | "aborts" | undefined
  /**
   * Whether the system has AF_UNIX streams (Windows 10 1803, build 17134).
   *
   * @default what the build has
   */
  readonly unixSockets?: boolean | undefined
  /**
   * Whether the system knows `SIO_TIMESTAMPING` (Windows 10 build 20348).
   *
   * @default true
   */
  readonly timestamps?: boolean | undefined
  /** What the resolver knows besides `localhost` and the machines by their names, and how it behaves. */
  readonly names?: MockNames.Options | undefined
}

/**
 * A network interface. `addresses` are `"10.0.0.1/24"` or `"fd00::1/64"`; an IPv4 network's broadcast address follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Interface {
  /** At least 2: 1 is the loopback interface, which every machine has. */
  readonly index: number
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  /**
   * Largest IP packet in bytes, 576 or more.
   *
   * @default 1500
   */
  readonly mtu?: number | undefined
}

/**
 * A simulated machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface MachineOptions {
  /**
   * The interfaces besides loopback (index 1, `127.0.0.0/8` and `::1`).
   *
   * @default none
   */
  readonly interfaces?: ReadonlyArray<Interface> | undefined
  /**
   * Whether a datagram for a closed port is answered with ICMP port unreachable, and one of a protocol that nobody has
   * with protocol unreachable.
   *
   * @default true
   */
  readonly portUnreachable?: boolean | undefined
  /**
   * Whether the machine answers ICMP echo requests, as Windows does by itself unless its firewall keeps it from it.
   *
   * @default true
   */
  readonly echoReply?: boolean | undefined
  /**
   * Whether programs have the rights of an administrator: without, `WSASocketW` of `SOCK_RAW` fails with `WSAEACCES`.
   *
   * @default true
   */
  readonly administrator?: boolean | undefined
}

/**
 * Options of one simulated machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Behaviour, MachineOptions {}

/**
 * A rule that makes calls fail or end differently.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = MockFault.Fault

/**
 * States of TCP, as netstat names them. `CLOSED` is that of a socket whose connection is over or broke.
 *
 * @category models
 * @since 0.1.0
 */
export type TcpState = "LISTENING" | ConnectionState

/**
 * A line of netstat: a socket and what waits in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketInfo {
  readonly host: string
  /** 0 for a TCP connection that no socket has: it waits to be accepted, or its socket is closed. */
  readonly socket: number
  readonly protocol: "UDP" | "TCP" | "RAW" | "UNIX"
  readonly family: "IPv4" | "IPv6" | "Unix"
  /** Of a stream, as netstat names TCP's; undefined for UDP and raw sockets, and for a stream that neither listens nor connects. */
  readonly state: TcpState | undefined
  /** Undefined while unbound. Of AF_UNIX a path, empty where it has none. */
  readonly local: string | undefined
  /** Undefined while unconnected. */
  readonly peer: string | undefined
  readonly pendingReceives: number
  readonly pendingSends: number
  /** Datagrams (0 for TCP) and bytes that wait for a receive. */
  readonly queued: number
  readonly queuedBytes: number
  /** Bytes that wait for the network, for TCP until the peer has them. */
  readonly sendBuffered: number
  /** Datagrams lost because the receive buffer was full. */
  readonly dropped: number
  /** Connections that wait to be accepted. */
  readonly backlog: number
}

/**
 * A simulated machine and what a test can see of it and do to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mock {
  readonly name: string
  readonly seam: Seam
  /** What was recorded, of every machine of the simulation, oldest first. */
  readonly trace: Effect.Effect<Array<MockTrace.Event>>
  /** Forgets what was recorded. */
  readonly clearTrace: Effect.Effect<void>
  readonly sockets: Effect.Effect<Array<SocketInfo>>
  /**
   * Waits until nothing is under way: no task of a later turn, nothing in the network (unless it is held), no
   * cancellation, and no call for a few turns of the event loop. Does not move the clock. Dies when that never happens.
   */
  readonly settled: Effect.Effect<void>
  /**
   * Lets a finite time go by under `TestClock`, in steps: everything that becomes due on the way, in the simulation and in
   * the program, happens at its time, and what follows from it at its own. Ends settled. `TestClock.adjust` alone goes to
   * the end of its time before the network has had a turn. Under any other clock it sleeps, and settles.
   */
  readonly advance: (duration: Duration.Input) => Effect.Effect<void>
  /** The breaches found so far. */
  readonly guard: Effect.Effect<Array<MockTrace.Violated>>
  /** Makes calls of this machine go wrong until the scope closes. Dies of a fault that cannot be, with a RangeError. */
  readonly fault: (fault: Fault) => Effect.Effect<void, never, Scope.Scope>
  /** Installs rules of the network, which all machines of the simulation share, until the scope closes. */
  readonly rules: (...rules: ReadonlyArray<MockRule.Rule>) => Effect.Effect<void, never, Scope.Scope>
  /** Keeps datagrams and segments from arriving, and send buffers from draining, until the scope closes. */
  readonly hold: Effect.Effect<void, never, Scope.Scope>
  /**
   * Gives the machine a file, for `CreateFileW` to open and `TransmitFile` to send. Of a large one only what is read is
   * ever made: `byteAt` says which byte is where, and without it all are zeros. Case and the kind of slash do not matter
   * in `path`.
   */
  readonly file: (
    path: string,
    content: Uint8Array | { readonly size: number; readonly byteAt?: ((offset: number) => number) | undefined }
  ) => Effect.Effect<void>
  /**
   * Gives an interface (not loopback) an address, `"10.0.0.9/24"`: waits for a change of addresses end, and routes follow.
   * Dies of an interface that is none and of an address that the machine has.
   */
  readonly addAddress: (interfaceIndex: number, address: string) => Effect.Effect<void>
  /**
   * Takes an address away, `"10.0.0.9"`. Sockets stay bound to it: what waits goes on waiting, nothing comes any more, and
   * sends fail with `WSAEADDRNOTAVAIL`. Connections of the address break with `STATUS_CONNECTION_ABORTED`, and their peers
   * hear nothing. Dies of an address that no interface has.
   */
  readonly removeAddress: (address: string) => Effect.Effect<void>
  /**
   * Lets the thread exit that has made the calls so far: operations that it began and that have not ended are aborted
   * (`STATUS_CANCELLED`), and nobody asked for that. Those of sockets on a completion port survive since Windows Vista; with
   * `"aborted"` they do not, as on Windows XP.
   */
  readonly threadExit: (ports?: "survive" | "aborted") => Effect.Effect<void>
  /** Whether the host was asked to keep the process alive. */
  readonly keptAlive: Effect.Effect<boolean>
  /** Runs what was registered to run when the process exits. */
  readonly exit: Effect.Effect<void>
  /** Live blocks of memory, open handles and pending operations. */
  readonly counts: Effect.Effect<{ readonly blocks: number; readonly handles: number; readonly pending: number }>
}

/**
 * The simulated machine of a layer.
 *
 * @category services
 * @since 0.1.0
 */
export class MockWinsock extends Context.Service<MockWinsock, Mock>()("@effect-winsock/mock/MockWinsock") {}

/**
 * Waits until nothing is under way in the simulation, as `Mock.settled` says: no sleeping, and the clock does not move.
 *
 * **Example** (A late datagram)
 *
 * ```ts
 * import { UdpSocket } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Fiber } from "effect"
 *
 * const late = (socket: UdpSocket.UdpSocket) =>
 *   Effect.gen(function*() {
 *     const fiber = yield* Effect.forkChild(Effect.timeoutOption(socket.receive, "10 minutes"))
 *     yield* MockWinsock.advance("10 minutes")
 *     yield* socket.send(new Uint8Array(1), socket.address)
 *     yield* MockWinsock.settled
 *     return [yield* Fiber.join(fiber), yield* socket.receive]
 *   })
 * ```
 *
 * @category testing
 * @since 0.1.0
 */
export const settled: Effect.Effect<void, never, MockWinsock> = Effect.flatMap(MockWinsock, (mock) => mock.settled)

/**
 * Lets a finite time go by, as `Mock.advance` says: everything happens at its time, and then the simulation settles. Dies
 * of an infinite duration.
 *
 * @category testing
 * @since 0.1.0
 */
export const advance = (duration: Duration.Input): Effect.Effect<void, never, MockWinsock> =>
  Effect.flatMap(MockWinsock, (mock) => mock.advance(duration))

/** The build of Windows 10 1803. */
const firstWithUnix = 17_134

const settingsOf = (behaviour: Behaviour): Settings => {
  const { trace } = behaviour
  return checked({
    abi: behaviour.abi ?? defaults.abi,
    seed: behaviour.seed ?? defaults.seed,
    guard: behaviour.guard ?? defaults.guard,
    callSites: behaviour.callSites ?? defaults.callSites,
    trace: trace === undefined || trace === true ? defaults.trace : trace === false ? 0 : trace,
    dequeue: behaviour.dequeue ?? defaults.dequeue,
    truncationAnswer: behaviour.truncationAnswer ?? defaults.truncationAnswer,
    readyAnswer: behaviour.readyAnswer ?? defaults.readyAnswer,
    cancellation: behaviour.cancellation ?? defaults.cancellation,
    closeStatus: behaviour.closeStatus ?? defaults.closeStatus,
    delivery: behaviour.delivery ?? defaults.delivery,
    cancelIoEx: behaviour.cancelIoEx ?? defaults.cancelIoEx,
    absentExtensions: behaviour.absentExtensions ?? defaults.absentExtensions,
    absentOptions: optionKeys(behaviour.absentOptions ?? []),
    absentIoctls: ioctlCodes(behaviour.absentIoctls ?? []),
    sendControl: behaviour.sendControl ?? defaults.sendControl,
    coalescedInfo: behaviour.coalescedInfo ?? defaults.coalescedInfo,
    build: behaviour.build ?? defaults.build,
    segmentation: behaviour.segmentation ?? defaults.segmentation,
    cancelledSend: behaviour.cancelledSend ?? defaults.cancelledSend,
    timeWait: behaviour.timeWait ?? defaults.timeWait,
    tcpInfo: behaviour.tcpInfo ?? defaults.tcpInfo,
    flush: behaviour.flush ?? defaults.flush,
    unixSockets: behaviour.unixSockets ?? (behaviour.build ?? defaults.build) >= firstWithUnix,
    timestamps: behaviour.timestamps ?? defaults.timestamps,
    names: behaviour.names === undefined ? defaults.names : new NameTable(behaviour.names),
    nameCancellation: behaviour.names?.cancellation ?? defaults.nameCancellation
  })
}

/** @internal */
export const makeMachines = (
  behaviour: Behaviour,
  machines: ReadonlyArray<Machine>,
  routes: ReadonlyArray<Route> = [],
  links?: Links
): Effect.Effect<ReadonlyArray<Mock>, never, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.map(Clock.Clock, (clock) => {
        Steps.watch(clock)
        return new Simulation(settingsOf(behaviour), machines, clock, new Routes(routes, links))
      }),
      Host.release
    ),
    (simulation) => Effect.succeed(simulation.nodes.map((node) => Host.make(simulation, node)))
  )

/**
 * Makes a simulated machine. Closing the scope ends the simulation; with the guard `"strict"` it dies, showing the
 * trace, of every breach that was found and of everything still open, allocated or pending.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Mock, never, Scope.Scope> =>
  Effect.suspend(() =>
    Effect.map(makeMachines(options, Host.distinct([Host.machine("localhost", options)])), (mocks) => mocks[0])
  )

/**
 * A seam of a simulated machine, for `Winsock.layer`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seam = (options: Options = {}): Effect.Effect<Seam, never, Scope.Scope> =>
  Effect.map(make(options), (mock) => mock.seam)

/**
 * Options of a layer: of the machine, and of the `Winsock` over it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends Options {
  /** Puts decorators around the seam before the engine gets it. */
  readonly decorate?: ((seam: Seam) => Seam) | undefined
  readonly winsock?: Winsock.Options | undefined
}

/** @internal */
export const layerOf = <E, R>(
  mock: Effect.Effect<Mock, E, R>,
  options: Pick<LayerOptions, "decorate" | "winsock">
): Layer.Layer<Winsock.Winsock | MockWinsock, E | WinsockError, Exclude<R, Scope.Scope>> =>
  Layer.flatMap(Layer.effect(MockWinsock, mock), (context) => {
    const { seam } = Context.get(context, MockWinsock)
    const decorated = options.decorate === undefined ? seam : options.decorate(seam)
    return Layer.merge(Layer.succeedContext(context), Winsock.layer(Effect.succeed(decorated), options.winsock))
  })

/**
 * Layer that provides `Winsock` over a simulated machine, and `MockWinsock`, the machine itself.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: LayerOptions = {}): Layer.Layer<Winsock.Winsock | MockWinsock, WinsockError> =>
  layerOf(make(options), options)

/**
 * Layer of a machine that has the loopback interface only, and behaves as Windows does by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLoopback: Layer.Layer<Winsock.Winsock | MockWinsock, WinsockError> = layer()
