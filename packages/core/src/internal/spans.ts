/**
 * Spans of operations. Sockets that are made while a layer asks for them have their operations wrapped, all others are as
 * they always are: an operation of theirs does not even look.
 */
import * as Cause from "effect/Cause"
import { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import { TracerTimingEnabled } from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { Datagram } from "../Datagram.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Direct } from "./direct.ts"
import { DirectKey } from "./direct.ts"
import type { Engine } from "./engine.ts"
import { isPayload, lengthOf } from "./payload.ts"
import { fewestSteps } from "./waiters.ts"

type Attributes = Record<string, unknown>

/** The span that one of an operation is made under: `undefined` when no tracer asks for any. */
const parentOf = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  const { span, tracerEnabled } = fiber.cache
  if (!tracerEnabled || span === undefined || !span.sampled) return undefined
  return Context.get(span.annotations, Tracer.DisablePropagation) ? undefined : span
}

/** Wraps an operation: `before` and `after` describe it by what is known then. */
export const traced = <A, E, R>(
  engine: Engine,
  operation: string,
  self: Effect.Effect<A, E, R>,
  before: () => Attributes,
  after: (value: A) => Attributes = noAttributes
): Effect.Effect<A, E, R> => {
  return Effect.withFiber((fiber) => {
    if (engine.tracing === 0 || parentOf(fiber) === undefined) return self
    // between the taking of a value and its return a span ends, in three steps, for which `handOver` has room. A fiber that
    // yields after so few has none: an interruption would drop the value, and that is worth more than a span
    if (fiber.cache.maxOpsBeforeYield < fewestSteps) return self
    return Effect.flatMap(Effect.makeSpan(`winsock.${operation}`, { attributes: before() }), (span) =>
      Effect.onExit(self, (exit) =>
        Effect.sync(() => {
          const attributes = Exit.isSuccess(exit) ? after(exit.value) : failure(exit.cause)
          for (const key in attributes) span.attribute(key, attributes[key])
          const time = fiber.getRef(TracerTimingEnabled) ? fiber.getRef(Clock).currentTimeNanosUnsafe() : 0n
          span.end(time, isEnd(exit) ? Exit.void : exit)
        })
      )
    )
  })
}

const noAttributes = (): Attributes => ({})

// the end of a stream is no failure
const isEnd = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && Cause.isDone(reason.error))

const failure = (cause: Cause.Cause<unknown>): Attributes => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason) && WinsockErrors.isWinsockError(reason.error)) {
      const { _tag, name, operation } = reason.error.reason
      return { "error.type": _tag, "winsock.call": operation, "winsock.error": name }
    }
  }
  return {}
}

// --- attributes, as OpenTelemetry names them ---

/** The address at one side. */
export const side = (which: "local" | "peer", address: unknown): Attributes => {
  if (NetAddress.isInetAddress(address)) {
    return {
      [`network.${which}.address`]: NetAddress.formatIp(address.address),
      [`network.${which}.port`]: address.port
    }
  }
  if (NetAddress.isIpAddress(address)) return { [`network.${which}.address`]: NetAddress.formatIp(address) }
  return NetAddress.isUnixPathAddress(address) ? { [`network.${which}.address`]: address.path } : {}
}

const typeOf = (address: unknown): Attributes => {
  const ip = NetAddress.isInetAddress(address) ? address.address : address
  if (!NetAddress.isIpAddress(ip)) return {}
  return { "network.type": NetAddress.isIpv4Address(ip) ? "ipv4" : "ipv6" }
}

/** What is known of a socket. */
export const socketAttributes = (transport: string, local: unknown, peer?: unknown): Attributes => ({
  "network.transport": transport,
  ...typeOf(local),
  ...side("local", local),
  ...side("peer", peer)
})

const bytes = (count: number): Attributes => ({ "winsock.bytes": count })

const lengthOfAny = (payload: unknown): number => (isPayload(payload) ? lengthOf(payload) : 0)

/** What one operation of a socket tells of itself: of its arguments before, of its result after it has succeeded. */
interface Member {
  readonly name: string
  readonly before?: (...args: ReadonlyArray<any>) => Attributes
  readonly after?: (value: any, ...args: ReadonlyArray<any>) => Attributes
}

type Members = { readonly [member: string]: Member }

const ofDatagram = (value: unknown): Attributes =>
  value instanceof Datagram ? { ...side("peer", value.from), ...bytes(value.payload.length) } : {}

const ofPieces = (pieces: ReadonlyArray<Uint8Array>): Attributes =>
  bytes(pieces.reduce((sum, piece) => sum + piece.length, 0))

const ofDatagrams = (batch: ReadonlyArray<Datagram>): Attributes => ({
  ...ofPieces(batch.map(({ payload }) => payload)),
  "winsock.datagrams": batch.length
})

const ofCount = (value: unknown): Attributes => bytes(typeof value === "number" ? value : 0)

const ofPayload = (_: unknown, payload: unknown): Attributes => bytes(lengthOfAny(payload))

const ofBytes = (value: Uint8Array): Attributes => bytes(value.length)

const toPeer = (_: unknown, to: unknown): Attributes => side("peer", to)

/** The operations of sockets of datagrams that have spans. */
export const datagramMembers: Members = {
  receive: { name: "receive", after: ofDatagram },
  receiveEvent: { name: "receive", after: ofDatagram },
  pull: { name: "pull", after: ofDatagrams },
  send: { name: "send", before: toPeer, after: ofPayload },
  sendAll: { name: "sendAll" },
  reply: {
    name: "reply",
    before: (message) => (message instanceof Datagram ? side("peer", message.from) : {}),
    after: (_, __, payload) => bytes(lengthOfAny(payload))
  },
  connect: { name: "connect", before: (peer) => side("peer", peer) }
}

/** The operations of connections that have spans. */
export const streamMembers: Members = {
  receive: { name: "receive", after: ofBytes },
  pull: { name: "pull", after: ofPieces },
  pullOne: { name: "pull", after: ofPieces },
  receiveExactly: { name: "receiveExactly", after: ofBytes },
  receiveUntil: { name: "receiveUntil", after: ofBytes },
  receiveInto: { name: "receiveInto", after: ofCount },
  receiveUrgent: { name: "receiveUrgent" },
  send: { name: "send", after: ofPayload },
  transmitFile: { name: "transmitFile", after: ofCount },
  shutdown: { name: "shutdown" },
  sendDisconnect: { name: "sendDisconnect" },
  disconnect: { name: "disconnect" },
  reconnect: { name: "reconnect", before: (to) => side("peer", to) }
}

const wrap = (engine: Engine, { after, before, name }: Member, socket: () => Attributes, one: unknown): unknown =>
  typeof one === "function"
    ? (...args: ReadonlyArray<unknown>) =>
        traced(
          engine,
          name,
          one(...args) as Effect.Effect<unknown>,
          () => ({ ...socket(), ...before?.(...args) }),
          (value) => after?.(value, ...args) ?? {}
        )
    : traced(engine, name, one as Effect.Effect<unknown>, socket, after)

type Copy = Record<string, unknown> & { [DirectKey]?: Direct | undefined }

/** A socket, a record, whose operations have spans while a layer asks for them. */
export const tracedRecord = <S extends object>(
  engine: Engine,
  members: Members,
  attributes: () => Attributes,
  socket: S
): S => {
  if (engine.tracing === 0) return socket
  // with its getters, which tell of what comes later
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(socket)) as Copy
  for (const [key, member] of Object.entries(members)) {
    if (key in copy) copy[key] = wrap(engine, member, attributes, copy[key])
  }
  const direct = copy[DirectKey]
  if (direct !== undefined) {
    const pulled = <A, E>(pull: Effect.Effect<A, E>) => wrap(engine, members.pull, attributes, pull) as typeof pull
    copy[DirectKey] = { ...direct, pulled }
  }
  if ("messages" in copy) copy.messages = Stream.fromEffectRepeat(copy.receive as Effect.Effect<unknown>)
  return copy as S
}

/** The same for an object whose operations are getters of its class. */
export const traceInstance = (engine: Engine, members: Members, attributes: () => Attributes, socket: object): void => {
  const type = Object.getPrototypeOf(socket) as object
  for (const [key, member] of Object.entries(members)) {
    if (!(key in type)) continue
    Object.defineProperty(socket, key, {
      get: () => wrap(engine, member, attributes, Reflect.get(type, key, socket))
    })
  }
}

/** Connecting; of a list of addresses, the one that was reached is told in the end. */
export const tracedConnect = <A extends { readonly localAddress: unknown; readonly remoteAddress: unknown }, E, R>(
  engine: Engine,
  transport: string,
  to: unknown,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  if (engine.tracing === 0) return self
  const before = (): Attributes => ({ "network.transport": transport, ...destination(to) })
  return traced(engine, "connect", self, before, ({ localAddress, remoteAddress }) =>
    socketAttributes(transport, localAddress, remoteAddress)
  )
}

// what was asked for: a path, an address, or a name and a port
const destination = (to: unknown): Attributes => {
  if (typeof to === "string") return { "network.peer.address": to }
  if (NetAddress.isInetAddress(to) || NetAddress.isUnixPathAddress(to)) return side("peer", to)
  if (typeof to !== "object" || to === null || !("host" in to) || typeof to.host !== "string") return {}
  return { "server.address": to.host, ...("port" in to ? { "server.port": to.port } : undefined) }
}

/** Looking up a name or the name of an address. */
export const tracedLookup = <A, E, R>(
  engine: Engine,
  operation: "lookup" | "nameInfo",
  of: unknown,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  engine.tracing === 0
    ? self
    : traced(engine, operation, self, () => (operation === "lookup" ? { "dns.question.name": of } : side("peer", of)))
