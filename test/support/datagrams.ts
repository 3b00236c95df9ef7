// What the tests of WinsockDatagramSocket share.
import { WinsockDatagramSocket } from "@effect-winsock/platform"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import type { Rig } from "./rig.ts"
import { numbered, numberOf } from "./rig.ts"

export const here = { address: "127.0.0.1" } as const

/** Both sides of an open socket. */
export const acquire = Effect.fnUntraced(function* (socket: WinsockDatagramSocket.Socket) {
  const reader = yield* socket.reader
  const writer = yield* socket.writer
  return { socket, reader, writer }
})

/** A socket that is open, on loopback unless the options say otherwise. */
export const open = (options?: WinsockDatagramSocket.Options) =>
  Effect.flatMap(WinsockDatagramSocket.make({ bind: here, ...options } as WinsockDatagramSocket.Options), acquire)

export type Sides = Effect.Success<ReturnType<typeof open>>

export const upTo = (n: number, first = 0): Array<number> => Array.from({ length: n }, (_, i) => first + i)

/** Sends numbers, one by one. */
export const send = (from: Sides, to: Sides, numbers: ReadonlyArray<number>) =>
  Effect.forEach(numbers, (n) => from.writer.write({ payload: numbered(n), address: to.reader.address }), {
    discard: true
  })

/** Sends numbers, and waits until the engine has received them: no other socket of the rig may receive meanwhile. */
export const fill = Effect.fnUntraced(function* (
  rig: Rig,
  from: Sides,
  to: Sides,
  numbers: ReadonlyArray<number>
): Effect.fn.Return<void, unknown> {
  const received = Effect.map(rig.statistics, ({ operations }) => operations.receive.completed)
  const before = yield* received
  yield* send(from, to, numbers)
  while ((yield* received) < before + numbers.length) yield* Effect.yieldNow
  // what is completed may not have been handed over yet
  while ((yield* rig.statistics).inbox > 0) yield* Effect.yieldNow
  yield* Effect.yieldNow
})

export const numbersOf = (batch: ReadonlyArray<{ readonly payload: Uint8Array }>): Array<number> => batch.map(numberOf)

/** Pulls until so many numbers have come. */
export const take = Effect.fnUntraced(function* (
  reader: DatagramSocket.Reader,
  count: number
): Effect.fn.Return<Array<number>, DatagramSocket.DatagramSocketError> {
  const got: Array<number> = []
  while (got.length < count) got.push(...numbersOf(yield* reader.pull))
  return got
})

/** Why an effect of a datagram socket failed; all else fails the test. */
export const failure = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  return reasonOf(yield* Effect.exit(effect))
})

export const reasonOf = (exit: Exit.Exit<unknown, unknown>): DatagramSocket.DatagramSocketErrorReason => {
  if (Exit.isSuccess(exit)) return assert.fail("a success")
  const found = exit.cause.reasons.find(Cause.isFailReason)
  if (found === undefined || !DatagramSocket.isDatagramSocketError(found.error)) {
    return assert.fail(Cause.pretty(exit.cause))
  }
  return found.error.reason
}

/** The tag of the reason, and its kind where it has one. */
export const kindOf = (reason: DatagramSocket.DatagramSocketErrorReason): string =>
  `${reason._tag.replace(/^DatagramSocket|Error$/g, "")}${"kind" in reason ? ` ${reason.kind}` : ""}`

export const kind = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(failure(effect), kindOf)

/** An IPv4 group from text. */
export const ipv4Group = (text: string): NetAddress.MulticastAddress<NetAddress.Ipv4Address> => {
  const group = NetAddress.ipFromStringUnsafe(text)
  if (!NetAddress.isIpv4Address(group) || !NetAddress.isMulticast(group)) return assert.fail(text)
  return group
}
