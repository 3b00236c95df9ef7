/**
 * The cheapest ws2_32 there can be: one piece of memory, sockets as rings of pending receives, a port as a ring of
 * packets. It checks nothing and copies what a kernel would, so that what is left of a measurement is the engine's.
 */
import type { Calls, Extensions, Handle, Host, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import { functions } from "@effect-winsock/core/Signatures"
import { AF_INET, SOCKET_ERROR } from "@effect-winsock/schema/Flags"
import { SIO_GET_EXTENSION_FUNCTION_POINTER } from "@effect-winsock/schema/Ioctls"
import { STATUS_CANCELLED } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED, OVERLAPPED_ENTRY, WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import {
  ERROR_NOT_FOUND,
  WAIT_TIMEOUT,
  WSA_IO_PENDING,
  WSAEOPNOTSUPP,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import type { Machine } from "./rig.ts"
import { payloadSize } from "./rig.ts"

/** As high as real addresses are: they fit no small integer. */
const base = 0x0200_0000_0000
const memorySize = 16 << 20
const ringSize = 4096
const high = 0x1_0000_0000
const firstUdpPort = 50_000

/** Numbers, first in first out. */
class Ring {
  private readonly items = new Float64Array(ringSize)
  private head = 0
  private tail = 0

  get length(): number {
    return this.tail - this.head
  }

  push(item: number): void {
    if (this.length === ringSize) throw new RangeError("the fake kernel's ring is full")
    this.items[this.tail++ & (ringSize - 1)] = item
  }

  shift(): number {
    return this.items[this.head++ & (ringSize - 1)]
  }

  /** Removes one, looked for from the newest on. */
  remove(item: number): boolean {
    for (let i = this.tail - 1; i >= this.head; i--) {
      if (this.items[i & (ringSize - 1)] !== item) continue
      for (; i + 1 < this.tail; i++) this.items[i & (ringSize - 1)] = this.items[(i + 1) & (ringSize - 1)]
      this.tail--
      return true
    }
    return false
  }
}

class FakeSocket {
  key = 0
  /** Datagrams that nobody has received. */
  queued = 0
  /** The OVERLAPPEDs of pending receives; a WSAMSG lies at the same distance behind each. */
  readonly pending = new Ring()
  distance = 0
}

// a host of one's own comes with the rig
const noHost: Host = {
  schedule: () => () => {},
  keepAlive: () => {},
  onExit: () => () => {},
  pollInterval: 0
}

export const make = (): Machine => {
  const bytes = new Uint8Array(memorySize)
  const view = new DataView(bytes.buffer)
  const msg = WSAMSG.offsets.x64
  const buf = WSABUF.offsets.x64
  const overlappedAt = OVERLAPPED.offsets.x64
  const entry = OVERLAPPED_ENTRY.offsets.x64
  const entrySize = OVERLAPPED_ENTRY.size.x64
  const counts = { receive: 0, send: 0, dequeue: 0, cancel: 0 }
  // no handle is 0
  const sockets = [new FakeSocket()]
  const ports: Array<{ readonly keys: Ring; readonly packets: Ring; waiting: (() => void) | undefined }> = []
  let used = 4096
  let lastError = 0

  const read = (at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * high - base
  const fail = (code: number): number => {
    lastError = code
    return SOCKET_ERROR
  }
  // handles are multiples of four, as the system's are
  const socketOf = (handle: number): FakeSocket => sockets[handle >> 3]
  const portOf = (handle: number) => ports[handle >> 3]
  const portOfSocket: Array<(typeof ports)[number]> = []

  const queue = (port: (typeof ports)[number], key: number, overlapped: number): void => {
    port.keys.push(key)
    port.packets.push(overlapped)
    port.waiting?.()
  }

  const complete = (index: number, overlapped: number, status: number, size: number): void => {
    const at = overlapped - base
    view.setUint32(at + overlappedAt.Internal, status, true)
    view.setUint32(at + overlappedAt.InternalHigh, size, true)
    queue(portOfSocket[index], sockets[index].key, overlapped)
  }

  // the one datagram there is: zeros from 127.0.0.1:4660
  const fill = (message: number): void => {
    const at = message - base
    const to = read(read(at + msg.lpBuffers) + buf.buf)
    bytes.copyWithin(to, 0, payloadSize)
    const name = read(at + msg.name)
    view.setUint16(name, AF_INET, true)
    view.setUint16(name + 2, 4660, false)
    view.setUint32(name + 4, 0x7f00_0001, false)
    view.setInt32(at + msg.namelen, 16, true)
    view.setUint32(at + msg.Control.len, 0, true)
    view.setUint32(at + msg.dwFlags, 0, true)
  }

  const dequeue = (port: number, to: number, count: number, removed: number): number => {
    const { keys, packets } = portOf(port)
    const n = Math.min(packets.length, count)
    for (let i = 0; i < n; i++) {
      const at = to - base + i * entrySize
      const overlapped = packets.shift()
      view.setUint32(at + entry.lpCompletionKey, keys.shift(), true)
      view.setUint32(at + entry.lpOverlapped, overlapped % high, true)
      view.setUint32(at + entry.lpOverlapped + 4, Math.floor(overlapped / high), true)
    }
    view.setUint32(removed - base, n, true)
    if (n > 0) return 1
    lastError = WAIT_TIMEOUT
    return 0
  }

  const unsupported = (): number => fail(WSAEOPNOTSUPP)
  const calls: { [K in keyof Calls]?: Calls[K] } = {
    ...(Object.fromEntries(Object.keys(functions).map((name) => [name, unsupported])) as unknown as Calls),
    WSAStartup: (version, data) => {
      view.setUint16(data - base, version, true)
      return 0
    },
    WSACleanup: () => 0,
    WSAGetLastError: () => lastError,
    WSASetLastError: (code) => {
      lastError = code
    },
    WSASocketW: () => {
      sockets.push(new FakeSocket())
      return ((sockets.length - 1) << 3) as SocketHandle
    },
    closesocket: () => 0,
    bind: () => 0,
    getsockname: (socket, name, length) => {
      view.setUint16(name - base, AF_INET, true)
      view.setUint16(name - base + 2, firstUdpPort + (socket >> 3), false)
      view.setUint32(name - base + 4, 0x7f00_0001, false)
      view.setInt32(length - base, 16, true)
      return 0
    },
    setsockopt: () => 0,
    ioctlsocket: () => 0,
    WSAIoctl: (_socket, code) => (code === SIO_GET_EXTENSION_FUNCTION_POINTER ? 0 : unsupported()),
    CreateIoCompletionPort: (socket, port, key) => {
      if (port === 0) {
        ports.push({ keys: new Ring(), packets: new Ring(), waiting: undefined })
        return (((ports.length - 1) << 3) | 4) as Handle
      }
      socketOf(socket).key = key
      portOfSocket[socket >> 3] = portOf(port)
      return port as Handle
    },
    GetQueuedCompletionStatusEx: (port, entries, count, removed) => {
      counts.dequeue++
      return dequeue(port, entries, count, removed)
    },
    PostQueuedCompletionStatus: (port, _bytes, key, overlapped) => {
      queue(portOf(port), key, overlapped)
      return 1
    },
    CancelIoEx: (handle, overlapped) => {
      counts.cancel++
      const { pending } = socketOf(handle)
      const index = handle >> 3
      if (overlapped === 0) {
        while (pending.length > 0) complete(index, pending.shift(), STATUS_CANCELLED, 0)
        return 1
      }
      if (!pending.remove(overlapped)) {
        lastError = ERROR_NOT_FOUND
        return 0
      }
      complete(index, overlapped, STATUS_CANCELLED, 0)
      return 1
    },
    CloseHandle: () => 1
  }

  const extensions: Pick<Extensions, "WSARecvMsg" | "WSASendMsg"> = {
    WSARecvMsg: (handle, message, size, overlapped) => {
      counts.receive++
      const socket = socketOf(handle)
      if (socket.queued > 0) {
        socket.queued--
        fill(message)
        if (size !== 0) view.setUint32(size - base, payloadSize, true)
        if (overlapped !== 0) complete(handle >> 3, overlapped, 0, payloadSize)
        return 0
      }
      if (overlapped === 0) return fail(WSAEWOULDBLOCK)
      socket.distance = message - overlapped
      socket.pending.push(overlapped)
      return fail(WSA_IO_PENDING)
    },
    WSASendMsg: (_handle, message, _flags, size) => {
      counts.send++
      const buffer = read(message - base + msg.lpBuffers)
      const length = view.getUint32(buffer + buf.len, true)
      bytes.copyWithin(64, read(buffer + buf.buf), read(buffer + buf.buf) + Math.min(length, payloadSize))
      view.setUint32(size - base, length, true)
      return 0
    }
  }

  const seam: Seam = {
    name: "fake",
    abi: "x64",
    memory: {
      alloc: (size) => {
        const at = (used + 15) & ~15
        if (at + size > memorySize) throw new RangeError("the fake kernel has no more memory")
        used = at + size
        return {
          address: base + at,
          size,
          bytes: new Uint8Array(bytes.buffer, at, size),
          view: new DataView(bytes.buffer, at, size)
        }
      },
      free: () => {}
    },
    calls: calls as Calls,
    bind: (name) => extensions[name as keyof typeof extensions] as any,
    // never run: what is measured completes by the port
    routine: () => ({ address: 0x1000, release: () => {} }),
    offThread: (_name, args, done) => {
      const [handle, to, count, removed] = args as ReadonlyArray<number>
      const port = portOf(handle)
      const answer = (): void => {
        if (port.packets.length === 0) return
        port.waiting = undefined
        setImmediate(() => (done as (result: number, code: number) => void)(dequeue(handle, to, count, removed), 0))
      }
      port.waiting = answer
      answer()
    },
    host: noHost
  }

  return {
    seam,
    counts,
    sink: NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 4660),
    // arrivals are seen when the call returns
    deliver: (udpPort, n) => {
      const index = udpPort - firstUdpPort
      const socket = sockets[index]
      const now = Math.min(n, socket.pending.length)
      for (let i = 0; i < now; i++) {
        const overlapped = socket.pending.shift()
        fill(overlapped + socket.distance)
        complete(index, overlapped, 0, payloadSize)
      }
      socket.queued += n - now
    }
  }
}
