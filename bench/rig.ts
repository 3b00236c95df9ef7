/**
 * What the cases run on: a provider whose event loop the measurement turns itself, so that no timer and no other work
 * of the process falls into it.
 */
import type { Host, Seam } from "@effect-winsock/core/Seam"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Winsock from "@effect-winsock/core/Winsock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"

/** How large every datagram is, in bytes. */
export const payloadSize = 64

export interface CallCounts {
  receive: number
  send: number
  dequeue: number
  cancel: number
}

/** A provider, and the network around it. */
export interface Machine {
  readonly seam: Seam
  /** Sends `n` datagrams to the socket bound to a UDP port of 127.0.0.1; they have arrived when it returns. */
  readonly deliver: (port: number, n: number) => void
  /** Where datagrams can be sent to. */
  readonly sink: NetAddress.InetAddress
  /** How often each function was called, where the provider counts. */
  readonly counts?: CallCounts
}

/** How the pump's turns come: from a loop of the measurement's own, or from the event loop. */
export type Turns = "loop" | "event loop"

export interface Rig {
  readonly machine: Machine
  readonly seam: Seam
  /** Runs what was scheduled until now. */
  readonly turn: () => void
  /** Runs before each look at the completion port: datagrams that arrive while the program waits. */
  arrivals: () => void
}

export const makeRig = (machine: Machine, turns: Turns): Rig => {
  // two lists that take turns, and are never shortened: that would cost more than all else here
  let tasks: Array<(() => void) | undefined> = []
  let spare: typeof tasks = []
  let count = 0
  const host: Host = {
    schedule: (task, delay) => {
      // timers are what the native host makes of them: theirs is a cost that the engine has to answer for
      if (delay !== undefined) {
        const timeout = setTimeout(task, delay).unref()
        return () => clearTimeout(timeout)
      }
      if (turns === "event loop") {
        const immediate = setImmediate(task)
        return () => clearImmediate(immediate)
      }
      const mine = tasks
      const index = count++
      mine[index] = task
      return () => {
        mine[index] = undefined
      }
    },
    keepAlive: () => {},
    onExit: () => () => {},
    pollInterval: 0
  }
  const { GetQueuedCompletionStatusEx } = machine.seam.calls
  const rig: Rig = {
    machine,
    arrivals: () => {},
    seam: {
      ...machine.seam,
      host,
      calls: {
        ...machine.seam.calls,
        GetQueuedCompletionStatusEx: (port, entries, count, removed, timeout, alertable) => {
          rig.arrivals()
          return GetQueuedCompletionStatusEx(port, entries, count, removed, timeout, alertable)
        }
      }
    },
    turn: () => {
      const due = tasks
      const until = count
      tasks = spare
      spare = due
      count = 0
      for (let i = 0; i < until; i++) {
        const task = due[i]
        due[i] = undefined
        task?.()
      }
    }
  }
  return rig
}

const eventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Turns the rig until an effect has ended; fails as it does. */
export const finish = async <A, E>(rig: Rig, effect: Effect.Effect<A, E>): Promise<A> => {
  const fiber = Effect.runFork(effect)
  for (let exit = fiber.pollUnsafe(); ; exit = fiber.pollUnsafe()) {
    if (exit !== undefined) return Effect.runSync(exit)
    rig.turn()
    await eventLoop()
  }
}

export interface Opened<A> {
  readonly rig: Rig
  readonly socket: A
  readonly close: () => Promise<void>
}

/** Opens something on a started engine of its own. */
export const openWith = async <A, E>(
  machine: Machine,
  turns: Turns,
  bind: Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>
): Promise<Opened<A>> => {
  const rig = makeRig(machine, turns)
  const scope = Scope.makeUnsafe()
  const layer = Winsock.layer(Effect.succeed(rig.seam))
  const socket = await finish(
    rig,
    Effect.flatMap(Layer.buildWithScope(layer, scope), (context) =>
      bind.pipe(Effect.provideContext(Context.add(context, Scope.Scope, scope)))
    )
  )
  return { rig, socket, close: () => finish(rig, Scope.close(scope, Exit.void)) }
}

export interface OpenSocket extends Opened<UdpSocket.UdpSocket> {
  /** Sends datagrams to it. */
  readonly deliver: (n: number) => void
}

export const localhost = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

/** Opens a socket of the library's on a started engine of its own. */
export const open = async (machine: Machine, turns: Turns, options: UdpSocket.Options): Promise<OpenSocket> => {
  const opened = await openWith(machine, turns, UdpSocket.bind(localhost, options))
  const { port } = opened.socket.address
  return { ...opened, deliver: (n) => machine.deliver(port, n) }
}
