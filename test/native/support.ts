// What tests of the raw seam share. Sockets, ports and blocks end with the scope.
import type { Block, Extensions, Handle, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export const ERROR_INVALID_HANDLE = 6
export const WAIT_TIMEOUT = 258
export const WSA_IO_PENDING = 997
export const ERROR_NOT_FOUND = 1168
export const WSAENOTSOCK = 10038
export const WSAEWOULDBLOCK = 10035
export const STATUS_PENDING = 0x103
export const STATUS_CANCELLED = 0xc0000120

const AF_INET = 2
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const WSA_FLAG_OVERLAPPED = 0x01
const WSA_FLAG_NO_HANDLE_INHERIT = 0x80
const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc8000006

// mswsock.h
const guids: Record<ExtensionName, string> = {
  WSARecvMsg: "f689d7c8-6f1f-436b-8a53-e54fe351c322",
  WSASendMsg: "a441e712-754f-43ca-84a7-0dee44cf606d",
  AcceptEx: "b5367df1-cbac-11cf-95ca-00805f48a192",
  GetAcceptExSockaddrs: "b5367df2-cbac-11cf-95ca-00805f48a192",
  ConnectEx: "25a207b9-ddf3-4660-8ee9-76e58c74063e",
  DisconnectEx: "7fda2e11-8630-436f-a031-f536a6eec157",
  TransmitFile: "b5367df0-cbac-11cf-95ca-00805f48a192"
}

const writeGuid = (view: DataView, at: number, guid: string): void => {
  const hex = guid.replaceAll("-", "")
  view.setUint32(at, Number.parseInt(hex.slice(0, 8), 16), true)
  view.setUint16(at + 4, Number.parseInt(hex.slice(8, 12), 16), true)
  view.setUint16(at + 6, Number.parseInt(hex.slice(12, 16), 16), true)
  for (let i = 8; i < 16; i++) view.setUint8(at + i, Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

/** Stops the test where a call that should succeed does not. */
export const succeeds = (seam: Seam, what: string, ok: boolean): void => {
  if (!ok) throw new Error(`${what} failed with ${seam.calls.WSAGetLastError()}`)
}

export const block = (seam: Seam, size: number): Effect.Effect<Block, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => seam.memory.alloc(size)),
    (b) => Effect.sync(() => seam.memory.free(b))
  )

/** The native seam between WSAStartup and WSACleanup. */
export const started = Effect.gen(function* () {
  const seam = yield* NativeWinsock.seam
  const data = yield* block(seam, 512)
  yield* Effect.acquireRelease(
    Effect.sync(() => succeeds(seam, "WSAStartup", seam.calls.WSAStartup(0x0202, data.address) === 0)),
    () => Effect.sync(() => succeeds(seam, "WSACleanup", seam.calls.WSACleanup() === 0))
  )
  return seam
})

export const socket = (
  seam: Seam,
  type: "datagram" | "stream" = "datagram"
): Effect.Effect<SocketHandle, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
      const s = seam.calls.WSASocketW(AF_INET, type === "datagram" ? SOCK_DGRAM : SOCK_STREAM, 0, 0, 0, flags)
      succeeds(seam, "WSASocketW", s !== -1)
      return s
    }),
    (s) => Effect.sync(() => succeeds(seam, "closesocket", seam.calls.closesocket(s) === 0))
  )

export const completionPort = (seam: Seam): Effect.Effect<Handle, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const port = seam.calls.CreateIoCompletionPort(-1, 0, 0, 2)
      succeeds(seam, "CreateIoCompletionPort", port !== 0)
      return port
    }),
    (port) => Effect.sync(() => succeeds(seam, "CloseHandle", seam.calls.CloseHandle(port) !== 0))
  )

/** Binds to 127.0.0.1 and a port of the system's choice, and returns a block with that address. */
export const bindLoopback = (seam: Seam, s: SocketHandle): Effect.Effect<Block, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = yield* block(seam, 16)
    const length = yield* block(seam, 4)
    const sin = Structs.SOCKADDR_IN.view(seam.abi, address.view, 0)
    sin.sin_family = AF_INET
    sin.sin_addr = 0x7f000001
    length.view.setInt32(0, 16, true)
    succeeds(seam, "bind", seam.calls.bind(s, address.address, 16) === 0)
    succeeds(seam, "getsockname", seam.calls.getsockname(s, address.address, length.address) === 0)
    return address
  })

/** Asks the socket's provider where an extension function is. */
export const extensionAddress = (
  seam: Seam,
  s: SocketHandle,
  name: ExtensionName
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const io = yield* block(seam, 32)
    writeGuid(io.view, 0, guids[name])
    const { address } = io
    const code = SIO_GET_EXTENSION_FUNCTION_POINTER
    const rc = seam.calls.WSAIoctl(s, code, address, 16, address + 16, 8, address + 24, 0, 0)
    succeeds(seam, `WSAIoctl for ${name}`, rc === 0)
    return Layout.readPointer(seam.abi, io.view, 16)
  })

export const extension = <K extends ExtensionName>(
  seam: Seam,
  s: SocketHandle,
  name: K
): Effect.Effect<Extensions[K], never, Scope.Scope> =>
  Effect.map(extensionAddress(seam, s, name), (address) => seam.bind(name, address))

export interface Packet {
  readonly key: number
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
}

const maxPackets = 8

/** A block with the entries that GetQueuedCompletionStatusEx fills, and their number behind them. */
export interface Entries {
  readonly entries: number
  readonly removed: number
  /** The arguments to wait at most `timeout` milliseconds, not alertably. */
  readonly args: (
    port: Handle,
    timeout: number
  ) => [port: Handle, entries: number, count: number, removed: number, timeout: number, alertable: number]
  readonly packets: () => ReadonlyArray<Packet>
}

export const entries = (seam: Seam): Effect.Effect<Entries, never, Scope.Scope> => {
  const stride = Structs.OVERLAPPED_ENTRY.size[seam.abi]
  return Effect.map(block(seam, maxPackets * stride + 4), (b) => {
    const removed = b.address + maxPackets * stride
    return {
      entries: b.address,
      removed,
      args: (port, timeout) => [port, b.address, maxPackets, removed, timeout, 0],
      packets: () =>
        Array.from({ length: b.view.getUint32(maxPackets * stride, true) }, (_, i) => {
          const entry = Structs.OVERLAPPED_ENTRY.view(seam.abi, b.view, i * stride)
          return {
            key: entry.lpCompletionKey,
            overlapped: entry.lpOverlapped,
            status: entry.Internal,
            bytes: entry.dwNumberOfBytesTransferred
          }
        })
    }
  })
}

/** An overlapped message: OVERLAPPED, WSAMSG, WSABUF, address, control data and payload in one block. */
export interface Message {
  readonly overlapped: number
  readonly msg: number
  readonly payload: Uint8Array
  readonly status: () => number
  readonly message: Layout.View<typeof Structs.WSAMSG.fields>
  readonly from: Layout.View<typeof Structs.SOCKADDR_IN.fields>
  readonly control: DataView
  readonly controlAddress: number
}

/** Makes a call off the JS thread. */
export const offThread = <K extends FunctionName>(
  seam: Seam,
  name: K,
  args: Parameters<Seam["calls"][K]>
): Effect.Effect<{ readonly result: ReturnType<Seam["calls"][K]>; readonly lastError: number }> =>
  Effect.callback((resume) => {
    seam.offThread(name, args, (result, lastError) => resume(Effect.succeed({ result, lastError })))
  })

export const message = (seam: Seam, capacity: number): Effect.Effect<Message, never, Scope.Scope> => {
  const { abi } = seam
  const at = { overlapped: 0, msg: 32, buffer: 96, name: 112, control: 144, payload: 272 }
  return Effect.map(block(seam, at.payload + capacity), (b) => {
    const overlapped = Structs.OVERLAPPED.view(abi, b.view, at.overlapped)
    const msg = Structs.WSAMSG.view(abi, b.view, at.msg)
    const buffer = Structs.WSABUF.view(abi, b.view, at.buffer)
    buffer.len = capacity
    buffer.buf = b.address + at.payload
    msg.name = b.address + at.name
    msg.namelen = 16
    msg.lpBuffers = b.address + at.buffer
    msg.dwBufferCount = 1
    return {
      overlapped: b.address + at.overlapped,
      msg: b.address + at.msg,
      payload: b.bytes.subarray(at.payload),
      status: () => overlapped.Internal,
      message: msg,
      from: Structs.SOCKADDR_IN.view(abi, b.view, at.name),
      control: new DataView(b.view.buffer, at.control, 128),
      controlAddress: b.address + at.control
    }
  })
}
