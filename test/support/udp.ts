// What the tests of UdpSocket share.
import { Datagram } from "@effect-winsock/core/Datagram"
import type { Reason, WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import type { Control, ControlMessage } from "@effect-winsock/schema/ControlMessage"
import * as ControlMessages from "@effect-winsock/schema/ControlMessage"
import type { Abi } from "@effect-winsock/schema/Layout"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"

/** A socket address from text. */
export const at = (ip: string, port = 0): NetAddress.InetAddress => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

/** The same port at another address. */
export const port = (ip: string, of: { readonly address: NetAddress.InetAddress }) => at(ip, of.address.port)

export const bytes = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(values)

/** Bytes that differ at every place that counts. */
export const pattern = (size: number, seed = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i + seed) % 251)

export const payloads = (messages: ReadonlyArray<{ readonly payload: Uint8Array }>): Array<Array<number>> =>
  messages.map(({ payload }) => [...payload])

/** Where a message came from, as text. */
export const from = (message: Datagram): string =>
  message.from === undefined ? "nowhere" : NetAddress.formatIp(message.from.address)

/** A message's control data; malformed control data fails the test. */
export const controlOf = (message: Datagram): Control => {
  assert.isFalse(message.controlTruncated)
  if (ControlMessages.isControlIssue(message.control)) return assert.fail(ControlMessages.formatIssue(message.control))
  return message.control
}

/** The address and the interface that a message came to, as text. */
export const cameTo = (message: Datagram): string => {
  const info = controlOf(message).packetInfo
  return info === undefined ? "unknown" : `${NetAddress.formatIp(info.address)}%${info.ifIndex}`
}

/** The reason of an effect that fails; a defect, an interruption or a success fails the test. */
export const reason = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const exit = yield* Effect.exit(effect)
  if (Exit.isSuccess(exit)) return assert.fail("a success")
  const found = exit.cause.reasons.find(Cause.isFailReason)
  if (found === undefined || !isWinsockError(found.error)) return assert.fail(Cause.pretty(exit.cause))
  return (found.error as WinsockError).reason as Reason
})

/** The tag of the reason of an effect that fails. */
export const tag = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(reason(effect), ({ _tag }) => _tag)

/** Asserts that an effect is refused for an argument. */
export const refuses = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  option: string,
  value: unknown
) {
  const refused = yield* reason(effect)
  if (refused._tag !== "InvalidArgument") return assert.fail(`${refused._tag}: ${refused.meaning}`)
  assert.strictEqual(refused.option, option)
  assert.isTrue(Object.is(refused.value, value), `${String(refused.value)} is not ${String(value)}`)
  assert.include(refused.meaning, option)
})

/** Asserts that an effect fails because the provider lacks something, and that the error names it. */
export const lacks = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, what: string) {
  const refused = yield* reason(effect)
  assert.strictEqual(refused._tag, "NotSupported", refused.meaning)
  assert.include(refused.meaning, what)
})

/** A datagram as a kernel could have given it. */
export const datagram = (
  abi: Abi,
  sender: NetAddress.InetAddress | undefined,
  control: ReadonlyArray<ControlMessage>,
  flags = 0
): Datagram => {
  const view = new DataView(new ArrayBuffer(512))
  const nameLength = sender === undefined ? 0 : SockAddr.write(view, 0, sender)
  const controlLength = ControlMessages.encode(abi, control, view, 128)
  return new Datagram(bytes(1), flags, false, abi, view, 0, nameLength, 128, controlLength)
}
