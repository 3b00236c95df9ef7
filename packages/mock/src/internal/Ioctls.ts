/**
 * WSAIoctl and ioctlsocket.
 */
import { type ExtensionName, extensions } from "@effect-winsock/core/Signatures"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Io from "@effect-winsock/schema/Ioctls"
import { STATUS_NOT_SUPPORTED } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as InterfaceIoctls from "./InterfaceIoctls.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import * as Sockets from "./Sockets.ts"
import * as SmallIoctls from "./SmallIoctls.ts"
import * as TcpIoctls from "./TcpIoctls.ts"
import * as Timestamps from "./Timestamps.ts"
import type { UdpSocket } from "./UdpSocket.ts"
import * as Unix from "./Unix.ts"

const names = Object.keys(extensions) as ReadonlyArray<ExtensionName>
const guidSize = 16
// code addresses lie in a page that holds no block
const firstFunction = 0x1000
const functionSize = 0x40

/** Where an extension function is. */
export const addressOf = (name: ExtensionName): number => firstFunction + names.indexOf(name) * functionSize

const functionByGuid = new Map(names.map((name) => [Guids.extensions[name] as string, name]))

interface Request {
  readonly kernel: Kernel
  readonly socket: AnySocket
  readonly input: number
  readonly inputSize: number
  readonly output: number
  readonly outputSize: number
  readonly bytesAt: number
}

/** Answers with the size of the output, or -1 after making the call fail. */
type Ioctl = (request: Request) => number

const refuse = (kernel: Kernel, code: number): number => {
  kernel.error = code
  return -1
}

const input = (request: Request, size: number): boolean => {
  if (request.input !== 0 && request.inputSize >= size) return true
  request.kernel.error = sdk.WSAEFAULT
  return false
}

const writePointer = (request: Request, value: number): number => {
  const { kernel, output, outputSize } = request
  const size = kernel.memory.pointerSize
  if (output === 0 || outputSize < size) return refuse(kernel, sdk.WSAEFAULT)
  kernel.memory.setPointer(output, value)
  return size
}

const flag =
  (assign: (socket: AnySocket, on: boolean) => void): Ioctl =>
  (request) => {
    if (!input(request, 4)) return -1
    assign(request.socket, request.kernel.memory.u32(request.input) !== 0)
    return 0
  }

const datagramFlag =
  (assign: (socket: UdpSocket, on: boolean) => void): Ioctl =>
  (request) => {
    const { kernel, socket } = request
    if (socket.protocol === "TCP") return refuse(kernel, sdk.WSAEOPNOTSUPP)
    if (!input(request, 4)) return -1
    assign(socket, kernel.memory.u32(request.input) !== 0)
    return 0
  }

const ioctls: { readonly [code: number]: Ioctl } = {
  ...InterfaceIoctls.ioctls,
  [Io.FIONBIO]: flag((socket, on) => {
    socket.nonBlocking = on
  }),
  [Io.SIO_UDP_CONNRESET]: datagramFlag((socket, on) => {
    socket.connectionReset = on
  }),
  [Io.SIO_UDP_NETRESET]: datagramFlag((socket, on) => {
    socket.networkReset = on
  }),
  [Io.SIO_ENABLE_CIRCULAR_QUEUEING]: ({ kernel, socket }) =>
    socket.protocol === "TCP" ? refuse(kernel, sdk.WSAEOPNOTSUPP) : 0,
  [Io.FIONREAD]: (request) => {
    const { kernel, output, outputSize, socket } = request
    if (output === 0 || outputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    // all queued bytes, not the first datagram's
    kernel.memory.setU32(output, socket.queuedBytes)
    return 4
  },
  [Io.SIO_BASE_HANDLE]: (request) => writePointer(request, request.socket.handle),
  [Io.SIO_GET_EXTENSION_FUNCTION_POINTER]: (request) => {
    if (!input(request, guidSize)) return -1
    const { kernel } = request
    const name = functionByGuid.get(Guids.fromBytes(kernel.memory.copy(request.input, guidSize)))
    if (name === undefined || kernel.settings.absentExtensions.includes(name)) return refuse(kernel, sdk.WSAEINVAL)
    return writePointer(request, addressOf(name))
  },
  [Io.SIO_TIMESTAMPING]: Timestamps.configure,
  [Io.SIO_GET_TX_TIMESTAMP]: Timestamps.ask,
  ...SmallIoctls.ioctls
}

const unixIoctls: { readonly [code: number]: Ioctl } = {
  [Io.SIO_AF_UNIX_GETPEERPID]: ({ kernel, output, outputSize, socket }) => {
    if (output === 0 || outputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    if (socket.protocol === "UDP" || socket.connection === undefined || socket.connection.isConnecting) {
      return refuse(kernel, sdk.WSAENOTCONN)
    }
    kernel.memory.setU32(output, Unix.processId)
    return 4
  }
}

/** Control codes by name; a name that none has is a mistake of the test. */
export const ioctlCodes = (names: ReadonlyArray<string>): ReadonlySet<number> =>
  new Set(
    names.map((name) => {
      const code: unknown = (Io as { readonly [name: string]: unknown })[name]
      if (typeof code !== "number") throw new RangeError(`absentIoctls: there is no control code ${name}`)
      return code >>> 0
    })
  )

// streams' own codes are unknown to other sockets
const streamIoctl = (socket: AnySocket, code: number): Ioctl | undefined => {
  if (socket.isUnix) return unixIoctls[code]
  const ioctl = TcpIoctls.ioctls[code]
  return socket.protocol === "UDP" || ioctl === undefined ? undefined : (request) => ioctl({ ...request, socket })
}

// the pages promise that it aborts sends; Windows does not know it
const flush = (kernel: Kernel, code: number): Ioctl | undefined =>
  code === Io.SIO_FLUSH && kernel.settings.flush === "aborts" ? flushSends : undefined

const flushSends: Ioctl = ({ kernel, socket }) => {
  for (let send = socket.sends.first; send !== undefined; send = socket.sends.first) Sockets.abort(kernel, send)
  return 0
}

export const WSAIoctl = (
  kernel: Kernel,
  s: number,
  code: number,
  inputAt: number,
  inputSize: number,
  output: number,
  outputSize: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  // required on overlapped calls too
  if (bytesAt === 0) return kernel.fail(sdk.WSAEFAULT)
  kernel.memory.locate(bytesAt, 4)
  const isOverlapped = overlapped !== 0 && socket.overlapped
  const absent = kernel.settings.absentIoctls.has(code >>> 0)
  const known = flush(kernel, code >>> 0) ?? ioctls[code >>> 0] ?? streamIoctl(socket, code >>> 0)
  const ioctl = absent ? undefined : known
  if (ioctl === undefined) {
    if (!absent && InterfaceIoctls.isWait(code >>> 0)) {
      return InterfaceIoctls.wait(kernel, socket, code >>> 0, inputAt, inputSize, overlapped, routine)
    }
    if (!isOverlapped) return kernel.fail(sdk.WSAEOPNOTSUPP)
    // what no driver knows is found out late
    const operation = kernel.operation("ioctl", socket)
    if (!kernel.begin(operation, overlapped, routine)) return 0
    operation.status = STATUS_NOT_SUPPORTED
    return kernel.pendAndFinish(operation)
  }
  const written = ioctl({ kernel, socket, input: inputAt, inputSize, output, outputSize, bytesAt })
  if (written === -1) return 0
  if (isOverlapped) {
    const operation = kernel.operation("ioctl", socket)
    if (!kernel.begin(operation, overlapped, routine)) return 0
    if (kernel.flip(kernel.settings.readyAnswer, "pending")) {
      operation.bytes = written
      return kernel.pendAndFinish(operation)
    }
    kernel.report(operation, 0, written, !socket.skipsPort)
  }
  kernel.memory.setU32(bytesAt, written)
  return 0
}

/** ioctlsocket takes one number by address, in and out. */
export const ioctlsocket = (kernel: Kernel, s: number, command: number, at: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const code = command >>> 0
  const ioctl = code === Io.SIOCATMARK ? streamIoctl(socket, code) : ioctls[code]
  if (ioctl === undefined || (code !== Io.FIONBIO && code !== Io.FIONREAD && code !== Io.SIOCATMARK)) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  ioctl({ kernel, socket, input: at, inputSize: 4, output: at, outputSize: 4, bytesAt: 0 })
  return 0
}
