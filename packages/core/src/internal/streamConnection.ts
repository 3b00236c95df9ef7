/**
 * What a program sees of a stream of any address family: receiving, sending, ending. What only TCP has, or only AF_UNIX,
 * its own class adds.
 */
import { SD_RECEIVE } from "@effect-winsock/schema/Flags"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Sink from "effect/Sink"
import * as Streams from "effect/Stream"
import type { NativeBuffer } from "../NativeBuffer.ts"
import type { Payload, SendOptions, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, isWithin } from "./checks.ts"
import { Buffer } from "./nativeBuffer.ts"
import { aPayload, isPayload } from "./payload.ts"
import type { SocketCalls } from "./socketCalls.ts"
import type { Stream } from "./stream.ts"
import { streamError } from "./streamError.ts"
import type { Request } from "./streamRequests.ts"
import * as Requests from "./streamRequests.ts"
import { DataTurn, EndTurn } from "./streamTurn.ts"

const mostReceived = 2 ** 30
// every runtime has it, and it needs no types of any of them
const { TextEncoder } = globalThis as unknown as { TextEncoder: new () => { encode: (text: string) => Uint8Array } }
const encoder = new TextEncoder()

type WholeOption = Pick<SendOptions, "whole">

export const refused = (
  operation: string,
  option: string,
  value: unknown,
  expected: string
): Effect.Effect<never, WinsockError> =>
  Effect.suspend(() => Effect.fail(WinsockErrors.invalidArgument(operation, option, value, expected)))

// made anew at each look: a closure for each of them would be most of what an idle connection costs
export class StreamConnection {
  readonly internal: Stream

  constructor(stream: Stream) {
    this.internal = stream
  }

  // --- receiving ---

  get receive(): TcpSocket["receive"] {
    return this.internal.receives.receive
  }

  get pull(): TcpSocket["pull"] {
    return this.internal.receives.pull
  }

  get receiveExactly(): TcpSocket["receiveExactly"] {
    return (length: number): Effect.Effect<Uint8Array, WinsockError> =>
      isWithin(length, 0, mostReceived)
        ? this.ask<Uint8Array>(Requests.exactly(length))
        : refused("WSARecv", "length", length, `an integer from 0 to ${mostReceived}`)
  }

  get receiveUntil(): TcpSocket["receiveUntil"] {
    return (delimiter, options = {}) => {
      if (!isRecord(options)) return refused("WSARecv", "options", options, "a record of options")
      const { maxLength = 65_536 } = options
      const bytes: unknown = typeof delimiter === "string" ? encoder.encode(delimiter) : delimiter
      if (!isPayload(bytes) || Array.isArray(bytes) || bytes.length === 0) {
        return refused("WSARecv", "delimiter", delimiter, "text or a Uint8Array, of 1 byte at least")
      }
      if (!isWithin(maxLength, 1, mostReceived)) {
        return refused("WSARecv", "maxLength", maxLength, `an integer from 1 to ${mostReceived}`)
      }
      // a copy: what it looks for must not change while it waits. Each run looks anew
      const copy = (bytes as Uint8Array).slice()
      return Effect.suspend(() => this.ask<Uint8Array>(Requests.until(copy, maxLength)))
    }
  }

  get receiveInto(): TcpSocket["receiveInto"] {
    return (buffer: NativeBuffer, offset = 0, length?: number): Effect.Effect<number, WinsockError> => {
      if (!(buffer instanceof Buffer)) return refused("WSARecv", "buffer", buffer, "a NativeBuffer")
      if (buffer.engine !== this.internal.engine) {
        return refused("WSARecv", "buffer", buffer, "a NativeBuffer of the same layer")
      }
      const { size } = buffer
      if (!isWithin(offset, 0, size - 1))
        return refused("WSARecv", "offset", offset, `an integer from 0 to ${size - 1}`)
      const room = length === undefined ? size - offset : length
      if (!isWithin(room, 1, size - offset)) {
        return refused("WSARecv", "length", length, `an integer from 1 to ${size - offset}`)
      }
      return this.ask<number>(Requests.into(buffer, offset, room))
    }
  }

  get stream(): Streams.Stream<Uint8Array, WinsockError> {
    return Streams.fromPull(Effect.succeed(this.pullOne))
  }

  protected get pullOne(): TcpSocket["pull"] {
    return this.internal.receives.pullOne
  }

  // --- sending ---

  /** Sends all of a payload, with flags of `WSASend`. */
  protected sendWith(
    payload: Payload,
    flags: () => number | WinsockError,
    whole: boolean
  ): Effect.Effect<void, WinsockError> {
    return this.internal.sends.run(() => {
      if (!isPayload(payload)) return WinsockErrors.invalidArgument("WSASend", "payload", payload, aPayload)
      const bits = flags()
      return typeof bits === "number" ? new DataTurn(payload, bits, whole) : bits
    })
  }

  get send(): (payload: Payload, options?: WholeOption) => Effect.Effect<void, WinsockError> {
    return (payload, options) => this.sendWith(payload, noFlags, options?.whole === true)
  }

  get sink(): Sink.Sink<void, Uint8Array, never, WinsockError> {
    return Sink.forEachArray((chunks: NonEmptyReadonlyArray<Uint8Array>) => this.send(chunks))
  }

  get channel(): TcpSocket["channel"] {
    return <IE>() =>
      Channel.fromTransform((input: Pull.Pull<NonEmptyReadonlyArray<Uint8Array>, IE, unknown>, scope) =>
        Effect.gen({ self: this }, function* () {
          const failed = yield* Deferred.make<never, WinsockError | IE>()
          const sending = Effect.forever(Effect.flatMap(input, (chunks) => this.send(chunks)))
          const ending = Pull.catchDone(sending, () => this.shutdown("send"))
          yield* Effect.forkIn(
            Effect.catchCause(ending, (cause) => Deferred.failCause(failed, cause as Cause.Cause<WinsockError | IE>)),
            scope
          )
          // losing the race takes nothing: bytes that come meanwhile are the next pull's
          return Effect.raceFirst(this.pull, Deferred.await(failed))
        })
      )
  }

  // --- ending ---

  get shutdown(): TcpSocket["shutdown"] {
    return (how) => {
      if (how !== "send" && how !== "receive" && how !== "both") {
        return refused("shutdown", "how", how, '"send", "receive" or "both"')
      }
      const receive = how === "send" ? Effect.void : this.shutdownReceive
      return how === "receive" ? receive : Effect.andThen(receive, this.endOf("shutdown"))
    }
  }

  get close(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => this.internal.close(() => resume(Effect.void)))
  }

  get abort(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => this.internal.abort(() => resume(Effect.void)))
  }

  // ---

  protected ask<A>(request: Request): Effect.Effect<A, WinsockError> {
    return this.internal.receives.ask(request) as Effect.Effect<A, WinsockError>
  }

  protected endOf(name: "shutdown" | "WSASendDisconnect"): Effect.Effect<void, WinsockError> {
    const { internal } = this
    return internal.sends.run(() => new EndTurn(name, internal))
  }

  private get shutdownReceive(): Effect.Effect<void, WinsockError> {
    return this.answer("shutdown", (on) => {
      if (on.engine.calls.shutdown(on.socket, SD_RECEIVE) !== 0) return undefined
      this.internal.receives.shutdown()
      return null
    })
  }

  // a call that answers at once; `undefined` says that it failed
  protected answer<A>(
    operation: string,
    call: (on: SocketCalls) => A | undefined
  ): Effect.Effect<A extends null ? void : A, WinsockError> {
    return Effect.suspend(() => {
      const { internal } = this
      if (!internal.isOpen) return Effect.fail(WinsockErrors.socketClosed(operation))
      const answer = call(internal.on)
      return answer === undefined
        ? Effect.fail(streamError(operation, internal.engine.calls.WSAGetLastError()))
        : Effect.succeed(answer as A extends null ? void : A)
    })
  }
}

const noFlags = (): number => 0
