/**
 * The model of streams: a connection, and at either end fibers that send, receive, are interrupted, end their side or
 * reset it, all from a seed. Every send carries its number and bytes that follow from it, so what comes out at the other
 * end tells what was sent, what was torn, what was lost, and what was given out twice or out of order.
 */
import { NativeBuffer, TcpServer, TcpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import { MockWinsock } from "@effect-winsock/mock"
import { WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { Connection } from "../../packages/core/src/internal/tcpSocket.ts"
import { Chance } from "./Chance.ts"
import { messageOf, read } from "./streamBytes.ts"

/** What happened, of all runs together. */
export const nothing = () => ({
  bytes: 0,
  sends: 0,
  sendsInterrupted: 0,
  receives: 0,
  receivesInterrupted: 0,
  torn: 0,
  ends: 0,
  resets: 0
})
export type Happenings = ReturnType<typeof nothing>

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

class Sent {
  readonly n: number
  readonly length: number
  outcome: "under way" | "sent" | "not known" = "under way"
  constructor(n: number, length: number) {
    this.n = n
    this.length = length
  }
}

/** One end of the connection, and what its fibers did. */
class End {
  readonly name: string
  readonly socket: TcpSocket.TcpSocket
  readonly scope: Scope.Closeable
  readonly sent: Array<Sent> = []
  readonly received: Array<Uint8Array> = []
  /** How its peer's bytes ended. */
  end: string | undefined = undefined
  /** Whether its own side was given up in a way that may lose what it has sent. */
  abandoned = false
  /** Whether it was told to receive no more. */
  deaf = false
  constructor(name: string, socket: TcpSocket.TcpSocket, scope: Scope.Closeable) {
    this.name = name
    this.socket = socket
    this.scope = scope
  }
  get isBroken(): boolean {
    return this.socket instanceof Connection && this.socket.internal.sends.isBroken
  }
}

const problem = (text: string): never => {
  throw new Error(text)
}

const tagOf = (cause: Cause.Cause<unknown>): string => {
  const reason = cause.reasons.find(Cause.isFailReason)
  if (reason === undefined) return Cause.hasInterruptsOnly(cause) ? "interrupted" : problem(Cause.pretty(cause))
  const { error } = reason
  if (isWinsockError(error)) return (error as WinsockError).reason._tag
  return Cause.isDone(error) ? "EndOfStream" : problem(String(error))
}

const expectedFailures = new Set([
  "interrupted",
  "EndOfStream",
  "ConnectionReset",
  "ConnectionAborted",
  "OperationAborted",
  "SocketClosed",
  "Shutdown",
  "StreamBroken",
  "MessageTooLarge"
])

class Run {
  readonly chance: Chance
  readonly happened: Happenings
  readonly exact: boolean
  readonly fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  readonly buffer: NativeBuffer.NativeBuffer
  readonly seam: Seam
  // whether some sends are so long that they must wait for the peer
  readonly long: boolean
  // fibers that yield often do not come back in the order in which they were served: one at a time then
  readonly most: number

  constructor(chance: Chance, happened: Happenings, exact: boolean, seam: Seam, buffer: NativeBuffer.NativeBuffer) {
    this.seam = seam
    this.long = chance.percent(40)
    this.chance = chance
    this.happened = happened
    this.exact = exact
    this.buffer = buffer
    this.most = chance.percent(30) ? chance.one([3, 4, 8, 17, 24]) : 2048
  }

  fork<E>(effect: Effect.Effect<unknown, E>) {
    const slow = Effect.provideService(effect, Scheduler.MaxOpsBeforeYield, this.most)
    return Effect.map(Effect.forkChild(slow, { startImmediately: true }), (fiber) => void this.fibers.push(fiber))
  }

  send(end: End) {
    const { chance, happened } = this
    const length = this.long && chance.percent(15) ? chance.below(300_000) : chance.below(400)
    const sent = new Sent(end.sent.length, length)
    end.sent.push(sent)
    happened.sends++
    const whole = messageOf(sent.n, length)
    const cut = chance.below(whole.length)
    const payload = chance.percent(30) ? [whole.subarray(0, cut), whole.subarray(cut)] : whole
    return this.fork(
      Effect.onExit(end.socket.send(payload), (exit) =>
        Effect.sync(() => {
          sent.outcome = Exit.isSuccess(exit) ? "sent" : "not known"
          if (Exit.isSuccess(exit)) return
          this.expect(end, "send", exit.cause)
          if (Exit.hasInterrupts(exit)) happened.sendsInterrupted++
        })
      )
    )
  }

  receive(end: End) {
    const { chance, happened } = this
    happened.receives++
    const take = (chunk: Uint8Array): void => void end.received.push(chunk)
    const { socket } = end
    const kind = chance.weighted({ receive: 4, pull: 3, exactly: 3, until: 2, into: 3 })
    const offset = chance.below(64)
    const room = 1 + chance.below(64)
    const ways: Record<typeof kind, Effect.Effect<void, unknown>> = {
      receive: Effect.map(socket.receive, take),
      pull: Effect.map(socket.pull, (chunks) => chunks.forEach(take)),
      exactly: Effect.map(socket.receiveExactly(chance.below(200)), take),
      until: Effect.map(socket.receiveUntil(Uint8Array.of(chance.below(256)), { maxLength: 4096 }), take),
      into: Effect.map(socket.receiveInto(this.buffer, offset, room), (n) =>
        take(this.buffer.bytes.slice(offset, offset + n))
      )
    }
    return this.fork(
      Effect.onExit(ways[kind], (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return
          this.expect(end, kind, exit.cause)
          if (Exit.hasInterrupts(exit)) happened.receivesInterrupted++
        })
      )
    )
  }

  expect(end: End, what: string, cause: Cause.Cause<unknown>): void {
    const tag = tagOf(cause)
    if (!expectedFailures.has(tag)) problem(`${end.name}: a ${what} failed with ${tag}`)
  }

  step(ends: ReadonlyArray<End>) {
    const { chance, most } = this
    const end = chance.one(ends)
    switch (
      chance.weighted({
        send: 300,
        receive: 300,
        interrupt: 200,
        turns: 300,
        foreignCancel: 4,
        shutdown: 6,
        deaf: 2,
        abort: 3,
        close: 3
      })
    ) {
      case "send":
        return this.send(end)
      case "receive":
        // in their order, or one at a time
        return most < 2048 && this.fibers.some((fiber) => fiber.pollUnsafe() === undefined)
          ? Effect.yieldNow
          : this.receive(end)
      case "interrupt": {
        const waiting = this.fibers.filter((fiber) => fiber.pollUnsafe() === undefined)
        if (waiting.length === 0) return Effect.void
        const fiber = chance.one(waiting)
        return chance.percent(50) ? Effect.sync(() => fiber.interruptUnsafe()) : Fiber.interrupt(fiber)
      }
      case "turns":
        return Effect.forEach(Array.from({ length: chance.below(4) }), () => Effect.yieldNow)
      case "foreignCancel":
        // as another thread's CancelIo would
        return Effect.sync(() => {
          const { socket } = (end.socket as Connection).internal
          if (socket !== -1) this.seam.calls.CancelIoEx(socket, 0)
        })
      case "shutdown":
        return this.fork(Effect.exit(end.socket.shutdown("send")))
      case "deaf":
        end.deaf = true
        // what comes to it then resets the connection
        for (const one of ends) one.abandoned = true
        return Effect.exit(end.socket.shutdown("receive"))
      case "abort":
        for (const one of ends) one.abandoned = true
        return end.socket.abort
      case "close":
        for (const one of ends) one.abandoned = true
        return this.fork(Scope.close(end.scope, Exit.void))
    }
  }

  /** Receives to the end. */
  drain(end: End) {
    return Effect.map(
      Effect.exit(Effect.forever(Effect.map(end.socket.receive, (chunk) => void end.received.push(chunk)))),
      (exit) => {
        end.end = Exit.isFailure(exit) ? tagOf(exit.cause) : problem("a loop for ever has ended")
        if (!expectedFailures.has(end.end)) problem(`${end.name}: its bytes ended with ${end.end}`)
      }
    )
  }

  judge(from: End, to: End): void {
    const { happened } = this
    const fail = (text: string): never => problem(`${from.name} to ${to.name}: ${text}`)
    const { bytes, torn, whole, wrong } = read(to.received, (n) => from.sent[n]?.length)
    happened.bytes += bytes
    if (wrong !== undefined) return void fail(wrong)
    const ended = to.end === "EndOfStream"
    if (ended) happened.ends++
    else happened.resets++
    if (torn) happened.torn++
    // Wine may tell the end of the stream where it was reset
    if (!ended || from.abandoned || (from.isBroken && !this.exact)) return
    if (torn || from.isBroken) fail("a torn message ended with the end of the stream")
    const missing = from.sent.find(({ n, outcome }) => outcome === "sent" && !whole.has(n))
    if (missing !== undefined) fail(`send ${missing.n} counts as sent, and did not come`)
  }
}

/** One run, on whatever layer is there. `exact`: the layer tells a reset from an end, whenever. Throws what is wrong. */
export const play = (
  seed: number,
  happened: Happenings,
  exact: boolean
): Effect.Effect<void, WinsockError, Winsock.Winsock> =>
  Effect.scoped(
    Effect.gen(function* () {
      const chance = new Chance(seed)
      const run = new Run(chance, happened, exact, (yield* Winsock.Winsock).seam, yield* NativeBuffer.make(256))
      const options = (): TcpSocket.Options => ({
        chunkSize: run.long ? chance.one([1024, 4096, 65_536]) : chance.one([1, 5, 64, 4096]),
        sendQueue: chance.one([0, 100, 1_000_000]),
        sendBuffer: chance.one([undefined, 4096]),
        receiveBuffer: chance.one([undefined, 4096]),
        noDelay: chance.percent(50),
        closeTimeout: chance.one([0, 5]),
        linger: chance.one([0, 0, 5])
      })
      const server = yield* TcpServer.listen(loopback, { ...options(), acceptAhead: 1 })
      const scopes = [yield* Scope.make(), yield* Scope.make()]
      for (const scope of scopes) yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
      const connect = TcpSocket.connect(server.address, options())
      const client = new End("client", yield* Scope.provide(connect, scopes[0]), scopes[0])
      const accepted = new End("server", yield* Scope.provide(server.accept, scopes[1]), scopes[1])
      const ends = [client, accepted]
      for (let steps = 20 + chance.below(100); steps > 0; steps--) yield* run.step(ends)
      // who waits to receive would take what the drain is to find
      if (run.most < 2048 || chance.percent(50)) {
        for (const fiber of run.fibers) yield* Fiber.interrupt(fiber)
      }
      for (const end of ends) yield* run.fork(Effect.exit(end.socket.shutdown("send")))
      const draining = yield* Effect.forEach(ends, (end) =>
        Effect.forkChild(run.drain(end), { startImmediately: true })
      )
      // what is broken ends by its reset alone
      for (const end of ends) if (end.isBroken) yield* Scope.close(end.scope, Exit.void)
      let idle = 0
      let before = -1
      while (draining.some((fiber) => fiber.pollUnsafe() === undefined)) {
        const now = client.received.length + accepted.received.length
        idle = now === before ? idle + 1 : 0
        before = now
        if (idle === 10_000) problem("it does not come to an end")
        yield* Effect.yieldNow
        for (const end of ends) if (end.isBroken) yield* Scope.close(end.scope, Exit.void)
      }
      for (const fiber of draining) yield* Fiber.join(fiber)
      for (const fiber of run.fibers) yield* Fiber.await(fiber)
      run.judge(client, accepted)
      run.judge(accepted, client)
    })
  )

/** What a machine does to a run, besides what its seed decides: sends that find no room, operations that end late. */
export const unkindness = (seed: number): ReadonlyArray<MockWinsock.Fault> => {
  const chance = new Chance(seed ^ 0x5eed)
  const noRoom = chance.one([0, 30, 100])
  const late = chance.one([0, 20, 60])
  const some = (percent: number, overlapped: boolean) => (args: { readonly [parameter: string]: number }) =>
    (args.lpOverlapped !== 0) === overlapped && chance.percent(percent)
  const faults: Array<MockWinsock.Fault> = []
  if (noRoom > 0) faults.push({ call: "WSASend", when: some(noRoom, false), code: WSAEWOULDBLOCK })
  if (late > 0) {
    for (const call of ["WSASend", "WSARecv"] as const) {
      faults.push({ call, when: some(late, true), lateCompletion: 1 + chance.below(4) })
    }
  }
  return faults
}

/** One run on a simulated machine of its own: what went wrong, nothing if it was clean. */
export const runStreams = async (
  seed: number,
  happened: Happenings,
  completion: Winsock.Completion = "port"
): Promise<string | undefined> => {
  const exit = await Effect.runPromiseExit(
    Effect.scoped(
      Effect.gen(function* () {
        const mock = yield* MockWinsock.make({
          seed,
          guard: "strict",
          cancellation: "seeded",
          dequeue: "seeded",
          readyAnswer: "seeded",
          segmentation: "seeded"
        })
        for (const fault of unkindness(seed)) yield* mock.fault(fault)
        let statistics: Effect.Effect<Winsock.Statistics> | undefined
        yield* Effect.scoped(
          Effect.gen(function* () {
            const winsock = yield* Winsock.make(mock.seam, { completion })
            statistics = winsock.statistics
            yield* Effect.provideService(play(seed, happened, true), Winsock.Winsock, winsock)
          })
        )
        const { blocks, handles, leaked, pending, slots, waiters } = yield* statistics!
        const held = [blocks.count, handles.sockets, leaked, pending, slots.used, waiters]
        if (held.some((count) => count !== 0)) problem(`the released layer holds ${held.join(", ")}`)
      })
    )
  )
  return Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined
}
