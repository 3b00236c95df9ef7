/**
 * Control codes that only tell of a socket, or set what has no effect on the wire.
 */
import { AF_INET } from "@effect-winsock/schema/Flags"
import * as Io from "@effect-winsock/schema/Ioctls"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { AnySocket, Kernel } from "./Kernel.ts"

interface Request {
  readonly kernel: Kernel
  readonly socket: AnySocket
  readonly input: number
  readonly inputSize: number
  readonly output: number
  readonly outputSize: number
}

/** Answers with the size of the output, or -1 after making the call fail. */
type Ioctl = (request: Request) => number

const refuse = (kernel: Kernel, code: number): number => {
  kernel.error = code
  return -1
}

// without layered providers the socket is its own
const ownHandle: Ioctl = ({ kernel, output, outputSize, socket }) => {
  const size = kernel.memory.pointerSize
  if (output === 0 || outputSize < size) return refuse(kernel, sdk.WSAEFAULT)
  kernel.memory.setPointer(output, socket.handle)
  return size
}

const taking =
  (size: number): Ioctl =>
  ({ input, inputSize, kernel }) => {
    if (input === 0 || inputSize < size) return refuse(kernel, sdk.WSAEFAULT)
    kernel.memory.locate(input, size)
    return 0
  }

const sockaddrSize = 16
const affinitySize = 8

export const ioctls: { readonly [code: number]: Ioctl } = {
  [Io.SIO_BSP_HANDLE]: ownHandle,
  [Io.SIO_BSP_HANDLE_SELECT]: ownHandle,
  [Io.SIO_BSP_HANDLE_POLL]: ownHandle,
  // USHORT
  [Io.SIO_CPU_AFFINITY]: taking(2),
  // WSA_COMPATIBILITY_MODE
  [Io.SIO_SET_COMPATIBILITY_MODE]: taking(8),
  [Io.SIO_GET_BROADCAST_ADDRESS]: ({ kernel, output, outputSize, socket }) => {
    // IPv6 has no broadcasts, and streams send none
    if (socket.protocol === "TCP" || socket.v6) return refuse(kernel, sdk.WSAEOPNOTSUPP)
    if (output === 0 || outputSize < sockaddrSize) return refuse(kernel, sdk.WSAEFAULT)
    const { memory } = kernel
    const block = memory.find(output, sockaddrSize)
    const { at } = memory
    block.bytes.fill(0, at, at + sockaddrSize)
    block.view.setUint16(at, AF_INET, true)
    block.view.setUint32(at + 4, 0xffff_ffff, false)
    return sockaddrSize
  },
  [Io.SIO_QUERY_RSS_PROCESSOR_INFO]: ({ kernel, output, outputSize, socket }) => {
    if (socket.protocol === "UDP") return refuse(kernel, sdk.WSAEOPNOTSUPP)
    if (output === 0 || outputSize < affinitySize) return refuse(kernel, sdk.WSAEFAULT)
    if (socket.connection === undefined || socket.connection.isConnecting) return refuse(kernel, sdk.WSAENOTCONN)
    // the machine has one processor
    const block = kernel.memory.find(output, affinitySize)
    block.bytes.fill(0, kernel.memory.at, kernel.memory.at + affinitySize)
    return affinitySize
  },
  // registered I/O is not simulated: its table of functions is as unknown as any other
  [Io.SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER]: ({ input, inputSize, kernel }) =>
    refuse(kernel, input === 0 || inputSize < 16 ? sdk.WSAEFAULT : sdk.WSAEINVAL)
}
