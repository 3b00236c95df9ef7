/**
 * What sockets of every kind have: a number, an address, options, operations in flight.
 */
import type { KernelObject } from "./Handles.ts"
import { anyV4, anyV6, type Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import { type Operation, OperationList } from "./Operation.ts"
import type { Port } from "./Ports.ts"
import type { Raw } from "./Raw.ts"
import * as SocketOptions from "./SocketOptions.ts"

/** The `localPort` of a socket that is bound and has no port: raw sockets have none. */
export const noPort = -1

export abstract class Socket implements KernelObject {
  readonly type = "socket"
  abstract readonly protocol: "UDP" | "TCP"
  handle = 0
  /** The SOCKET number, kept after closing. */
  number = 0
  readonly kernel: Kernel
  /** Whether its addresses are paths (`UnixSocket`). */
  readonly isUnix: boolean = false
  readonly v6: boolean
  readonly overlapped: boolean
  port: Port | undefined = undefined
  key = 0
  skipsPort = false
  /** The state of the socket as a handle to wait for: it stands in for the event of an OVERLAPPED that has none. */
  signalled = false
  skipsSignal = false
  nonBlocking = false
  /** What makes it a raw socket. */
  raw: Raw | undefined = undefined
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
  /** Shared with other sockets until it is written: `SocketOptions.write`. */
  options: ReadonlyArray<number> = SocketOptions.defaults
  ownsOptions = false
  readonly receives = new OperationList()
  readonly sends = new OperationList()
  readonly controls = new OperationList()
  /** What is pending on it, in one of its lists or completing. */
  firstPended: Operation | undefined = undefined
  lastPended: Operation | undefined = undefined

  constructor(kernel: Kernel, v6: boolean, overlapped: boolean) {
    this.kernel = kernel
    this.v6 = v6
    this.overlapped = overlapped
    this.local = v6 ? anyV6 : anyV4
  }

  get dual(): boolean {
    return this.v6 && this.options[SocketOptions.V6ONLY] === 0
  }

  setOption(index: number, value: number): void {
    if (!this.ownsOptions) {
      this.options = this.options.slice()
      this.ownsOptions = true
    }
    ;(this.options as Array<number>)[index] = value
  }
}
