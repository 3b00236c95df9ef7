/**
 * One end of a TCP connection.
 */
import { Chunks } from "./Chunks.ts"
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { Line } from "./Retransmission.ts"
import type { ScheduledTask } from "./Turns.ts"
import type { TcpSocket } from "./TcpSocket.ts"

/** As netstat names them; LISTENING is a socket's, CLOSED nobody's. */
export type TcpState =
  | "SYN_SENT"
  | "SYN_RECEIVED"
  | "ESTABLISHED"
  | "FIN_WAIT_1"
  | "FIN_WAIT_2"
  | "CLOSE_WAIT"
  | "CLOSING"
  | "LAST_ACK"
  | "TIME_WAIT"
  | "CLOSED"

export class Connection {
  readonly kernel: Kernel
  state: TcpState
  local: Ip
  localPort: number
  localScope: number
  readonly peer: Ip
  readonly peerPort: number
  readonly peerScope: number
  /** The other end, once a SYN has met it. */
  remote: Connection | undefined = undefined
  /** The socket it belongs to; undefined before it is accepted and after it is closed. */
  socket: TcpSocket | undefined = undefined
  /** The socket whose backlog it is in. */
  listener: TcpSocket | undefined = undefined
  /** Of an AF_UNIX connection, its names. */
  paths: { readonly local: string; readonly peer: string } | undefined = undefined
  /** Whether a listener with SO_EXCLUSIVEADDRUSE accepted it. */
  exclusive = false
  /** Largest payload of one segment, by what both ends announced and what is known of the path. */
  mss: number
  /** What this end announced. */
  readonly announced: number
  /** Whether there are routers or narrow links on its way: then segments may be lost without rules, too. */
  routed = false

  // --- what arrived ---

  private inbox: Chunks | undefined = undefined
  private urgentInbox: Chunks | undefined = undefined
  /** Whether the peer's FIN came. */
  ended = false
  /** What the program took and the peer may send again: not told it yet. */
  debt = 0

  // --- what is to be sent ---

  private outbox: Chunks | undefined = undefined
  /** Sent, and not acknowledged. */
  inFlight = 0
  /** How much more the peer has room for. */
  credit = 0
  /** Whether something waits for room at the peer. */
  stalled = false
  finWanted = false
  finSent = false

  /** The NTSTATUS that it broke with, 0 while it has not. */
  failure = 0
  /** Whether keep-alive found the peer gone. */
  timedOut = false
  bytesIn = 0
  bytesOut = 0
  /** Cumulative counts of bytes that were put into the outbox and that were acknowledged. */
  accepted = 0
  acknowledged = 0
  connectedAt = -1
  /** When something was heard from the peer last, in milliseconds; kept only for keep-alive. */
  heardAt = 0
  synTries = 0
  /** What is kept once segments may be lost. */
  line: Line | undefined = undefined
  /** What ICMP said of its SYN, an NTSTATUS; 0 for nothing. */
  softError = 0
  /** Of the SYN's retransmission, or of keep-alive. */
  timer: ScheduledTask | undefined = undefined
  /** When TIME_WAIT is over. */
  until = 0
  /** Neighbours among the connections of a port. */
  previous: Connection | undefined = undefined
  next: Connection | undefined = undefined

  constructor(
    kernel: Kernel,
    state: TcpState,
    local: Ip,
    localPort: number,
    localScope: number,
    peer: Ip,
    peerPort: number,
    peerScope: number,
    announced: number
  ) {
    this.kernel = kernel
    this.state = state
    this.local = local
    this.localPort = localPort
    this.localScope = localScope
    this.peer = peer
    this.peerPort = peerPort
    this.peerScope = peerScope
    this.announced = announced
    this.mss = announced
  }

  get incoming(): Chunks {
    return (this.inbox ??= new Chunks())
  }
  get urgent(): Chunks {
    return (this.urgentInbox ??= new Chunks())
  }
  get outgoing(): Chunks {
    return (this.outbox ??= new Chunks())
  }

  get queuedBytes(): number {
    return this.inbox === undefined ? 0 : this.inbox.size
  }
  get urgentBytes(): number {
    return this.urgentInbox === undefined ? 0 : this.urgentInbox.size
  }
  get unsent(): number {
    return this.outbox === undefined ? 0 : this.outbox.size
  }
  /** Bytes that take up the send buffer. */
  get buffered(): number {
    return this.unsent + this.inFlight
  }

  /** Whether the program may send: the handshake is over, and no FIN is under way. */
  get isOpen(): boolean {
    return (this.state === "ESTABLISHED" || this.state === "CLOSE_WAIT") && !this.finWanted
  }
  get isConnecting(): boolean {
    return this.state === "SYN_SENT" || this.state === "SYN_RECEIVED"
  }

  /** Whether urgent bytes wait to be read, wherever they are. */
  get isUrgent(): boolean {
    return this.urgentBytes > 0 || (this.inbox !== undefined && this.inbox.hasUrgent)
  }

  discard(): void {
    this.inbox = undefined
    this.urgentInbox = undefined
    this.outbox = undefined
  }
}
