/** effect/socket's DatagramSocket over UdpSocket: one reader at a time, writers that wait for it. */
import type { Datagram as Message } from "@effect-winsock/core/Datagram"
import type { Outgoing, UdpSocket } from "@effect-winsock/core/UdpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import type { Datagram, OutgoingDatagram, Reader, Socket, Writer } from "../WinsockDatagramSocket.ts"
import * as Errors from "./datagramErrors.ts"
import type { Direct, Opened } from "./datagramOpen.ts"
import { DatagramQueue } from "./datagramQueue.ts"

type SocketError = DatagramSocket.DatagramSocketError
type Sent = Effect.Effect<void, SocketError>

/** What a provider gave no sender of that is an Internet address. */
const nowhere = NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 0)

export class Received implements Datagram {
  readonly payload: Uint8Array
  readonly message: Message
  constructor(message: Message) {
    this.payload = message.payload
    this.message = message
  }
  get address(): NetAddress.InetAddress {
    return this.message.from ?? nowhere
  }
  get control(): Message["control"] {
    return this.message.control
  }
}

type Batch = NonEmptyReadonlyArray<Received>

const received = (messages: NonEmptyReadonlyArray<Message>): Batch =>
  messages.map((message) => new Received(message)) as unknown as Batch

const encoder = new TextEncoder()
const encode = (payload: OutgoingDatagram["payload"]) =>
  typeof payload === "string" ? encoder.encode(payload) : payload

/** What was said for an address and is none. */
class Nowhere {
  readonly error: SocketError
  constructor(said: unknown) {
    const expected = "an address of effect/net, or a datagram"
    this.error = Errors.refusedWrite(WinsockErrors.invalidArgument("write", "address", said, expected), undefined)
  }
}

type Target = NetAddress.InetAddress | Received | undefined

/** Where a datagram is to go: a received one answers, or echoes, itself. */
const targetOf = (datagram: OutgoingDatagram): Target | Nowhere => {
  if (datagram instanceof Received) return datagram
  const { address } = datagram
  if (address === undefined || address instanceof Received || NetAddress.isInetAddress(address)) return address
  // another library's datagram, or one made by hand, has an address to be answered at
  const at = (address as DatagramSocket.Datagram | null)?.address
  return NetAddress.isInetAddress(at) ? at : new Nowhere(address)
}

const addressOf = (target: Target): NetAddress.InetAddress | undefined =>
  target instanceof Received ? target.address : target

/** An open reader. */
class Open {
  readonly queue: DatagramQueue<Received>
  private readonly socket: UdpSocket
  private readonly peer: NetAddress.InetAddress | undefined
  private readonly connected: boolean
  // where it may have been asked at one of several addresses: an answer's source must be chosen
  private readonly answers: boolean
  private readonly direct: Direct
  private readonly onError: ((error: SocketError) => void) | undefined

  constructor({ direct, peer, socket }: Opened, { capacity, onError, sliding }: Settings) {
    this.queue = new DatagramQueue(capacity, sliding)
    this.socket = socket
    this.peer = peer
    this.connected = socket.peer !== undefined
    this.answers = !this.connected && NetAddress.isUnspecified(socket.address.address)
    this.direct = direct
    this.onError = onError
  }

  /** Takes what comes to the socket, until it fails or the reader is closed. */
  receive(): Effect.Effect<void> {
    const taking = this.direct.consume((messages) => this.queue.offer(received(messages)))
    const all: Effect.Effect<void> = Effect.catch(taking, (error) => {
      const failed = Errors.fromRead(error)
      if (Errors.isOfOneDatagram(error)) {
        this.report(failed)
        return all
      }
      this.queue.fail(failed)
      return Effect.void
    })
    return all
  }

  private report(error: SocketError): void {
    if (this.onError === undefined || this.queue.failure !== undefined) return
    try {
      this.onError(error)
    } catch {
      // what a listener throws is no failure of the socket's
    }
  }

  readonly reader = (): Reader => {
    const { direct, queue, socket } = this
    return {
      pull: direct.pulled?.(queue.pull) ?? queue.pull,
      address: socket.address,
      socket,
      dropped: () => queue.dropped,
      joinMulticast: ({ group, interface: ingress, source }) =>
        Effect.suspend(
          () =>
            queue.failure ??
            Effect.mapError(socket.joinGroup(group, { interface: ingress, source }), (error) =>
              Errors.fromJoin(error, source !== undefined)
            )
        )
    }
  }

  write(datagram: OutgoingDatagram): Sent {
    const { failure } = this.queue
    if (failure !== undefined) return failure
    const target = targetOf(datagram)
    if (target instanceof Nowhere) return Effect.fail(target.error)
    const refused = this.refuse(target)
    return refused === undefined ? this.send(datagram, target) : Effect.fail(refused)
  }

  private send(datagram: OutgoingDatagram, target: Target): Sent {
    const { options } = datagram
    const payload = encode(datagram.payload)
    if (target instanceof Received && this.answers) {
      return this.explained(this.socket.reply(target.message, payload, options), target)
    }
    const to = this.destination(target)
    if (options !== undefined || this.direct.pulled !== undefined)
      return this.explained(this.socket.send(payload, to, options), target)
    // almost always there is room: then the write is this one step
    const sent = this.direct.sendNow(payload, to)
    if (sent === true) return Effect.void
    return sent === false
      ? this.explained(this.direct.sendWaiting(payload, to), target)
      : Effect.fail(this.failed(sent, target))
  }

  private explained(sent: Effect.Effect<void, WinsockError>, target: Target): Sent {
    return Effect.mapError(sent, (error) => this.failed(error, target))
  }

  writeAll(datagrams: NonEmptyReadonlyArray<OutgoingDatagram>): Sent {
    const { failure } = this.queue
    if (failure !== undefined) return failure
    const targets: Array<Target> = []
    let answers = false
    for (const datagram of datagrams) {
      const target = targetOf(datagram)
      const refused = target instanceof Nowhere ? target.error : this.refuse(target)
      if (refused !== undefined) return Effect.fail(refused)
      targets.push(target as Target)
      answers ||= target instanceof Received
    }
    if (answers && this.answers) {
      let next = 0
      return Effect.whileLoop({
        while: () => next < datagrams.length,
        body: () => this.send(datagrams[next], targets[next++]),
        step: () => {}
      })
    }
    const progress = { at: 0 }
    return Effect.mapError(this.socket.sendAll(this.outgoing(datagrams, targets, progress)), (error) =>
      this.failed(error, targets[progress.at])
    )
  }

  // one is not asked for before those in front of it were sent
  private *outgoing(
    datagrams: ReadonlyArray<OutgoingDatagram>,
    targets: ReadonlyArray<Target>,
    progress: { at: number }
  ): Generator<Outgoing> {
    for (; progress.at < datagrams.length; progress.at++) {
      const { options, payload } = datagrams[progress.at]
      yield { payload: encode(payload), to: this.destination(targets[progress.at]), options }
    }
  }

  private destination(target: Target): NetAddress.InetAddress | undefined {
    return this.connected ? undefined : (addressOf(target) ?? this.peer)
  }

  private failed(error: WinsockError, target: Target): SocketError {
    return Errors.fromWrite(error, addressOf(target) ?? this.peer)
  }

  private refuse(target: Target): SocketError | undefined {
    if (this.connected) {
      return target === undefined || target instanceof Received
        ? undefined
        : Errors.refusedWrite(new Error("a connected socket sends to its peer only, and takes no address"), target)
    }
    return target === undefined && this.peer === undefined
      ? Errors.refusedWrite(new Error("a datagram needs an address on a socket that has no peer"), undefined)
      : undefined
  }
}

export interface Settings {
  readonly capacity: number
  readonly sliding: boolean
  readonly onError: ((error: SocketError) => void) | undefined
}

/**
 * A socket that `open` opens anew for each reader, with the services of the fiber that makes it beneath those of the fiber
 * that acquires the reader.
 */
export const make = <R>(
  open: Effect.Effect<Opened, SocketError, R>,
  settings: Settings
): Effect.Effect<Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (services) => makeWith(open, settings, services))

const makeWith = <R>(
  open: Effect.Effect<Opened, SocketError, R>,
  settings: Settings,
  services: Context.Context<never>
): Socket => {
  const free = Latch.makeUnsafe(true)
  const latch = Latch.makeUnsafe(false)
  let current: Open | undefined

  const reader = Effect.uninterruptibleMask(
    Effect.fnUntraced(function* (restore) {
      while (!free.closeUnsafe()) yield* restore(free.await)
      // the socket has a scope of its own: what failed half-way is closed at once, whatever the reader's scope does
      const scope = Scope.makeUnsafe()
      const over = Effect.ensuring(
        Effect.suspend(() => Scope.close(scope, Exit.void)),
        Effect.sync(() => free.openUnsafe())
      )
      const within: Effect.Effect<Opened, SocketError> = Effect.updateContext(
        open,
        (input: Context.Context<never>) =>
          Context.add(Context.merge(services, input), Scope.Scope, scope) as Context.Context<R>
      )
      // a fiber of its own, for what cannot be interrupted must not keep the acquiring fiber
      const opening = yield* Effect.forkDetach(within, { startImmediately: true })
      const opened = yield* restore(Fiber.join(opening)).pipe(
        Effect.onError(() => {
          if (opening.pollUnsafe() !== undefined) return over
          opening.interruptUnsafe()
          return Effect.asVoid(Effect.forkDetach(Effect.andThen(Fiber.await(opening), over)))
        })
      )
      const state = new Open(opened, settings)
      const receiving = yield* Effect.forkDetach(state.receive(), { startImmediately: true })
      current = state
      latch.openUnsafe()
      yield* Effect.addFinalizer(() => {
        current = undefined
        latch.closeUnsafe()
        state.queue.close(Errors.closed())
        return Effect.andThen(Fiber.interrupt(receiving), over)
      })
      return state.reader()
    })
  )

  const write: Writer["write"] = (datagram) =>
    Effect.suspend(() => (current === undefined ? latch.whenOpen(write(datagram)) : current.write(datagram)))
  const writeAll: Writer["writeAll"] = (datagrams) =>
    Effect.suspend(() => (current === undefined ? latch.whenOpen(writeAll(datagrams)) : current.writeAll(datagrams)))

  return DatagramSocket.make({ reader, writer: Effect.succeed({ write, writeAll }) }) as Socket
}
