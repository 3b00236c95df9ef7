/** A connection as a Node stream. */
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type { AddressInfo } from "node:net"
import process from "node:process"
import { Duplex } from "node:stream"
import type { Options, TcpDuplex } from "../TcpDuplex.ts"
import type { Syscall } from "./nodeErrors.ts"
import * as NodeErrors from "./nodeErrors.ts"

type Callback = (error?: Error | null) => void

/** Starts a fiber with the context of the Duplex's maker. */
export type Fork = <A>(effect: Effect.Effect<A, WinsockError>) => Fiber.Fiber<A, WinsockError>

/** The pause between keep-alive probes, as libuv sets it. Source: `uv__tcp_keepalive` in libuv's src/win/tcp.c. */
const probeInterval = "1 second"

const familyOf = (address: NetAddress.InetAddress): "IPv4" | "IPv6" =>
  NetAddress.isInetAddressV4(address) ? "IPv4" : "IPv6"

/**
 * What of a Duplex outlives no other part of it: the scope that its connection is closed with. Finalizers of a scope
 * run in reverse, so that `closed`, which is there before the connection is, runs when the SOCKET is gone.
 */
export class Lifetime {
  readonly scope: Scope.Closeable
  private over = false
  private waiting: (() => void) | undefined = undefined

  constructor(scope: Scope.Closeable) {
    this.scope = scope
  }

  readonly closed: Effect.Effect<void> = Effect.sync(() => {
    this.over = true
    this.waiting?.()
  })

  end(fork: Fork, then: () => void): void {
    if (this.over) return then()
    this.waiting = then
    // nothing happens when this is in the course of being closed
    fork(Scope.close(this.scope, Exit.void))
  }
}

// private names (#): libraries put properties of their own on a socket
export class Connection extends Duplex implements TcpDuplex {
  readonly connecting = false
  timeout: number | undefined = undefined

  readonly #socket: TcpSocket
  readonly #fork: Fork
  readonly #lifetime: Lifetime
  #reading: Fiber.Fiber<Uint8Array, WinsockError> | undefined = undefined
  #writing: Fiber.Fiber<void, WinsockError> | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined
  #bytesRead = 0
  #bytesSent = 0
  #reset = false
  #torn = false

  constructor(socket: TcpSocket, fork: Fork, lifetime: Lifetime, options: Options) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      autoDestroy: options.autoDestroy ?? true,
      ...(options.highWaterMark === undefined ? undefined : { highWaterMark: options.highWaterMark })
    })
    this.#socket = socket
    this.#fork = fork
    this.#lifetime = lifetime
  }

  // --- reading ---

  // A fiber for each receive: one that loops saves a third of a microsecond, but would make defects of its own of what
  // listeners throw, which is to be an uncaught exception.
  override _read(): void {
    if (this.#reading !== undefined) return
    this.#reading = this.#fork(this.#socket.receive)
    this.#reading.addObserver(this.#received)
  }

  readonly #received = (exit: Exit.Exit<Uint8Array, WinsockError>): void => {
    this.#reading = undefined
    if (this.destroyed) return
    if (Exit.isSuccess(exit)) {
      this.#bytesRead += exit.value.length
      this.#timer?.refresh()
      let taken = false
      try {
        this.push(exit.value)
        taken = true
      } finally {
        // a listener threw, and Node has not come to asking for more
        if (!taken) process.nextTick(() => this.read(0))
      }
    } else if (NodeErrors.isEnd(exit.cause)) {
      this.push(null)
      // 'end' comes also when nobody reads, unless there is something to be read before
      this.read(0)
    } else {
      this.destroy(NodeErrors.fromCause(exit.cause, "read"))
    }
  }

  // --- writing ---

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#send(chunk, chunk.length, callback)
  }

  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, callback: Callback): void {
    const pieces: Array<Uint8Array> = []
    let length = 0
    for (const { chunk } of chunks) {
      pieces.push(chunk)
      length += chunk.length
    }
    this.#send(pieces, length, callback)
  }

  override _final(callback: Callback): void {
    this.#output(this.#socket.shutdown("send"), "shutdown", 0, callback)
  }

  #send(payload: Uint8Array | ReadonlyArray<Uint8Array>, length: number, callback: Callback): void {
    this.#timer?.refresh()
    this.#output(this.#socket.send(payload), "write", length, callback)
  }

  // Node has one of these under way at most
  #output(effect: Effect.Effect<void, WinsockError>, syscall: Syscall, length: number, callback: Callback): void {
    const fiber = (this.#writing = this.#fork(effect))
    fiber.addObserver((exit) => {
      this.#writing = undefined
      if (Exit.isSuccess(exit)) {
        this.#bytesSent += length
        this.#timer?.refresh()
        callback()
      } else if (syscall === "shutdown" && NodeErrors.isGone(exit.cause)) {
        callback()
      } else {
        if (syscall === "write" && Cause.hasInterrupts(exit.cause)) this.#torn = true
        callback(NodeErrors.fromCause(exit.cause, syscall))
      }
    })
  }

  // --- ending ---

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#lifetime.end(this.#fork, () => callback(error))
  }

  /** The first finalizer: no fiber of its own uses the connection after it. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.destroy()
    const fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown> | undefined> = [this.#reading, this.#writing]
    const interrupt = Fiber.interruptAll(fibers.filter((fiber) => fiber !== undefined))
    return this.#reset ? Effect.andThen(this.#socket.abort, interrupt) : interrupt
  })

  /** Ends a connection that is not its own to close. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() =>
    this.#torn ? this.#socket.abort : this.writableFinished ? Effect.void : Effect.ignore(this.#socket.shutdown("both"))
  )

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  resetAndDestroy(): this {
    this.#reset = true
    return this.destroy()
  }

  // --- what else a net.Socket has ---

  get pending(): boolean {
    return this.destroyed
  }

  get readyState(): "open" | "readOnly" | "writeOnly" | "closed" {
    return this.readable ? (this.writable ? "open" : "readOnly") : this.writable ? "writeOnly" : "closed"
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesWritten(): number {
    return this.#bytesSent + this.writableLength
  }

  get remoteAddress(): string {
    return NetAddress.formatIp(this.#socket.remoteAddress.address)
  }

  get remotePort(): number {
    return this.#socket.remoteAddress.port
  }

  get remoteFamily(): "IPv4" | "IPv6" {
    return familyOf(this.#socket.remoteAddress)
  }

  get localAddress(): string {
    return NetAddress.formatIp(this.#socket.localAddress.address)
  }

  get localPort(): number {
    return this.#socket.localAddress.port
  }

  get localFamily(): "IPv4" | "IPv6" {
    return familyOf(this.#socket.localAddress)
  }

  address(): AddressInfo {
    return { address: this.localAddress, family: this.localFamily, port: this.localPort }
  }

  setNoDelay(noDelay = true): this {
    return this.#configure(this.#socket.setNoDelay(noDelay))
  }

  setKeepAlive(enable = false, initialDelay = 0): this {
    return this.#configure(
      this.#socket.setKeepAlive(enable && initialDelay > 0 ? { time: initialDelay, interval: probeInterval } : enable)
    )
  }

  // what a system refuses is ignored, as node:net does
  #configure(effect: Effect.Effect<void, WinsockError>): this {
    if (!this.destroyed) this.#fork(effect)
    return this
  }

  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this
    this.timeout = milliseconds
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (milliseconds > 0) {
      this.#timer = setTimeout(() => this.emit("timeout"), milliseconds).unref()
      if (callback !== undefined) this.once("timeout", callback)
    } else if (callback !== undefined) {
      this.removeListener("timeout", callback)
    }
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}
