/** What the machines of a run do: sockets are opened, and fibers send and receive until they are told to stop. */
import type { Datagram } from "@effect-winsock/core/Datagram"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import { SO_RCVBUF } from "@effect-winsock/schema/Options"
import { SOL_SOCKET } from "@effect-winsock/schema/Flags"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import type { MockNetwork, MockWinsock } from "@effect-winsock/mock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import type { Chance } from "../Chance.ts"
import type { HostName, Ledger, Life, Sent, SocketPlan } from "./Ledger.ts"
import { bytesOf, least, write } from "./Ledger.ts"
import type { NetworkPlan } from "./NetworkPlan.ts"
import { addresses } from "./NetworkPlan.ts"

const actions = {
  take: 30,
  burst: 8,
  timeout: 20,
  race: 6,
  send: 40,
  segments: 10,
  several: 8,
  reply: 12,
  sleep: 14,
  interrupt: 10
}

const mostDrained = 1000

/** What all sends of a run are drawn from. */
export interface Draft {
  readonly options: UdpSocket.SendOptions
  readonly hopLimit: number
  readonly tos: number
  readonly source: string | undefined
}

const address = (ip: string, port: number): NetAddress.InetAddress => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

export class Programs {
  private readonly plan: NetworkPlan
  private readonly ledger: Ledger
  private readonly chance: Chance
  private readonly network: MockNetwork.MockNetwork<HostName>
  private readonly fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  private stopped = false
  private nextPort = 1000

  constructor(plan: NetworkPlan, ledger: Ledger, chance: Chance, network: MockNetwork.MockNetwork<HostName>) {
    this.plan = plan
    this.ledger = ledger
    this.chance = chance
    this.network = network
  }

  /** From now on fibers end after what they are at. */
  stop(): void {
    this.stopped = true
  }

  /** Who waits is interrupted; ends when all have ended. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => Effect.asVoid(Fiber.interruptAll(this.fibers)))

  // --- sockets ---

  private open(host: HostName, plan: SocketPlan) {
    const port = this.nextPort++
    const own = addresses[host][plan.v6 ? 1 : 0]
    const ip = plan.address === -1 ? (plan.v6 ? "::" : "0.0.0.0") : own[plan.address]
    return Effect.gen({ self: this }, function* () {
      const socket = yield* UdpSocket.bind(address(ip, port), { ...plan.options, control: plan.control })
      const life: Life = { host, port, plan, socket, given: [], counted: undefined, isOver: false, crashed: false }
      this.ledger.lives.push(life)
      yield* Effect.addFinalizer(() => Effect.sync(() => void (life.isOver = true)))
      if (plan.receiveBuffer > 0) this.setBuffer(host, port, plan.receiveBuffer)
      // what the provider can do is found out before anything disturbs it
      yield* socket.capabilities
      return life
    })
  }

  private netstat(host: HostName, port: number): MockWinsock.SocketInfo | undefined {
    const { sockets } = this.network.hosts[host]
    return Effect.runSync(sockets).find(({ local }) => local?.endsWith(`:${port}`) === true)
  }

  /** Notes what netstat has counted of a socket. */
  count(life: Life): void {
    life.counted = this.netstat(life.host, life.port)?.dropped
  }

  private setBuffer(host: HostName, port: number, size: number): void {
    const { seam } = this.network.hosts[host]
    const info = this.netstat(host, port)
    const block = seam.memory.alloc(4)
    block.view.setUint32(0, size, true)
    seam.calls.setsockopt((info?.socket ?? 0) as SocketHandle, SOL_SOCKET, SO_RCVBUF, block.address, 4)
    seam.memory.free(block)
  }

  // --- receiving ---

  private gave(life: Life, message: Datagram): void {
    life.given.push({ life, message })
  }

  private readonly refused =
    (life: Life, what: string) =>
    (error: WinsockError): Effect.Effect<void> =>
      Effect.sync(() => {
        const { code } = error.reason
        const { codes, problems } = this.ledger
        if (this.ledger.mayBeClosed(life) || codes.has(code)) return
        problems.push(`a ${what} of socket ${life.port} failed with ${error.reason._tag} ${code}`)
      })

  private take(life: Life): Effect.Effect<void> {
    const one = this.chance.percent(60)
    const given = one
      ? Effect.map(life.socket.receive, (message) => this.gave(life, message))
      : Effect.map(life.socket.pull, (batch) => {
          for (const message of batch) this.gave(life, message)
        })
    return Effect.catch(given, this.refused(life, "receive"))
  }

  // --- sending ---

  private draft(life: Life): Draft {
    const { chance } = this
    const own = addresses[life.host][life.plan.v6 ? 1 : 0]
    const options: { -readonly [K in keyof UdpSocket.SendOptions]: UdpSocket.SendOptions[K] } = {}
    let [hopLimit, tos] = [128, 0]
    let source = life.plan.address === -1 ? undefined : own[life.plan.address]
    if (chance.percent(40)) options.hopLimit = hopLimit = chance.one([1, 2, 3, 64, 255])
    const kind = chance.below(4)
    if (kind === 0) options.trafficClass = tos = chance.below(256)
    if (kind === 1) options.ecn = tos = chance.below(3)
    if (source === undefined && chance.percent(30)) {
      source = chance.one(own)
      options.source = address(source, 0).address
    }
    return { options, hopLimit, tos, source }
  }

  // a send without options
  private plain(life: Life): Draft {
    const own = addresses[life.host][life.plan.v6 ? 1 : 0]
    const source = life.plan.address === -1 ? undefined : own[life.plan.address]
    return { options: {}, hopLimit: 128, tos: 0, source }
  }

  private note(life: Life, to: NetAddress.InetAddress, draft: Draft, length: number): Sent {
    const text = NetAddress.formatIp(to.address)
    const toHost = this.plan.names.find((name) => addresses[name].flat().includes(text))!
    const sent: Sent = {
      n: this.ledger.sends.length,
      length,
      life,
      to: text,
      toHost,
      toPort: to.port,
      hopLimit: draft.hopLimit,
      tos: draft.tos,
      source: draft.source,
      outcome: "under way"
    }
    this.ledger.sends.push(sent)
    return sent
  }

  private sending(life: Life, sents: ReadonlyArray<Sent>, effect: Effect.Effect<void, WinsockError>, several = false) {
    const set = (outcome: Sent["outcome"]): void => {
      for (const sent of sents) sent.outcome = outcome
    }
    const ended = Effect.onExit(effect, (exit) => Effect.sync(() => set(Exit.isSuccess(exit) ? "sent" : "interrupted")))
    return Effect.catch(ended, (error) => {
      if (!several) set(error.reason.code)
      return this.refused(life, "send")(error)
    })
  }

  /** Somebody who was there to send to, of the family. */
  private peer(life: Life): NetAddress.InetAddress | undefined {
    const family = this.ledger.lives.filter(({ plan }) => plan.v6 === life.plan.v6)
    const elsewhere = family.filter(({ host }) => host !== life.host)
    const others = elsewhere.length > 0 && this.chance.percent(75) ? elsewhere : family
    if (others.length === 0) return undefined
    // mostly one that is still there
    const to = this.chance.percent(70)
      ? others[others.length - 1 - this.chance.below(Math.min(2, others.length))]
      : this.chance.one(others)
    const own = addresses[to.host][to.plan.v6 ? 1 : 0]
    return address(to.plan.address === -1 ? this.chance.one(own) : own[to.plan.address], to.port)
  }

  private length(): number {
    return this.chance.percent(20) ? least + this.chance.below(300) : least + this.chance.below(20)
  }

  private send(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      const to = this.peer(life)
      if (to === undefined) return Effect.void
      const draft = this.draft(life)
      const sent = this.note(life, to, draft, this.length())
      return this.sending(life, [sent], life.socket.send(bytesOf(sent.n, sent.length), to, draft.options))
    })
  }

  /** One send that the provider cuts. */
  private segments(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      const to = this.peer(life)
      if (to === undefined) return Effect.void
      const draft = this.draft(life)
      const size = least + this.chance.below(40)
      const whole = 1 + this.chance.below(5)
      const rest = this.chance.percent(50) ? least : 0
      const payload = new Uint8Array(whole * size + rest)
      const sents: Array<Sent> = []
      for (let at = 0; at < payload.length; at += size) {
        const part = payload.subarray(at, at + size)
        const sent = this.note(life, to, draft, part.length)
        write(sent.n, part)
        sents.push(sent)
      }
      return this.sending(life, sents, life.socket.send(payload, to, { ...draft.options, segmentSize: size }))
    })
  }

  private several(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      const sents: Array<Sent> = []
      const messages: Array<UdpSocket.Outgoing> = []
      for (let i = this.chance.below(5); i >= 0; i--) {
        const to = this.peer(life)
        if (to === undefined) return Effect.void
        const draft = this.draft(life)
        const sent = this.note(life, to, draft, this.length())
        sents.push(sent)
        messages.push({ payload: bytesOf(sent.n, sent.length), to, options: draft.options })
      }
      return this.sending(life, sents, life.socket.sendAll(messages), true)
    })
  }

  /** Answers the last that came: from where it came to, if that was told. */
  private reply(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      const message = life.given.at(-1)?.message
      const to = message?.from
      if (message === undefined || to === undefined) return Effect.void
      const { control } = message
      const info = isControlIssue(control) ? undefined : control.packetInfo
      const draft = this.plain(life)
      // where it cannot be tried whether a source is honoured, the system chooses it
      const isTold = info !== undefined && !this.ledger.codes.has(WSAENOPROTOOPT)
      const source = isTold ? NetAddress.formatIp(info.address) : draft.source
      const sent = this.note(life, to, { ...draft, source }, this.length())
      return this.sending(life, [sent], life.socket.reply(message, bytesOf(sent.n, sent.length)))
    })
  }

  // --- fibers ---

  private action(name: keyof typeof actions, life: Life): Effect.Effect<unknown> {
    const { chance } = this
    switch (name) {
      case "take":
        return this.take(life)
      case "burst":
        return Effect.replicateEffect(this.take(life), 2 + chance.below(4), { discard: true })
      case "timeout":
        return Effect.timeoutOption(this.take(life), 1 + chance.below(60))
      case "race":
        return Effect.race(this.take(life), Effect.sleep(chance.below(20)))
      case "send":
        return this.send(life)
      case "segments":
        return this.segments(life)
      case "several":
        return this.several(life)
      case "reply":
        return this.reply(life)
      case "sleep":
        return Effect.sleep(chance.below(20))
      case "interrupt":
        return Effect.sync(() => {
          const waiting = this.fibers.filter((fiber) => fiber.pollUnsafe() === undefined)
          if (waiting.length > 0) chance.one(waiting).interruptUnsafe()
        })
    }
  }

  private fiber(lives: ReadonlyArray<Life>, count: number): Effect.Effect<void> {
    const next = (left: number): Effect.Effect<void> =>
      Effect.suspend(() =>
        left === 0 || this.stopped
          ? Effect.void
          : Effect.andThen(this.action(this.chance.weighted(actions), this.chance.one(lives)), next(left - 1))
      )
    return next(count)
  }

  /** What a machine does whenever it is up. */
  host(name: HostName) {
    const { fibers, sockets } = this.plan.hosts[name]!
    return Effect.gen({ self: this }, function* () {
      const lives = yield* Effect.forEach(sockets, (plan) => this.open(name, plan))
      for (const count of fibers) {
        const slow = Effect.provideService(
          this.fiber(lives, count * 2),
          Scheduler.MaxOpsBeforeYield,
          this.plan.maxOpsBeforeYield
        )
        this.fibers.push(yield* Effect.forkScoped(slow, { startImmediately: true }))
      }
      return yield* Effect.never
    })
  }

  // --- the end ---

  /** Everybody sends to everybody, by a network that is whole again. */
  probe(lives: ReadonlyArray<Life>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all = lives.flatMap((life) =>
        lives
          .filter(({ plan }) => plan.v6 === life.plan.v6)
          .map((to) => {
            const own = addresses[to.host][to.plan.v6 ? 1 : 0]
            const target = address(own[Math.max(0, to.plan.address)], to.port)
            const sent = this.note(life, target, this.plain(life), least)
            return this.sending(life, [sent], life.socket.send(bytesOf(sent.n, least), target))
          })
      )
      return Effect.all(all, { discard: true })
    })
  }

  /** Receives until nothing has come for a while; what failed before may be told first. */
  drain(life: Life): Effect.Effect<void> {
    const next = (left: number): Effect.Effect<void> =>
      Effect.flatMap(Effect.timeoutOption(this.take(life), 60), (taken) =>
        Option.isSome(taken) && left > 0 ? next(left - 1) : Effect.void
      )
    return next(mostDrained)
  }
}
