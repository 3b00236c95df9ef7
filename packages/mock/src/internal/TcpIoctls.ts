/**
 * Control codes of streams.
 */
import { preciseMillis } from "./Loop.ts"
import * as Io from "@effect-winsock/schema/Ioctls"
import { tcp_keepalive } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Connection, TcpState } from "./Connection.ts"
import * as KeepAlive from "./KeepAlive.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import type { Kernel } from "./Kernel.ts"

export interface StreamRequest {
  readonly kernel: Kernel
  readonly socket: TcpSocket
  readonly input: number
  readonly inputSize: number
  readonly output: number
  readonly outputSize: number
}

/** Answers with the size of the output, or -1 after making the call fail. */
type StreamIoctl = (request: StreamRequest) => number

const refuse = (kernel: Kernel, code: number): number => {
  kernel.error = code
  return -1
}

// TCPSTATE (mstcpip.h)
const stateNumbers: { readonly [S in TcpState]: number } = {
  CLOSED: 0,
  SYN_SENT: 2,
  SYN_RECEIVED: 3,
  ESTABLISHED: 4,
  FIN_WAIT_1: 5,
  FIN_WAIT_2: 6,
  CLOSE_WAIT: 7,
  CLOSING: 8,
  LAST_ACK: 9,
  TIME_WAIT: 10
}

// TCP_INFO_v0: State 0, Mss 4, ConnectionTimeMs 8, TimestampsEnabled 16, RttUs 20, MinRttUs 24, BytesInFlight 28,
// Cwnd 32, SndWnd 36, RcvWnd 40, RcvBuf 44, BytesOut 48, BytesIn 56, BytesReordered 64, BytesRetrans 68, FastRetrans 72,
// DupAcksIn 76, TimeoutEpisodes 80, SynRetrans 84
const tcpInfoSize = 88
// a segment's arrival is its acknowledgement: no time passes between them
const roundTrip = 1

const writeInfo = (kernel: Kernel, socket: TcpSocket, connection: Connection, output: number): void => {
  const block = kernel.memory.find(output, tcpInfoSize)
  const { at } = kernel.memory
  const { view } = block
  block.bytes.fill(0, at, at + tcpInfoSize)
  const put = (offset: number, value: number): void => view.setUint32(at + offset, value, true)
  const putWide = (offset: number, value: number): void => {
    put(offset, value >>> 0)
    put(offset + 4, Math.floor(value / 0x1_0000_0000))
  }
  const buffer = Tcp.receiveBuffer(connection)
  put(0, stateNumbers[connection.state])
  put(4, connection.mss)
  if (connection.connectedAt !== -1) {
    putWide(8, preciseMillis(kernel.turns.clock) - connection.connectedAt)
    put(20, roundTrip)
    put(24, roundTrip)
  }
  put(28, connection.inFlight)
  // nothing is ever lost, so only the peer's window limits what is sent
  put(32, connection.credit + connection.inFlight)
  put(36, Math.max(0, connection.credit))
  put(40, Math.max(0, buffer - connection.queuedBytes))
  put(44, socket.options[SocketOptions.RCVBUF])
  putWide(48, connection.bytesOut)
  putWide(56, connection.bytesIn)
  view.setUint8(at + 84, Math.max(0, connection.synTries - 1))
}

export const ioctls: { readonly [code: number]: StreamIoctl } = {
  [Io.SIOCATMARK]: ({ kernel, output, outputSize, socket }) => {
    if (output === 0 || outputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    kernel.memory.setU32(output, socket.connection?.isUrgent === true ? 0 : 1)
    return 4
  },
  [Io.SIO_KEEPALIVE_VALS]: ({ input, inputSize, kernel, socket }) => {
    const { memory } = kernel
    const at = tcp_keepalive.offsets[memory.abi]
    if (input === 0 || inputSize < tcp_keepalive.size[memory.abi]) return refuse(kernel, sdk.WSAEFAULT)
    const on = memory.u32(input + at.onoff) !== 0
    socket.setOption(SocketOptions.KEEPALIVE, on ? 1 : 0)
    if (on) {
      socket.keepAliveTime = memory.u32(input + at.keepalivetime)
      socket.keepAliveInterval = memory.u32(input + at.keepaliveinterval)
    }
    const { connection } = socket
    if (connection === undefined || connection.isConnecting) return 0
    KeepAlive.unwatch(connection)
    KeepAlive.watch(connection)
    return 0
  },
  // TCP_INITIAL_RTO_PARAMETERS: USHORT Rtt 0, UCHAR MaxSynRetransmissions 2; 0 and all ones are the system's own
  [Io.SIO_TCP_INITIAL_RTO]: ({ input, inputSize, kernel, socket }) => {
    if (input === 0 || inputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    if (socket.connection !== undefined || socket.listening !== undefined) return refuse(kernel, sdk.WSAEINVAL)
    const word = kernel.memory.u32(input)
    const rtt = word & 0xffff
    const retransmissions = (word >>> 16) & 0xff
    socket.initialRto = rtt === 0xffff ? 0 : rtt
    socket.synRetransmissions = retransmissions === 0 || retransmissions === 0xff ? -1 : retransmissions
    return 0
  },
  [Io.SIO_LOOPBACK_FAST_PATH]: ({ input, inputSize, kernel, socket }) => {
    if (input === 0 || inputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    if (socket.connection !== undefined) return refuse(kernel, sdk.WSAEINVAL)
    socket.loopbackFastPath = kernel.memory.u32(input) !== 0
    return 0
  },
  [Io.SIO_IDEAL_SEND_BACKLOG_QUERY]: ({ kernel, output, outputSize, socket }) => {
    if (output === 0 || outputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    const { connection } = socket
    if (connection === undefined || connection.isConnecting) return refuse(kernel, sdk.WSAENOTCONN)
    // what is under way, and what there is room for at the peer
    kernel.memory.setU32(output, connection.inFlight + Math.max(0, connection.credit))
    return 4
  },
  [Io.SIO_TCP_INFO]: ({ input, inputSize, kernel, output, outputSize, socket }) => {
    if (!kernel.settings.tcpInfo) return refuse(kernel, sdk.WSAEOPNOTSUPP)
    if (input === 0 || inputSize < 4) return refuse(kernel, sdk.WSAEFAULT)
    // the version of the structure
    if (kernel.memory.u32(input) !== 0) return refuse(kernel, sdk.WSAEINVAL)
    if (output === 0 || outputSize < tcpInfoSize) return refuse(kernel, sdk.WSAEFAULT)
    const { connection } = socket
    if (connection === undefined || connection.isConnecting) return refuse(kernel, sdk.WSAENOTCONN)
    writeInfo(kernel, socket, connection, output)
    return tcpInfoSize
  }
}
