/**
 * A TCP socket's state: of the socket as the program sees it. Its connection is a thing of its own, which begins before
 * the socket of an accepted one and outlives a closed one.
 */
import type { Connection } from "./Connection.ts"
import { type Operation, OperationList } from "./Operation.ts"
import { Socket } from "./Socket.ts"

/** What a listening socket has besides. */
export class Listening {
  limit: number
  /** Connections whose handshake is under way. */
  halfOpen = 0
  /** Connections that wait to be accepted, oldest first; also those that were reset meanwhile. */
  readonly backlog = new Set<Connection>()
  /** AcceptEx operations without a connection, and those that have one and wait for its first data. */
  readonly accepts = new OperationList()
  readonly waiting = new OperationList()
  constructor(limit: number) {
    this.limit = limit
  }
}

export class TcpSocket extends Socket {
  readonly protocol = "TCP"
  connection: Connection | undefined = undefined
  listening: Listening | undefined = undefined
  /** The pending AcceptEx that is to give it a connection. */
  acceptedBy: Operation | undefined = undefined
  /** Whether DisconnectEx made it fit for another connection. */
  reusable = false
  /** SO_ERROR: why the last connect failed, until it is read. */
  pendingError = 0
  /** SIO_TCP_INITIAL_RTO: milliseconds, and how often a SYN is sent again; 0 and -1 are the system's. */
  initialRto = 0
  synRetransmissions = -1
  /** SIO_KEEPALIVE_VALS: milliseconds; 0 is what the TCP_KEEP options say. */
  keepAliveTime = 0
  keepAliveInterval = 0
  /** TCP_MAXRT: for how many milliseconds data is sent again; undefined is the system's number of times. */
  patience: number | undefined = undefined
  loopbackFastPath = false

  get accepting(): boolean {
    return this.acceptedBy !== undefined
  }

  /** Lets getsockname and the like know of the connection; after AcceptEx and ConnectEx they do not by themselves. */
  describe(): void {
    const connection = this.connection!
    this.local = connection.local
    this.localPort = connection.localPort
    this.localScope = connection.localScope
    this.peer = connection.peer
    this.peerPort = connection.peerPort
    this.peerScope = connection.peerScope
  }

  /** Bytes that wait for a receive. */
  get queuedBytes(): number {
    return this.connection?.queuedBytes ?? 0
  }
}
