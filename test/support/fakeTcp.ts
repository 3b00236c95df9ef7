/**
 * Two ends of a connection in memory, as objects of the TcpSocket interface: as much as a Duplex asks of one. Every wait
 * is served in a turn of the event loop of its own, so nothing nests, and everything that happens is counted.
 */
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import { WSAECONNRESET, WSAESHUTDOWN } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"

export interface Options {
  /** How many bytes are under way at most, in each direction. */
  readonly window?: number
  /** How many bytes one receive takes. */
  readonly chunk?: number
}

interface Sending {
  bytes: Uint8Array
  readonly end: boolean
  begun: boolean
  readonly done: (error?: WinsockError) => void
}

export class FakeEnd {
  readonly log: Array<string> = []
  /** Receives and sends that wait, now and at most. */
  receiving = 0
  sending = 0
  mostReceiving = 0
  /** The lengths of the pieces of each send. */
  readonly sends: Array<ReadonlyArray<number>> = []
  received = 0
  closed = false
  aborted = false
  broken = false
  /** Whether sends wait although there is room. */
  held = false
  peer!: FakeEnd

  private incoming: Array<Uint8Array> = []
  private waitingBytes = 0
  private ended = false
  private shut = false
  private failure: (() => WinsockError) | undefined = undefined
  private reader: ((chunk: Uint8Array | WinsockError) => void) | undefined = undefined
  private line: Array<Sending> = []
  private scheduled = false
  private readonly window: number
  private readonly chunk: number

  constructor(options: Options) {
    this.window = options.window ?? 65_536
    this.chunk = options.chunk ?? 65_536
  }

  /** The connection ends as by a reset of the peer's, or as when it was closed here. */
  fail(failure: () => WinsockError): void {
    this.failure ??= failure
    this.incoming = []
    this.waitingBytes = 0
    this.wake()
  }

  reset(): void {
    this.fail(() => WinsockErrors.fromCode("WSARecv", WSAECONNRESET, "stream"))
  }

  wake(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.work()
    })
  }

  private work(): void {
    if (this.failure !== undefined) {
      const reader = this.reader
      const line = this.line
      this.reader = undefined
      this.line = []
      reader?.(this.failure())
      for (const { done } of line) done(this.failure())
      return
    }
    this.push()
    const reader = this.reader
    if (reader !== undefined) {
      const chunk = this.take()
      if (chunk !== undefined) {
        this.reader = undefined
        reader(chunk)
      }
    }
  }

  // moves what waits to be sent to the peer
  private push(): void {
    while (this.line.length > 0 && !this.held) {
      const first = this.line[0]
      const room = this.window - this.peer.waitingBytes
      first.begun = true
      if (first.bytes.length > 0) {
        if (this.peer.closed) return this.reset()
        if (room === 0) return
        const part = first.bytes.slice(0, room)
        first.bytes = first.bytes.subarray(part.length)
        this.peer.incoming.push(part)
        this.peer.waitingBytes += part.length
        this.peer.wake()
        if (first.bytes.length > 0) return
      }
      this.line.shift()
      if (first.end) {
        this.peer.ended = true
        this.peer.wake()
      }
      first.done()
    }
  }

  private take(): Uint8Array | WinsockError | undefined {
    const first = this.incoming[0]
    if (first === undefined) return this.ended ? WinsockErrors.endOfStream("WSARecv", 0, "bytes") : undefined
    const chunk = first.subarray(0, this.chunk)
    if (chunk.length === first.length) this.incoming.shift()
    else this.incoming[0] = first.subarray(chunk.length)
    this.waitingBytes -= chunk.length
    this.received += chunk.length
    this.peer.wake()
    return chunk
  }

  private readonly receive = Effect.callback<Uint8Array, WinsockError>((resume) => {
    if (this.closed) return resume(Effect.fail(WinsockErrors.socketClosed("WSARecv")))
    this.mostReceiving = Math.max(this.mostReceiving, ++this.receiving)
    this.reader = (chunk) => {
      this.receiving--
      resume(chunk instanceof WinsockErrors.WinsockError ? Effect.fail(chunk) : Effect.succeed(chunk))
    }
    this.wake()
    return Effect.sync(() => {
      this.receiving--
      this.reader = undefined
      this.log.push("receive interrupted")
    })
  })

  private output(bytes: Uint8Array, end: boolean): Effect.Effect<void, WinsockError> {
    return Effect.callback<void, WinsockError>((resume) => {
      if (this.closed) return resume(Effect.fail(WinsockErrors.socketClosed("WSASend")))
      if (this.broken) return resume(Effect.fail(WinsockErrors.streamBroken("WSASend", undefined)))
      if (this.shut) return resume(Effect.fail(WinsockErrors.fromCode("WSASend", WSAESHUTDOWN, "stream")))
      if (end) this.shut = true
      this.sending++
      const sending: Sending = {
        bytes,
        end,
        begun: false,
        done: (error) => {
          this.sending--
          resume(error === undefined ? Effect.void : Effect.fail(error))
        }
      }
      this.line.push(sending)
      this.wake()
      return Effect.sync(() => {
        this.sending--
        this.line = this.line.filter((other) => other !== sending)
        if (sending.begun) this.broken = true
        this.log.push("send interrupted")
      })
    })
  }

  readonly close = Effect.sync(() => {
    if (this.closed) return
    this.closed = true
    this.log.push("closed")
    // what was not read, or still comes, is answered with a reset
    if (this.broken || this.aborted || this.waitingBytes > 0) this.peer.reset()
    else {
      this.peer.ended = true
      this.peer.wake()
    }
    this.fail(() => WinsockErrors.operationAborted("WSARecv"))
  })

  private readonly abort = Effect.sync(() => {
    this.aborted = true
    this.log.push("aborted")
    this.peer.reset()
    this.fail(() => WinsockErrors.operationAborted("WSARecv"))
  })

  /** What a Duplex uses of a connection; the rest is not there. */
  readonly socket = (local: NetAddress.InetAddress, remote: NetAddress.InetAddress): TcpSocket => {
    const used: Partial<TcpSocket> = {
      localAddress: local,
      remoteAddress: remote,
      receive: this.receive,
      send: (payload) => {
        const pieces = Array.isArray(payload) ? (payload as ReadonlyArray<Uint8Array>) : [payload as Uint8Array]
        this.sends.push(pieces.map((piece) => piece.length))
        return this.output(Buffer.concat(pieces), false)
      },
      shutdown: (how) => {
        this.log.push(`shutdown ${how}`)
        return how === "receive" ? Effect.void : this.output(new Uint8Array(0), true)
      },
      abort: this.abort,
      setNoDelay: (on) => Effect.sync(() => this.log.push(`noDelay ${on}`)),
      setKeepAlive: (keepAlive) => Effect.sync(() => this.log.push(`keepAlive ${JSON.stringify(keepAlive)}`))
    }
    return used as TcpSocket
  }
}

/** A connection: both ends, and the effect that opens each in a scope that closes it. */
export const pair = (options: Options = {}) => {
  const a = new FakeEnd(options)
  const b = new FakeEnd(options)
  a.peer = b
  b.peer = a
  const addressA = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 50_000)
  const addressB = NetAddress.inetAddressFromIpStringUnsafe("::1", 80)
  const open = (
    end: FakeEnd,
    local: NetAddress.InetAddress,
    remote: NetAddress.InetAddress
  ): Effect.Effect<TcpSocket, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => end.socket(local, remote)),
      () => end.close
    )
  return { a, b, openA: open(a, addressA, addressB), openB: open(b, addressB, addressA) }
}
