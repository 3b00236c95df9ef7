/**
 * Echo requests to several targets at once, over one raw socket per family, and what came back, as numbers. What it runs
 * on, it is given: the program provides the layer of Winsock.
 */
import { RawSocket } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import type { Datagram } from "@effect-winsock/core/Datagram"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/** What became of one request. */
export type Outcome =
  | {
      readonly _tag: "Reply"
      readonly milliseconds: number
      readonly bytes: number
      readonly hopLimit: number | undefined
    }
  | { readonly _tag: "Failed"; readonly from: string; readonly why: string }
  | { readonly _tag: "Unsent"; readonly why: string }
  | { readonly _tag: "TimedOut" }

export interface Target {
  /** As it was named. */
  readonly name: string
  readonly address: NetAddress.IpAddress
}

export interface Options {
  /** How many requests each target gets. */
  readonly count: number
  readonly hopLimit: number | undefined
  readonly interval: Duration.Input
  readonly timeout: Duration.Input
  /** Bytes of data in a request. */
  readonly size: number
  /** Tells one program's requests from another's, 0 to 65,535. */
  readonly identifier: number
}

/** What is known of a target so far. */
export interface Tally {
  readonly target: Target
  readonly sent: number
  readonly received: number
  readonly least: number
  readonly total: number
  readonly most: number
  /** The mean difference between neighbours, in milliseconds. */
  readonly jitter: number
  readonly previous: number | undefined
  readonly last: Outcome | undefined
}

export const empty = (target: Target): Tally => ({
  target,
  sent: 0,
  received: 0,
  least: Number.POSITIVE_INFINITY,
  total: 0,
  most: 0,
  jitter: 0,
  previous: undefined,
  last: undefined
})

/** A tally with one more outcome. */
export const add = (tally: Tally, outcome: Outcome): Tally => {
  const sent = tally.sent + 1
  if (outcome._tag !== "Reply") return { ...tally, sent, last: outcome }
  const { milliseconds } = outcome
  const received = tally.received + 1
  const differences = received - 2
  const jitter =
    tally.previous === undefined
      ? 0
      : (tally.jitter * differences + Math.abs(milliseconds - tally.previous)) / (differences + 1)
  return {
    ...tally,
    sent,
    received,
    least: Math.min(tally.least, milliseconds),
    total: tally.total + milliseconds,
    most: Math.max(tally.most, milliseconds),
    jitter,
    previous: milliseconds,
    last: outcome
  }
}

// --- what comes back ---

const versionOf = (address: NetAddress.IpAddress): Icmp.Version => (NetAddress.isIpv4Address(address) ? 4 : 6)

/** A message of ICMP, who said it, and how far it had to go at most. */
interface Said {
  readonly message: Icmp.IcmpMessage
  readonly from: NetAddress.IpAddress
  readonly hopLimit: number | undefined
}

// an IPv4 raw socket receives the header of IP, an IPv6 one has control data
const read = (version: Icmp.Version, datagram: Datagram): Said | undefined => {
  const from = datagram.from?.address
  if (from === undefined) return undefined
  const packet = version === 4 ? Ipv4Header.decode(datagram.payload) : undefined
  if (packet !== undefined && Ipv4Header.isIpv4HeaderIssue(packet)) return undefined
  const message = Icmp.decode(version, packet?.payload ?? datagram.payload)
  if (Icmp.isIcmpIssue(message)) return undefined
  const control = isControlIssue(datagram.control) ? {} : datagram.control
  return { message, from, hopLimit: packet?.header.timeToLive ?? control.hopLimit }
}

interface Waiting {
  readonly since: bigint
  readonly to: NetAddress.IpAddress
  readonly done: Deferred.Deferred<Outcome>
}

const reasonOf = (version: Icmp.Version, message: Icmp.IcmpMessage): string | undefined =>
  message._tag === "TimeExceeded"
    ? "TTL expired in transit"
    : message._tag === "DestinationUnreachable"
      ? Icmp.unreachableReason(version, message.code)
      : message._tag === "PacketTooBig"
        ? `the packet is too big for ${message.mtu} bytes`
        : undefined

const milliseconds = (nanoseconds: bigint): number => Number(nanoseconds) / 1_000_000

/** The requests of one family that wait for an answer, by sequence number. */
class Family {
  readonly version: Icmp.Version
  readonly socket: RawSocket.RawSocket
  private readonly identifier: number
  private readonly waiting = new Map<number, Waiting>()
  private sequence = 0

  constructor(version: Icmp.Version, socket: RawSocket.RawSocket, identifier: number) {
    this.version = version
    this.socket = socket
    this.identifier = identifier
  }

  /** Sends a request and waits for what becomes of it. */
  ask(target: Target, { size, timeout }: Options): Effect.Effect<Outcome> {
    return Effect.gen({ self: this }, function* () {
      const sequence = this.sequence
      this.sequence = (sequence + 1) & 0xffff
      const done = yield* Deferred.make<Outcome>()
      this.waiting.set(sequence, { since: yield* Clock.monotonicTimeNanos, to: target.address, done })
      const data = Uint8Array.from({ length: size }, (_, i) => i & 255)
      const request: Icmp.IcmpMessage = { _tag: "EchoRequest", identifier: this.identifier, sequence, data }
      return yield* Effect.andThen(
        this.socket.send(Icmp.encode(this.version, request), target.address),
        Effect.map(
          Effect.timeoutOption(Deferred.await(done), timeout),
          Option.getOrElse((): Outcome => ({ _tag: "TimedOut" }))
        )
      ).pipe(
        Effect.catch(({ reason }) => Effect.succeed<Outcome>({ _tag: "Unsent", why: reason.meaning })),
        Effect.ensuring(Effect.sync(() => this.waiting.delete(sequence)))
      )
    })
  }

  /** Tells whoever waits what came. */
  get listen(): Effect.Effect<never, WinsockError> {
    return Effect.forever(Effect.flatMap(this.socket.receive, (datagram) => this.hear(datagram)))
  }

  private hear(datagram: Datagram): Effect.Effect<void> {
    const said = read(this.version, datagram)
    if (said === undefined) return Effect.void
    const { from, hopLimit, message } = said
    const isReply = message._tag === "EchoReply"
    const why = reasonOf(this.version, message)
    const echo = isReply
      ? { ...message, destination: from }
      : why !== undefined && "quoted" in message
        ? Icmp.quotedEcho(this.version, message.quoted)
        : undefined
    if (echo === undefined || echo.identifier !== this.identifier) return Effect.void
    const waiting = this.waiting.get(echo.sequence)
    if (waiting === undefined || NetAddress.formatIp(waiting.to) !== NetAddress.formatIp(echo.destination)) {
      return Effect.void
    }
    return Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
      const outcome: Outcome = isReply
        ? { _tag: "Reply", milliseconds: milliseconds(now - waiting.since), bytes: message.data.length, hopLimit }
        : { _tag: "Failed", from: NetAddress.formatIp(from), why: why! }
      return Effect.asVoid(Deferred.succeed(waiting.done, outcome))
    })
  }
}

const families = {
  4: { any: NetAddress.ipv4Unspecified, protocol: "icmp" },
  6: { any: NetAddress.ipv6Unspecified, protocol: "icmpv6" }
} as const

const open = (
  version: Icmp.Version,
  { hopLimit, identifier }: Options
): Effect.Effect<Family, WinsockError, Winsock | Scope.Scope> => {
  const { any, protocol } = families[version]
  return Effect.map(
    RawSocket.open(any, { protocol, hopLimit, control: version === 6 ? ["hopLimit"] : [] }),
    (socket) => new Family(version, socket, identifier)
  )
}

/**
 * Asks every target `count` times, all of them side by side, and tells of each outcome as it is known.
 *
 * Fails when a raw socket cannot be opened: with `PermissionDenied` without the rights of an administrator.
 */
export const ping = <E, R>(
  targets: ReadonlyArray<Target>,
  options: Options,
  tell: (index: number, outcome: Outcome) => Effect.Effect<void, E, R>
): Effect.Effect<void, WinsockError | E, R | Winsock | Scope.Scope> =>
  Effect.gen(function* () {
    const opened = new Map<Icmp.Version, Family>()
    for (const version of new Set(targets.map(({ address }) => versionOf(address)))) {
      opened.set(version, yield* open(version, options))
    }
    const askOne = (target: Target, index: number) =>
      Effect.gen(function* () {
        const family = opened.get(versionOf(target.address))!
        for (let n = 0; n < options.count; n++) {
          if (n > 0) yield* Effect.sleep(options.interval)
          yield* tell(index, yield* family.ask(target, options))
        }
      })
    const asked = Effect.forEach(targets, askOne, { concurrency: "unbounded", discard: true })
    // a socket that cannot receive ends it all: nothing would ever be answered
    const listening = Array.from(opened.values(), ({ listen }) => listen)
    yield* Effect.raceAllFirst([asked, ...listening])
  })
