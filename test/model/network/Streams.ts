/** TCP of a run over a network: a client on one machine, a server on another, and what each has sent and received. */
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import type { Chance } from "../Chance.ts"
import { messageOf, read } from "../streamBytes.ts"
import type { Ledger } from "./Ledger.ts"
import { addresses } from "./NetworkPlan.ts"
import type { Happenings } from "./Oracle.ts"

const port = 700
/** Messages of a connection are counted from a multiple of this, so that they tell whose they are. */
const most = 1000

interface Message {
  readonly length: number
  outcome: "under way" | "sent" | "not known"
}

/** One end of a connection. */
interface End {
  readonly name: string
  readonly first: number
  readonly sent: Array<Message>
  readonly received: Array<Uint8Array>
  /** How what it received ended. */
  end: string | undefined
  /** Whether a message of it was torn, so that its connection was reset. */
  broken: boolean
}

export class Streams {
  private readonly ends: Array<End> = []
  private readonly ledger: Ledger
  private readonly chance: Chance
  private readonly options: TcpSocket.Options
  private readonly failures: Array<string> = []
  private clients = 0

  constructor(ledger: Ledger, chance: Chance) {
    this.ledger = ledger
    this.chance = chance
    this.options = {
      chunkSize: chance.one([64, 512, 4096]),
      sendQueue: chance.one([0, 100, 1_000_000]),
      sendBuffer: chance.one([undefined, 4096]),
      receiveBuffer: chance.one([undefined, 4096]),
      noDelay: chance.percent(50),
      closeTimeout: 5000,
      linger: 0
    }
  }

  /** Whether all that began has ended, but for what a machine without power has left behind. */
  get isOver(): boolean {
    return this.clients > 0 && (this.ledger.breaks || this.ends.every(({ end }) => end !== undefined))
  }

  private at(port: number): NetAddress.InetAddress {
    return NetAddress.inetAddressFromIpStringUnsafe(addresses.b[0][0], port)
  }

  private began(name: string): End {
    const end: End = {
      name: `${name} ${this.ends.length}`,
      first: this.ends.length * most,
      sent: [],
      received: [],
      end: undefined,
      broken: false
    }
    this.ends.push(end)
    return end
  }

  private send(end: End, socket: TcpSocket.TcpSocket): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { chance } = this
      const length = chance.percent(15) ? chance.below(4000) : chance.below(300)
      const message: Message = { length, outcome: "under way" }
      const n = end.first + end.sent.length
      end.sent.push(message)
      const sending = Effect.onExit(socket.send(messageOf(n, length)), (exit) =>
        Effect.sync(() => {
          message.outcome = Exit.isSuccess(exit) ? "sent" : "not known"
        })
      )
      return chance.percent(8) ? Effect.asVoid(Effect.timeoutOption(sending, 1 + chance.below(20))) : sending
    })
  }

  /** Receives to the end, and gives up waiting now and then. */
  private receive(end: End, socket: TcpSocket.TcpSocket): Effect.Effect<void> {
    const one = Effect.suspend(() => {
      const taken = Effect.map(socket.receive, (chunk) => void end.received.push(chunk))
      return this.chance.percent(20) ? Effect.timeoutOption(taken, 1 + this.chance.below(30)) : taken
    })
    return Effect.map(Effect.exit(Effect.forever(one)), (exit) => {
      const error = Exit.isFailure(exit)
        ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        : undefined
      end.end = error === undefined ? "interrupted" : error._tag === "WinsockError" ? error.reason._tag : "EndOfStream"
    })
  }

  // both ways, until this side has ended and the other's end is here
  private session(name: string, socket: TcpSocket.TcpSocket): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { chance } = this
      const end = this.began(name)
      const next = (left: number): Effect.Effect<void, WinsockError> =>
        left === 0
          ? socket.shutdown("send")
          : Effect.andThen(Effect.andThen(this.send(end, socket), Effect.sleep(chance.below(30))), next(left - 1))
      const sending = Effect.catch(next(1 + chance.below(8)), () =>
        Effect.andThen(
          Effect.sync(() => {
            end.broken = true
          }),
          // a torn stream ends by a reset
          socket.abort
        )
      )
      return Effect.flatMap(Effect.forkChild(this.receive(end, socket), { startImmediately: true }), (fiber) =>
        Effect.andThen(sending, Effect.asVoid(Fiber.join(fiber)))
      )
    })
  }

  readonly server = Effect.suspend(() =>
    Effect.flatMap(TcpServer.listen(this.at(port), this.options), (server) =>
      Effect.forever(
        Effect.flatMap(server.accept, (socket) =>
          Effect.forkScoped(this.session("server", socket), { startImmediately: true })
        )
      )
    )
  )

  readonly client = Effect.suspend(() => {
    const connected = Effect.flatMap(TcpSocket.connect(this.at(port), this.options), (socket) =>
      this.session("client", socket)
    )
    return Effect.ensuring(
      Effect.catch(Effect.scoped(connected), (error) => Effect.sync(() => void this.failures.push(error.reason._tag))),
      Effect.sync(() => {
        this.clients++
      })
    )
  })

  /** What must hold: bytes come in order and as they were sent, and an end of the stream is the end of all of them. */
  judge(happened: Happenings, mayBreak: boolean): void {
    const { problems } = this.ledger
    const wrong = (end: End, text: string): void => void problems.push(`stream, ${end.name}: ${text}`)
    if (!mayBreak && this.failures.length > 0) problems.push(`a connect failed: ${this.failures.join(", ")}`)
    for (const end of this.ends) {
      const owners = this.ends.filter((other) => other !== end)
      const bytes = read(end.received, (n) => this.messageAt(n)?.length)
      happened.streamBytes += bytes.bytes
      if (bytes.wrong !== undefined) {
        wrong(end, bytes.wrong)
        continue
      }
      const [any] = bytes.whole
      const sender = any === undefined ? undefined : owners.find(({ first }) => first === any - (any % most))
      if (any !== undefined && sender === undefined) wrong(end, `message ${any} is of nobody else`)
      for (const n of bytes.whole) {
        if (sender !== undefined && n - (n % most) !== sender.first) wrong(end, `message ${n} is of another connection`)
      }
      if (end.end === "EndOfStream") {
        happened.streamEnds++
        if (bytes.torn) wrong(end, "a torn message ended with the end of the stream")
        const missing = sender?.sent.findIndex(
          ({ outcome }, i) => outcome === "sent" && !bytes.whole.has(sender.first + i)
        )
        if (missing !== undefined && missing !== -1) wrong(end, `message ${missing} counts as sent, and did not come`)
        continue
      }
      happened.streamBreaks++
      const excused = mayBreak || this.ends.some(({ broken }) => broken)
      if (!excused) wrong(end, `it ended with ${end.end}, and nothing broke it`)
    }
  }

  private messageAt(n: number): Message | undefined {
    return this.ends[Math.floor(n / most)]?.sent[n % most]
  }
}
