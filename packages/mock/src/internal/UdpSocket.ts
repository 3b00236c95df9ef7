/**
 * A UDP socket's state.
 */
import type { Datagram } from "./Datagram.ts"
import type { KernelObject } from "./Handles.ts"
import { anyV4, anyV6, type Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import { OperationList } from "./Operation.ts"
import type { Port } from "./Ports.ts"
import * as SocketOptions from "./SocketOptions.ts"

export class UdpSocket implements KernelObject {
  readonly type = "socket"
  handle = 0
  /** The SOCKET number, kept after closing. */
  number = 0
  readonly kernel: Kernel
  readonly v6: boolean
  readonly overlapped: boolean
  port: Port | undefined = undefined
  key = 0
  skipsPort = false
  /** The state of the socket as a handle to wait for: it stands in for the event of an OVERLAPPED that has none. */
  signalled = false
  skipsSignal = false
  nonBlocking = false
  /** 0 while unbound. */
  localPort = 0
  local: Ip
  localScope = 0
  /** Whether SO_REUSEADDR and SO_EXCLUSIVEADDRUSE were on when it was bound. */
  boundReuse = false
  boundExclusive = false
  peer: Ip | undefined = undefined
  peerPort = 0
  peerScope = 0
  noReceive = false
  noSend = false
  /** SIO_UDP_CONNRESET and SIO_UDP_NETRESET. */
  connectionReset = true
  networkReset = true
  timestamps = false
  readonly options: Array<number>
  /** Which control messages its receives get, per family of the datagram: bits of SocketOptions. */
  wantedV4 = 0
  wantedV6 = 0
  /** Largest coalesced payload, 0 for none. */
  coalesce = 0
  /** Datagrams that arrived and wait for a receive. */
  private queue: Array<Datagram> = []
  private head = 0
  queuedBytes = 0
  sendBuffered = 0
  /** Datagrams lost because the receive buffer was full. */
  overflowed = 0
  readonly receives = new OperationList()
  readonly sends = new OperationList()
  readonly controls = new OperationList()

  constructor(kernel: Kernel, v6: boolean, overlapped: boolean) {
    this.kernel = kernel
    this.v6 = v6
    this.overlapped = overlapped
    this.local = v6 ? anyV6 : anyV4
    this.options = SocketOptions.defaults.slice()
  }

  get dual(): boolean {
    return this.v6 && this.options[SocketOptions.V6ONLY] === 0
  }

  get queued(): number {
    return this.queue.length - this.head
  }

  peekQueue(): Datagram {
    return this.queue[this.head]
  }

  takeQueue(): Datagram {
    const datagram = this.queue[this.head++]
    if (this.head > 64 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
    this.queuedBytes -= datagram.payload.length
    return datagram
  }

  putQueue(datagram: Datagram): void {
    this.queue.push(datagram)
    this.queuedBytes += datagram.payload.length
  }

  get lastQueued(): Datagram | undefined {
    return this.queued === 0 ? undefined : this.queue[this.queue.length - 1]
  }

  replaceLast(datagram: Datagram): void {
    const last = this.queue.length - 1
    this.queuedBytes += datagram.payload.length - this.queue[last].payload.length
    this.queue[last] = datagram
  }

  discardQueue(): void {
    this.queue = []
    this.head = 0
    this.queuedBytes = 0
  }
}
