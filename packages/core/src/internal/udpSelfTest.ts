/**
 * Finds out which control data of a send the provider honours, by sending to oneself on loopback. A provider may accept
 * it and ignore it, and only what arrives tells.
 */
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import { AF_INET } from "@effect-winsock/schema/Flags"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import type { Datagram } from "../Datagram.ts"
import type { SendCapabilities } from "../UdpCapabilities.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { usual } from "./datagramOptions.ts"
import type { Engine } from "./engine.ts"
import { attach, open } from "./udpOpen.ts"
import type { SendWishes } from "./udpSend.ts"
import { messages } from "./udpSend.ts"

/**
 * How long what was sent may take to arrive, in steps of milliseconds: it does not leave the machine. Several steps,
 * because a program that is busy for long makes one of them too short, but not all.
 */
const patience = { steps: 10, milliseconds: 25 }

const engineOptions = (controlSize: number, ipv4: boolean): Parameters<typeof attach>[2] => ({
  ipv4,
  completion: "port",
  maxMessageSize: 16,
  controlSize,
  lookAhead: 0,
  maxPosted: 1,
  cancel: "close",
  truncation: "deliver",
  peerErrors: false,
  coalescing: false
})

const nothing: SendCapabilities = {
  source: false,
  sourceByBinding: false,
  hopLimit: false,
  trafficClass: false,
  ecn: false
}

const ip = NetAddress.ipFromStringUnsafe

/** What is tried: values that no default has, and what shows that they were honoured. */
interface Trial {
  readonly wish: keyof SendCapabilities
  readonly wishes: SendWishes
  readonly shows: (message: Datagram) => boolean
}

const control = (message: Datagram) => (isControlIssue(message.control) ? {} : message.control)

// an address of the machine's own that it would not choose; IPv6 loopback has one address only
const second = ip("127.0.0.2")

const cameFromSecond = (message: Datagram): boolean =>
  message.from !== undefined && Equal.equals(message.from.address, second)

const trials = (v4: boolean): ReadonlyArray<Trial> => [
  ...(v4 ? [{ wish: "source", wishes: { source: second }, shows: cameFromSecond } as const] : []),
  { wish: "hopLimit", wishes: { hopLimit: 77 }, shows: (message) => control(message).hopLimit === 77 },
  {
    wish: "trafficClass",
    wishes: { trafficClass: 0x48 },
    shows: (message) => ((control(message).trafficClass ?? 0) & ~3) === 0x48
  },
  { wish: "ecn", wishes: { ecn: 2 }, shows: (message) => control(message).ecn === 2 }
]

/** An address of nobody's, from the ranges for documentation (RFC 5737, RFC 3849): honouring it is refusing it. */
const foreign = (v4: boolean) => ip(v4 ? "192.0.2.1" : "2001:db8::1")

const known = new WeakMap<Engine, Map<number, Effect.Effect<SendCapabilities>>>()

/**
 * What the provider of a family honours: tried once for a layer. What cannot be tried, for want of sockets or memory,
 * counts as not honoured until it can.
 */
export const sendCapabilities = (engine: Engine, family: number): Effect.Effect<SendCapabilities> => {
  let families = known.get(engine)
  if (families === undefined) known.set(engine, (families = new Map()))
  const tried = families
  let result = tried.get(family)
  if (result === undefined) {
    const test = Effect.catch(selfTest(engine, family), () => {
      tried.delete(family)
      return Effect.succeed(nothing)
    })
    result = Effect.runSync(Effect.cached(Effect.uninterruptible(test)))
    tried.set(family, result)
  }
  return result
}

/** Whether it was found out, and not only assumed for want of means. */
export const isFoundOut = (can: SendCapabilities): boolean => can !== nothing

// takes a fraction of a second at the most
const selfTest = (engine: Engine, family: number): Effect.Effect<SendCapabilities, WinsockError> => {
  const v4 = family === AF_INET
  const loopback = NetAddress.inetAddressUnsafe(v4 ? NetAddress.ipv4Loopback : NetAddress.ipv6Loopback, 0)
  const wildcard = NetAddress.inetAddressUnsafe(v4 ? NetAddress.ipv4Unspecified : NetAddress.ipv6Unspecified, 0)

  const socket = (address: NetAddress.InetAddress) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        // the layer may have been released since
        if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSASocketW"))
        const opened = open(engine, {
          address,
          control: { hopLimit: "preferred", trafficClass: "preferred", ecn: "preferred" },
          reuseAddress: false,
          ipv6Only: true,
          peerErrors: false,
          interface: 0,
          coalesce: 0,
          coalesceWish: "preferred",
          manner: usual
        })
        if (opened instanceof WinsockErrors.WinsockError) return Effect.fail(opened)
        const datagrams = attach(engine, opened, engineOptions(opened.controlSize, v4))
        return datagrams instanceof WinsockErrors.WinsockError
          ? Effect.fail(datagrams)
          : Effect.succeed({ datagrams, bound: opened.bound })
      }),
      ({ datagrams }) => Effect.callback<void>((resume) => datagrams.close(() => resume(Effect.void)))
    )

  const test = Effect.gen(function* () {
    const receiver = yield* socket(loopback)
    const sender = yield* socket(wildcard)
    const attempt = (mark: number, wishes: SendWishes) =>
      sender.datagrams.sends.tryNow(new Uint8Array([mark]), receiver.bound, messages(wishes, v4)) === 0

    const can: { -readonly [K in keyof SendCapabilities]: boolean } = { ...nothing }
    // refusing what it cannot do is honouring it too
    can.source = !attempt(0xff, { source: foreign(v4) })
    let expected = can.source ? 0 : 1
    const tried: Array<Trial> = [...trials(v4)]
    can.sourceByBinding = !v4
    if (v4) {
      const bound = yield* socket(NetAddress.inetAddressUnsafe(second, 0))
      const mark = tried.push({ wish: "sourceByBinding", wishes: {}, shows: cameFromSecond }) - 1
      if (bound.datagrams.sends.tryNow(new Uint8Array([mark]), receiver.bound, []) === 0) expected++
    }
    tried.forEach((trial, mark) => {
      if (trial.wish === "sourceByBinding") return
      if (attempt(mark, trial.wishes)) expected++
    })
    while (expected-- > 0) {
      const message = yield* soon(engine, receiver.datagrams.receive)
      if (message === undefined) break
      const trial = tried[message.payload[0]]
      if (trial?.shows(message) === true) can[trial.wish] = true
    }
    return can
  })
  return Effect.scoped(test)
}

// by the host's time: the self-test must end under a test's clock too
const soon = <A, E>(engine: Engine, effect: Effect.Effect<A, E>): Effect.Effect<A | undefined, E> =>
  Effect.raceFirst(
    Effect.interruptible(effect),
    Effect.interruptible(
      Effect.callback<undefined>((resume) => {
        let left = patience.steps
        const step = (): void => {
          if (left-- === 0) resume(Effect.succeed(undefined))
          else withdraw = engine.seam.host.schedule(step, patience.milliseconds)
        }
        let withdraw: (() => void) | undefined
        step()
        return Effect.sync(() => withdraw?.())
      })
    )
  )
