/**
 * The three ways to learn of the end of an overlapped call: by the port, by an event of its own, by a routine. All end in
 * the same fact, that the OVERLAPPED at an address has completed, which its endpoint is told in the pump's turn.
 */
import type { SocketHandle } from "../Seam.ts"
import type { Endpoint, Engine } from "./engine.ts"

/** See `Winsock.Completion`. */
export type Mode = "port" | "event" | "routine"

export const modes: ReadonlyArray<Mode> = ["port", "event", "routine"]

/** Who is told. */
export interface Owner extends Endpoint {
  /** -1 once closed. */
  readonly socket: SocketHandle | -1
}

// what becomes of a call that has failed with WSAEMSGSIZE, which is a warning to the kernel
/** It is told of as if it had succeeded, or its sentinel comes. */
export const SENTINEL_COMES = 0
/** It is told of as if it had succeeded. */
export const ENDS = 1
/** It is over, and nothing is told. */
export const NOTHING_COMES = 2
/** That cannot be found out. */
export const UNKNOWN = 3

/** Where the ends of operations come from. */
export interface Source {
  /** What a call takes for its lpCompletionRoutine. */
  readonly routine: number
  /** Whether a call that succeeds at once is told of too. */
  readonly tellsAtOnce: boolean
  /** Makes the OVERLAPPED at an address, which is at `at` in `view`, one of its own. Throws when there are no means. */
  readonly adopt: (overlapped: number, view: DataView, at: number) => void
  /** Forgets an OVERLAPPED. */
  readonly disown: (overlapped: number) => void
  /** The hEvent of an OVERLAPPED. */
  readonly event: (overlapped: number) => number
  /** A call was accepted. */
  readonly submitted: (owner: Owner, overlapped: number) => void
  /** Its end was seen, or is not waited for any more. */
  readonly completed: (overlapped: number) => void
  /** Its end is not waited for any more, and may still come. */
  readonly abandoned: (overlapped: number) => void
  /** An accepted call has failed with WSAEMSGSIZE: what comes of it. */
  readonly undecided: (owner: Owner, overlapped: number) => number
  /** A SOCKET whose operations end here was opened. */
  readonly opened: () => void
  readonly closed: () => void
}

/** Something to look at in every turn of the pump, beside the port. */
export interface Looker {
  /** Tells the owners of what has ended. Runs nobody's code. */
  readonly look: () => void
  /** Sees to it that somebody looks again: whether that is to be at once. */
  readonly rest: () => boolean
  readonly close: () => void
}

/** How the operations of a SOCKET complete. */
export interface Completion {
  readonly mode: Mode
  /** Of the calls that take a routine. */
  readonly main: Source
  /** Of those that take none: AcceptEx, ConnectEx, DisconnectEx, TransmitFile. */
  readonly other: Source
}

/** The packets of the engine's port. */
export class PortSource implements Source {
  readonly routine = 0
  readonly tellsAtOnce = true
  private readonly engine: Engine

  constructor(engine: Engine) {
    this.engine = engine
  }

  adopt(): void {}
  disown(): void {}
  abandoned(): void {}
  opened(): void {}
  closed(): void {}

  event(): number {
    return 0
  }

  submitted(): void {
    this.engine.submitted()
  }

  completed(): void {
    this.engine.completed()
  }

  // a packet may follow or not. The port is first in, first out: if it has not come when the sentinel does, it never will
  undecided(owner: Owner, overlapped: number): number {
    const { calls, port } = this.engine
    return calls.PostQueuedCompletionStatus(port, 0, owner.key + 1, overlapped) === 0 ? UNKNOWN : SENTINEL_COMES
  }
}

/** Has the operations of a SOCKET complete in that way: false when the call that it takes failed. */
export const associate = (engine: Engine, { mode }: Completion, socket: SocketHandle, key: number): boolean =>
  mode !== "port" || engine.calls.CreateIoCompletionPort(socket, engine.port, key, 0) !== 0
