/**
 * The way from a socket that a program holds to its engine and its SOCKET: for modules that make calls on sockets of any
 * kind, without knowing what each of them is made of.
 */
import type { SocketHandle } from "../Seam.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { SocketCalls } from "./socketCalls.ts"

/** What a socket is, as far as it decides which calls it takes. */
export type LiveKind = "udp" | "tcp" | "listener" | "raw" | "unix"

/** The key under which a socket has it; fakes of a program's own have none. */
export const LiveKey: unique symbol = Symbol.for("@effect-winsock/core/LiveSocket")

export interface LiveSocket<out Kind extends LiveKind = LiveKind> {
  readonly engine: Engine
  readonly kind: Kind
  /** `AF_INET`, `AF_INET6` or `AF_UNIX`: what its SOCKET was made for. */
  readonly family: number
  /**
   * Whether the library keeps promises about the socket, which some options and ioctls would break. Without them the
   * SOCKET is the program's to configure.
   */
  readonly managed: boolean
  /** What one that is not managed refuses all the same: the value that it must be instead. */
  readonly refuses?: ((name: string, value: unknown) => string | undefined) | undefined
  /** The SOCKET while calls may be made on it, -1 from when it is being closed: the number is reused at once. */
  readonly socket: SocketHandle | -1
}

/** Extended by the sockets that options and ioctls are for. */
export interface Live<out Kind extends LiveKind = LiveKind> {
  /** @internal */
  readonly [LiveKey]?: LiveSocket<Kind> | undefined
}

/** A live socket whose SOCKET is asked for at each call. */
export class LiveSocketOf<Kind extends LiveKind> implements LiveSocket<Kind> {
  readonly engine: Engine
  readonly kind: Kind
  readonly family: number
  readonly managed: boolean
  readonly refuses: LiveSocket["refuses"]
  private readonly current: () => SocketHandle | -1

  constructor(
    engine: Engine,
    kind: Kind,
    family: number,
    current: () => SocketHandle | -1,
    managed = true,
    refuses?: LiveSocket["refuses"]
  ) {
    this.engine = engine
    this.kind = kind
    this.family = family
    this.current = current
    this.managed = managed
    this.refuses = refuses
  }

  get socket(): SocketHandle | -1 {
    return this.current()
  }
}

/** What a value that should be a socket is made of, or `undefined` when the library did not make it. */
export const liveOf = (socket: unknown): LiveSocket | undefined =>
  typeof socket === "object" && socket !== null ? (socket as Live)[LiveKey] : undefined

/** The calls on the SOCKET of a value that should be a socket, now; or why there are none. */
export const callsOn = (operation: string, socket: unknown): SocketCalls | WinsockError => {
  const live = liveOf(socket)
  if (live === undefined) {
    return WinsockErrors.invalidArgument(operation, "socket", socket, "a socket that this library opened")
  }
  const { socket: handle } = live
  return handle === -1 ? WinsockErrors.socketClosed(operation) : new SocketCalls(live.engine, handle)
}
