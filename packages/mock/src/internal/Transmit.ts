/**
 * TransmitFile: a send whose bytes are memory, a part of a file, and memory again.
 */
import { TF_DISCONNECT, TF_REUSE_SOCKET } from "@effect-winsock/schema/Flags"
import { OVERLAPPED, TRANSMIT_FILE_BUFFERS } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Disconnecting from "./Disconnecting.ts"
import { type FileObject, fileOf } from "./Files.ts"
import type { Kernel } from "./Kernel.ts"
import type { MockMemory } from "./Memory.ts"
import { Operation } from "./Operation.ts"
import type { Socket } from "./Socket.ts"
import * as TcpSend from "./TcpSend.ts"
import type { TcpSocket } from "./TcpSocket.ts"

// "The maximum number of bytes that can be transmitted using a single call"
const most = 2_147_483_646
// TF_WRITE_BEHIND, TF_USE_SYSTEM_THREAD and TF_USE_KERNEL_APC say how, not what
const knownFlags = 0x37
// what is read of a file at once where the caller does not say
const defaultPiece = 65_536

interface Part {
  readonly size: number
  readonly read: (from: number, size: number) => Uint8Array
}

class TransmitOperation extends Operation {
  private readonly parts: ReadonlyArray<Part>
  private readonly memory: ReadonlyArray<readonly [what: string, address: number, size: number]>
  constructor(
    socket: Socket,
    parts: ReadonlyArray<Part>,
    memory: ReadonlyArray<readonly [what: string, address: number, size: number]>
  ) {
    super(socket)
    this.kind = "send"
    this.parts = parts
    this.memory = memory
    for (const { size } of parts) this.capacity += size
  }
  override pull(_kernel: Kernel, from: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size)
    let skip = from
    let at = 0
    for (const part of this.parts) {
      const here = Math.min(part.size - skip, size - at)
      if (here > 0) {
        const read = part.read(skip, here)
        // most pieces lie in one part
        if (here === size) return read
        bytes.set(read, at)
        at += here
      }
      skip = Math.max(0, skip - part.size)
    }
    return bytes
  }
  override ranges(memory: MockMemory, visit: (what: string, address: number, size: number) => void): void {
    super.ranges(memory, visit)
    for (const [what, address, size] of this.memory) visit(what, address, size)
  }
}

export const TransmitFile = (
  kernel: Kernel,
  s: number,
  file: number,
  count: number,
  perSend: number,
  overlapped: number,
  buffers: number,
  flags: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "UDP") return kernel.fail(sdk.WSAENOTCONN)
  const connection = TcpSend.sendable(kernel, socket)
  if (connection === undefined) return 0
  const reuses = (flags & TF_REUSE_SOCKET) !== 0
  const disconnects = (flags & TF_DISCONNECT) !== 0
  if ((flags & ~knownFlags) !== 0 || (reuses && !disconnects) || count > most) return kernel.fail(sdk.WSAEINVAL)
  const operation = prepare(kernel, socket, file, count, overlapped, buffers)
  if (operation === undefined) return 0
  operation.piece = perSend === 0 ? defaultPiece : perSend
  if (disconnects) {
    operation.disconnects = (done) => Disconnecting.afterSend(kernel, socket, done, reuses)
  }
  if (overlapped === 0 || !socket.overlapped) return sendNow(kernel, socket, operation)
  if (!kernel.begin(operation, overlapped, 0)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  operation.state = "pending"
  socket.sends.add(operation)
  const pending = kernel.pend(operation)
  TcpSend.proceed(kernel, socket, connection)
  return pending
}

// what does not go at once would wait
const sendNow = (kernel: Kernel, socket: TcpSocket, operation: Operation): number => {
  const { connection } = socket
  if (!TcpSend.sendWhole(kernel, socket, connection!, operation)) {
    return socket.nonBlocking ? kernel.fail(sdk.WSAEWOULDBLOCK) : kernel.wouldWait(sdk.WSAEINTR)
  }
  if (operation.disconnects !== undefined) Disconnecting.endSending(socket, connection!)
  return 1
}

const prepare = (
  kernel: Kernel,
  socket: TcpSocket,
  handle: number,
  count: number,
  overlapped: number,
  buffers: number
): TransmitOperation | undefined => {
  const { memory } = kernel
  const parts: Array<Part> = []
  const ranges: Array<readonly [string, number, number]> = []
  const addMemory = (what: string, address: number, size: number): void => {
    if (size === 0) return
    memory.locate(address, size)
    ranges.push([what, address, size])
    parts.push({ size, read: (from, length) => memory.copy(address + from, length) })
  }
  const at = TRANSMIT_FILE_BUFFERS.offsets[memory.abi]
  if (buffers !== 0) addMemory("head", memory.pointer(buffers + at.Head), memory.u32(buffers + at.HeadLength))
  if (handle !== 0) {
    const file = fileOf(kernel, handle)
    if (file === undefined) return undefined
    const from = overlapped === 0 ? 0 : offsetOf(kernel, overlapped)
    if (from > file.size) {
      kernel.error = sdk.WSAEINVAL
      return undefined
    }
    const size = count === 0 ? file.size - from : Math.min(count, file.size - from)
    if (size > 0) parts.push(region(file, from, size))
  }
  if (buffers !== 0) addMemory("tail", memory.pointer(buffers + at.Tail), memory.u32(buffers + at.TailLength))
  const operation = new TransmitOperation(socket, parts, ranges)
  if (operation.capacity <= most) return operation
  kernel.error = sdk.WSAEINVAL
  return undefined
}

const region = (file: FileObject, from: number, size: number): Part => ({
  size,
  read: (at, length) => file.read(from + at, length)
})

const offsetOf = (kernel: Kernel, overlapped: number): number => {
  const at = OVERLAPPED.offsets[kernel.memory.abi]
  return kernel.memory.u32(overlapped + at.Offset) + kernel.memory.u32(overlapped + at.OffsetHigh) * 0x1_0000_0000
}
