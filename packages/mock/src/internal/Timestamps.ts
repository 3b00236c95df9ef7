/**
 * Timestamps of datagrams: of received ones in a control message, of sent ones kept until they are asked for.
 *
 * Source: the page "Winsock timestamping". That asking on a socket without them is WSAEOPNOTSUPP was seen on Windows 11.
 */
import { TIMESTAMPING_FLAG_RX, TIMESTAMPING_FLAG_TX } from "@effect-winsock/schema/Flags"
import { TIMESTAMPING_CONFIG } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Datagram } from "./Datagram.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import type { Turns } from "./Turns.ts"
import type { UdpSocket } from "./UdpSocket.ts"

/** The performance counter, which has ticks of 100 ns. */
export const counter = (turns: Turns): number => Number(turns.clock.monotonicTimeNanosUnsafe() / BigInt(100))

/** What a socket keeps of the datagrams that it sent. */
export class Transmitted {
  private readonly room: number
  private readonly kept = new Map<number, number>()

  constructor(room: number) {
    this.room = room
  }

  // when it is full the new one is lost
  add(id: number, at: number): void {
    if (this.kept.size < this.room) this.kept.set(id, at)
  }

  take(id: number): number | undefined {
    const at = this.kept.get(id)
    this.kept.delete(id)
    return at
  }
}

/** A datagram leaves the machine. */
export const departs = (turns: Turns, socket: UdpSocket, datagram: Datagram): void => {
  if (datagram.timestampId !== undefined) socket.transmitted?.add(datagram.timestampId, counter(turns))
}

interface Request {
  readonly kernel: Kernel
  readonly socket: AnySocket
  readonly input: number
  readonly inputSize: number
  readonly output: number
  readonly outputSize: number
}

const refuse = (kernel: Kernel, code: number): number => {
  kernel.error = code
  return -1
}

/** SIO_TIMESTAMPING. */
export const configure = ({ input, inputSize, kernel, socket }: Request): number => {
  const { abi, timestamps } = kernel.settings
  if (!timestamps || socket.protocol === "TCP") return refuse(kernel, sdk.WSAEOPNOTSUPP)
  if (input === 0 || inputSize < TIMESTAMPING_CONFIG.size[abi]) return refuse(kernel, sdk.WSAEFAULT)
  const at = TIMESTAMPING_CONFIG.offsets[abi]
  const flags = kernel.memory.u32(input + at.Flags)
  if ((flags & ~(TIMESTAMPING_FLAG_RX | TIMESTAMPING_FLAG_TX)) !== 0) return refuse(kernel, sdk.WSAEINVAL)
  socket.timestamps = (flags & TIMESTAMPING_FLAG_RX) !== 0
  const room = kernel.memory.u16(input + at.TxTimestampsBuffered)
  socket.transmitted = (flags & TIMESTAMPING_FLAG_TX) !== 0 ? new Transmitted(room) : undefined
  return 0
}

/** SIO_GET_TX_TIMESTAMP. */
export const ask = ({ input, inputSize, kernel, output, outputSize, socket }: Request): number => {
  if (socket.protocol === "TCP" || socket.transmitted === undefined) return refuse(kernel, sdk.WSAEOPNOTSUPP)
  if (input === 0 || inputSize < 4 || output === 0 || outputSize < 8) return refuse(kernel, sdk.WSAEFAULT)
  const { memory } = kernel
  const view = memory.locate(output, 8)
  const { at } = memory
  const counted = socket.transmitted.take(memory.u32(input))
  if (counted === undefined) return refuse(kernel, sdk.WSAEWOULDBLOCK)
  view.setUint32(at, counted >>> 0, true)
  view.setUint32(at + 4, Math.floor(counted / 0x1_0000_0000), true)
  return 8
}
