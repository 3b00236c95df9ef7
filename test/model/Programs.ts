/** What the fibers of a run do: receives, pulls and sends, in all the ways in which they can be cut short. */
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import type { Life, Sent, World } from "./World.ts"
import { payloadOf } from "./World.ts"

/** What a fiber may do next, and how often it does. */
const actions = {
  take: 30,
  burst: 12,
  timeout: 8,
  raceYields: 6,
  raceTake: 5,
  uninterruptible: 4,
  masked: 2,
  send: 20,
  yields: 8,
  busy: 8,
  interruptOther: 5,
  interruptSelf: 1,
  close: 1
}

/** What a program fails with when its socket is closed: it ends then. */
const closed = "the socket is closed" as const

/** Steps that use up what Effect allows before it yields, so that the yield falls anywhere. */
const busy = (count: number): Effect.Effect<void> =>
  count === 0 ? Effect.void : Effect.flatMap(Effect.void, () => busy(count - 1))

const yields = (count: number): Effect.Effect<void> =>
  count === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, yields(count - 1))

export class Programs {
  private readonly world: World
  // how many datagrams were numbered
  private sent = 0

  constructor(world: World) {
    this.world = world
  }

  private gave(life: Life, message: Datagram): void {
    const { payload, truncated } = message
    let n = this.world.plan.lengths.indexOf(0)
    if (payload.length >= 4) n = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const whole = payloadOf(n, this.world.plan.lengths[n] ?? 0)
    if (payload.some((byte, i) => byte !== whole[i])) this.world.problems.push(`datagram ${n} was given out damaged`)
    life.given.push({ _tag: "Message", n, size: payload.length, truncated })
    this.world.note(`socket ${life.index} gave datagram ${n}`)
  }

  private failed(life: Life, error: WinsockError): void {
    const { _tag: reason, code } = error.reason
    life.given.push({ _tag: "Failure", code, reason, mayBeClosed: this.world.mayBeClosed(life) })
    this.world.note(`socket ${life.index} gave ${reason} ${code}`)
  }

  // counts the operation while it lasts; a message is recorded in the step in which the receive succeeds
  private recorded<A>(
    life: Life,
    effect: Effect.Effect<A, WinsockError>,
    record: (value: A) => void
  ): Effect.Effect<void, typeof closed> {
    return Effect.suspend(() => {
      let open = false
      const begin = Effect.suspend(() => {
        open = true
        life.waiting++
        return effect
      })
      const close = (): void => {
        if (open) life.waiting--
        open = false
      }
      const given = Effect.map(begin, (value) => {
        close()
        record(value)
      })
      // a program that is told that its socket is closed ends
      const caught = Effect.catch(given, (error) =>
        Effect.suspend(() => {
          close()
          this.failed(life, error)
          return error.reason._tag === "SocketClosed" ? Effect.fail(closed) : Effect.void
        })
      )
      return Effect.onInterrupt(caught, () =>
        Effect.sync(() => {
          if (open) this.world.facts.interruptions++
          close()
        })
      )
    })
  }

  private receive(life: Life): Effect.Effect<void, typeof closed> {
    return this.recorded(life, life.socket.receive, (message) => this.gave(life, message))
  }

  private pull(life: Life): Effect.Effect<void, typeof closed> {
    return this.recorded(life, life.socket.pull, (batch) => {
      if (batch.length > life.plan.batch) this.world.problems.push(`a batch of ${batch.length}, which is too large`)
      for (const message of batch) this.gave(life, message)
    })
  }

  private take(life: Life): Effect.Effect<void, typeof closed> {
    return this.world.chance.percent(70) ? this.receive(life) : this.pull(life)
  }

  /** Sends the next datagram, from any socket to any. */
  send(): Effect.Effect<void> {
    const { chance, facts, plan } = this.world
    return Effect.suspend(() => {
      const n = this.sent++
      if (n >= plan.lengths.length) return Effect.void
      const life = chance.one(this.world.lives)
      const to = chance.one(this.world.lives)
      const sent: Sent = { n, life, outcome: "not begun", mayBeClosed: false }
      facts.sends.push(sent)
      const begin = Effect.suspend(() => {
        sent.outcome = "under way"
        this.world.note(`send of datagram ${n} from socket ${life.index} to socket ${to.index}`)
        return life.socket.send(payloadOf(n, plan.lengths[n]), to.socket.address)
      })
      const sending = Effect.map(begin, () => {
        sent.outcome = "sent"
      })
      const caught = Effect.catch(sending, (error) =>
        Effect.sync(() => {
          sent.outcome = error.reason.code
          sent.mayBeClosed = this.world.mayBeClosed(life)
        })
      )
      return Effect.onInterrupt(caught, () =>
        Effect.sync(() => {
          if (sent.outcome !== "under way") return
          sent.outcome = "interrupted"
          facts.interruptions++
        })
      )
    })
  }

  private interruptOther(): Effect.Effect<void> {
    return Effect.sync(() => {
      const fiber = this.world.chance.one(this.world.fibers)
      this.world.note(`interruption of fiber ${this.world.fibers.indexOf(fiber)} by a fiber`)
      // the first fiber of all runs before it is in the list
      if (fiber !== undefined && !this.world.isReleasing(fiber)) fiber.interruptUnsafe()
    })
  }

  private action(name: keyof typeof actions): Effect.Effect<unknown, typeof closed> {
    const { chance } = this.world
    const life = chance.percent(75) ? this.world.lives[this.world.lives.length - 1] : chance.one(this.world.lives)
    const take = this.take(life)
    switch (name) {
      case "take":
        return take
      case "burst": {
        const times = 2 + chance.below(12)
        return Effect.replicateEffect(take, times, { discard: true })
      }
      case "timeout":
        return Effect.timeoutOption(take, 1 + chance.below(40))
      case "raceYields":
        return Effect.race(take, yields(chance.below(4)))
      case "raceTake":
        return Effect.race(take, this.take(life))
      case "uninterruptible":
        return Effect.uninterruptible(take)
      case "masked":
        return Effect.uninterruptibleMask((restore) => Effect.andThen(this.send(), restore(take)))
      case "send":
        return this.send()
      case "yields":
        return yields(1 + chance.below(3))
      case "busy":
        return busy(chance.below(40))
      case "interruptOther":
        return this.interruptOther()
      case "interruptSelf":
        return Effect.interrupt
      case "close":
        return chance.percent(50) ? this.world.closing(life) : Effect.void
    }
  }

  /** Starts a fiber with a program of a few actions. */
  spawn(): void {
    const names = Array.from({ length: 1 + this.world.chance.below(4) }, () => this.world.chance.weighted(actions))
    const program = names.map((name) => this.action(name)).reduce((before, next) => Effect.andThen(before, next))
    this.world.run(program, names.join(", "))
  }
}
