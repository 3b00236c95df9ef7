/**
 * A connection of the library's, and its other end as plain calls: it does just what a test tells it, reads nothing by
 * itself, and resets when it is told to. Its calls go past the rig's handles. All of it on the JS thread, without
 * waiting in any call: what is not ready yet is looked at again in a later turn of the event loop.
 */
import type { Block, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import type { Options, TcpSocket } from "@effect-winsock/core/TcpSocket"
import { EngineKey } from "@effect-winsock/core/Winsock"
import { WinsockError } from "@effect-winsock/core/WinsockError"
import {
  AF_INET,
  AF_UNIX,
  IPPROTO_TCP,
  MSG_OOB,
  SD_SEND,
  SOCK_STREAM,
  SOL_SOCKET,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import { SO_LINGER, SO_RCVBUF } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSABUF } from "@effect-winsock/schema/Structs"
import { writePointer } from "@effect-winsock/schema/Layout"
import { WSAECONNABORTED, WSAECONNRESET, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import { attach, configure, makeSocket } from "../../packages/core/src/internal/tcpOpen.ts"
import { checkConnect } from "../../packages/core/src/internal/tcpOptions.ts"
import { Connection } from "../../packages/core/src/internal/tcpSocket.ts"
import type { Rig } from "./rig.ts"
import { layerName, loopback } from "./rig.ts"

/** How long a test waits for what must come; a bound on what hangs, not a measure. */
const patience = 20_000
const room = 64 * 1024

/** Looks again in every turn of the event loop until there is an answer. */
export const poll = <A>(what: string, look: () => A | undefined): Effect.Effect<A> =>
  Effect.suspend(() => {
    const end = performance.now() + patience
    const again: Effect.Effect<A> = Effect.suspend(() => {
      const found = look()
      if (found !== undefined) return Effect.succeed(found)
      if (performance.now() > end) return Effect.die(new Error(`it did not happen: ${what}`))
      return Effect.flatMap(Effect.yieldNow, () => again)
    })
    return again
  })

/** Waits until something holds. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(poll(what, () => (holds() ? true : undefined)))

/** How a connection was seen to end. */
export type End = "fin" | "reset"

/** The other end, as plain calls. */
export class Peer {
  socket: SocketHandle | -1
  private readonly seam: Seam
  private readonly block: Block
  // of what was read, behind the room for it: a WSABUF, a count and flags
  private readonly at: number

  constructor(seam: Seam, socket: SocketHandle) {
    this.seam = seam
    this.socket = socket
    this.block = seam.memory.alloc(room + 512)
    // its own: it outlives the layer
    assert.strictEqual(seam.calls.WSAStartup(0x0202, this.block.address), 0)
    this.at = room
  }

  private buffer(length: number): void {
    const { abi } = this.seam
    const { address, view } = this.block
    const offsets = WSABUF.offsets[abi]
    view.setUint32(this.at + offsets.len, length, true)
    writePointer(abi, view, this.at + offsets.buf, address)
    view.setUint32(this.at + 32, 0, true)
    view.setUint32(this.at + 36, 0, true)
  }

  /** Sends what finds room now: how much. */
  sendSome(bytes: Uint8Array, flags = 0): number {
    const { address, bytes: memory, view } = this.block
    const length = Math.min(bytes.length, room)
    memory.set(bytes.subarray(0, length), 0)
    this.buffer(length)
    const { calls } = this.seam
    const rc = calls.WSASend(this.socket as SocketHandle, address + this.at, 1, address + this.at + 32, flags, 0, 0)
    if (rc === 0) return view.getUint32(this.at + 32, true)
    assert.strictEqual(calls.WSAGetLastError(), WSAEWOULDBLOCK, "the peer's send")
    return 0
  }

  readonly send = (bytes: Uint8Array): Effect.Effect<void> =>
    Effect.suspend(() => {
      let done = 0
      return until("the peer's send", () => {
        while (done < bytes.length) {
          const count = this.sendSome(bytes.subarray(done))
          if (count === 0) return false
          done += count
        }
        return true
      })
    })

  /** Sends one byte of urgent data. */
  readonly sendUrgent = (byte: number): Effect.Effect<void> =>
    until("the peer's urgent send", () => this.sendSome(Uint8Array.of(byte), MSG_OOB) === 1)

  /** Reads what there is now, at most `most` bytes: `undefined` for nothing yet. */
  readSome(most: number): Uint8Array | End | undefined {
    const { address, bytes, view } = this.block
    this.buffer(Math.min(most, room))
    const { calls } = this.seam
    const at = address + this.at
    if (calls.WSARecv(this.socket as SocketHandle, at, 1, at + 32, at + 36, 0, 0) === 0) {
      const count = view.getUint32(this.at + 32, true)
      return count === 0 ? "fin" : bytes.slice(0, count)
    }
    const code = calls.WSAGetLastError()
    if (code === WSAEWOULDBLOCK) return undefined
    assert.include([WSAECONNRESET, WSAECONNABORTED], code, "the peer's receive")
    return "reset"
  }

  /** Reads exactly so many bytes. */
  readonly read = (length: number): Effect.Effect<Uint8Array> =>
    Effect.flatMap(this.collect(length), ({ bytes, end }) => {
      assert.isUndefined(end, `the peer's connection ended after ${bytes.length} of ${length} bytes`)
      return Effect.succeed(bytes)
    })

  /** Reads to the end. */
  readonly readAll: Effect.Effect<{ readonly bytes: Uint8Array; readonly end: End }> = Effect.suspend(() =>
    Effect.map(this.collect(Number.POSITIVE_INFINITY), ({ bytes, end }) => ({ bytes, end: end! }))
  )

  private collect(most: number): Effect.Effect<{ readonly bytes: Uint8Array; readonly end: End | undefined }> {
    return Effect.suspend(() => {
      const chunks: Array<Uint8Array> = []
      let length = 0
      return poll(`the peer's receive of ${most} bytes`, () => {
        for (;;) {
          if (length === most) return { bytes: join(chunks, length), end: undefined }
          const some = this.readSome(most - length)
          if (some === undefined) return undefined
          if (typeof some === "string") return { bytes: join(chunks, length), end: some }
          chunks.push(some)
          length += some.length
        }
      })
    })
  }

  /** Ends its side. */
  readonly fin: Effect.Effect<void> = Effect.sync(() => {
    this.seam.calls.shutdown(this.socket as SocketHandle, SD_SEND)
  })

  /** Resets the connection. */
  readonly reset: Effect.Effect<void> = Effect.sync(() => {
    // l_onoff 1, l_linger 0
    this.block.view.setUint32(0, 1, true)
    this.seam.calls.setsockopt(this.socket as SocketHandle, SOL_SOCKET, SO_LINGER, this.block.address, 4)
    this.close()
  })

  close(): void {
    if (this.socket !== -1) this.seam.calls.closesocket(this.socket)
    this.socket = -1
  }

  dispose(): void {
    this.close()
    this.seam.calls.WSACleanup()
    this.seam.memory.free(this.block)
  }
}

const join = (chunks: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const joined = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.length
  }
  return joined
}

export interface Pair {
  readonly socket: TcpSocket
  readonly peer: Peer
}

export interface PairOptions extends Options {
  /** The peer's receive buffer. */
  readonly peerBuffer?: number
}

/** What the pairs of a test file are made of: TCP, unless it says otherwise before its first test. */
export const transport: { family: typeof AF_INET | typeof AF_UNIX } = { family: AF_INET }

let paths = 0

/** Where the next listener listens. */
const somewhere = (): NetAddress.SocketAddress =>
  transport.family === AF_UNIX ? NetAddress.unixPathAddress(`C:\\peers\\${++paths}.sock`) : loopback

const plainSocket = (seam: Seam, block: Block): SocketHandle => {
  const { family } = transport
  const protocol = family === AF_UNIX ? 0 : IPPROTO_TCP
  const socket = seam.calls.WSASocketW(family, SOCK_STREAM, protocol, 0, 0, WSA_FLAG_OVERLAPPED)
  assert.notStrictEqual(socket, -1)
  block.view.setUint32(0, 1, true)
  assert.strictEqual(seam.calls.ioctlsocket(socket, FIONBIO, block.address), 0)
  return socket
}

/** A listener at an address of its own, whose SOCKET and memory the scope gives back. */
const listener = (seam: Seam, peerBuffer: number | undefined) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const block = seam.memory.alloc(256)
      const socket = plainSocket(seam, block)
      if (peerBuffer !== undefined) {
        block.view.setUint32(0, peerBuffer, true)
        assert.strictEqual(seam.calls.setsockopt(socket, SOL_SOCKET, SO_RCVBUF, block.address, 4), 0)
      }
      const length = SockAddr.write(block.view, 0, somewhere())
      assert.strictEqual(seam.calls.bind(socket, block.address, length), 0)
      assert.strictEqual(seam.calls.listen(socket, 4), 0)
      block.view.setInt32(128, 128, true)
      assert.strictEqual(seam.calls.getsockname(socket, block.address, block.address + 128), 0)
      const name = SockAddr.read(block.view, 0, block.view.getInt32(128, true))
      if (name._tag !== "Inet" && name._tag !== "Unix") return assert.fail(name._tag)
      return { socket, block, address: name.address }
    }),
    ({ block, socket }) =>
      Effect.sync(() => {
        seam.calls.closesocket(socket)
        seam.memory.free(block)
      })
  )

/** Makes a connection and its other end, which the scope closes: the connection as it closes any, then the peer. */
export const pair = (rig: Rig, options: PairOptions = {}): Effect.Effect<Pair, WinsockError, Scope.Scope> =>
  Effect.gen(function* () {
    const { peerBuffer, ...given } = options
    const checked = checkConnect(given)
    if (checked instanceof WinsockError) return yield* Effect.fail(checked)
    const engine = rig.winsock[EngineKey]
    const seam = rig.bare
    const peer = yield* Effect.acquireRelease(
      Effect.sync(() => new Peer(seam, -1 as SocketHandle)),
      (peer) => Effect.sync(() => peer.dispose())
    )
    const socket = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const made = makeSocket(engine, transport.family)
        if (made instanceof WinsockError) return Effect.fail(made)
        configure(made.on, checked.stream)
        const stream = attach(engine, made, checked.stream)
        return stream instanceof WinsockError ? Effect.fail(stream) : Effect.succeed(stream)
      }),
      (stream) => Effect.callback<void>((resume) => stream.close(() => resume(Effect.void)))
    )
    yield* Effect.scoped(
      Effect.gen(function* () {
        const { address, block, socket: listening } = yield* listener(seam, peerBuffer)
        const { on } = socket
        if (!on.connect(address)) assert.strictEqual(engine.calls.WSAGetLastError(), WSAEWOULDBLOCK)
        peer.socket = yield* poll("an accepted connection", () => {
          const accepted = seam.calls.accept(listening, 0, 0)
          return (accepted as number) === -1 ? undefined : accepted
        })
        block.view.setUint32(0, 1, true)
        assert.strictEqual(seam.calls.ioctlsocket(peer.socket as SocketHandle, FIONBIO, block.address), 0)
      })
    )
    const named = (name: ReturnType<typeof SockAddr.read>) => ("address" in name ? name.address : undefined)
    const remote = yield* poll("a connection", () => socket.on.address("getpeername", named))
    socket.accepted(new Uint8Array(0))
    rig.recorder.clear()
    // the laws are the stream's, whatever its ends are called
    const ends = [socket.on.address("getsockname", named)!, remote].map((end) =>
      NetAddress.isInetAddress(end) ? end : loopback
    )
    return { socket: new Connection(socket, ends[0], ends[1]), peer }
  })

/**
 * Fails unless the library has reset its connection. Wine's peer may read the error away before it asks, and find the
 * end of the stream: then the calls must do.
 */
export const assertReset = ({ recorder }: Rig, end: End | undefined): void => {
  const lingers = recorder.of("setsockopt", ({ args }) => args.optname === SO_LINGER)
  assert.strictEqual(lingers.length, 1, "SO_LINGER is set once")
  const closed = recorder.of("closesocket", ({ args }) => args.s === lingers[0].args.s)
  assert.isTrue(closed.length === 1 && closed[0].sequence > lingers[0].sequence)
  assert.strictEqual(recorder.count("shutdown"), 0, "its side is not ended")
  if (layerName === "mock") assert.strictEqual(end, "reset")
}

/** The engine's own stream of a connection. */
export const internalOf = (socket: TcpSocket) => (socket as Connection).internal

/** Bytes that differ at every place that counts: the same for the same place in a stream. */
export const stretch = (from: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const at = from + i
    bytes[i] = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
  }
  return bytes
}

/** Fails where bytes are not those of the stretch that begins at `from`; much quicker than a comparison by assertion. */
export const assertStretch = (bytes: Uint8Array, from: number, what = "the bytes"): void => {
  for (let i = 0; i < bytes.length; i++) {
    const at = from + i
    const expected = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
    if (bytes[i] !== expected) assert.fail(`${what} at ${at}: ${bytes[i]}, not ${expected}`)
  }
}
