/**
 * The protocol: handshakes, windows, ends (RFC 9293). Over a plain wire the simulated network loses nothing and keeps the
 * order, so a segment's arrival is its acknowledgement, and there are no sequence numbers; windows are counted as credit.
 * Once something may be lost, for rules, routers or a crash, its ends have a `Line` each.
 */
import { preciseMillis } from "./Loop.ts"
import {
  STATUS_CONNECTION_ABORTED,
  STATUS_CONNECTION_REFUSED,
  STATUS_CONNECTION_RESET,
  STATUS_IO_TIMEOUT
} from "@effect-winsock/schema/NtStatus"
import * as Bindings from "./Bindings.ts"
import type { Chunk } from "./Chunks.ts"
import { Connection } from "./Connection.ts"
import * as Journey from "./Journey.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Ordered from "./Ordered.ts"
import { announced, isRouted, learned } from "./Passage.ts"
import { ACK, FIN, PROBE, RST, Segment, SYN, WINDOW } from "./Segment.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import { ScheduledTask } from "./Turns.ts"
import { findListener } from "./UnixSocket.ts"

/** What the sockets above are told. */
export interface StreamEvents {
  /** The handshake of a connection to a listening socket is over. */
  readonly arrived: (listener: TcpSocket, connection: Connection) => void
  readonly connected: (connection: Connection) => void
  /** It was refused, or it broke; `connection.failure` is why. */
  readonly broken: (connection: Connection) => void
  /** There are bytes to receive, or the peer ended its side. */
  readonly readable: (connection: Connection) => void
  /** The send buffer or the peer has more room. */
  readonly writable: (connection: Connection) => void
  /** The FIN is on its way. */
  readonly ended: (connection: Connection) => void
  /** Both sides ended. */
  readonly finished: (connection: Connection) => void
}

// a window that is never more than this is one that no segment of a real network would fit into
const leastWindow = 1460
const carry = (
  kernel: Kernel,
  flags: number,
  sender: Connection | undefined,
  target: Connection | undefined,
  chunk?: Chunk | undefined,
  credit = 0
): void => {
  if (kernel.isDown) return
  const end = (sender ?? target)!
  if (end.paths === undefined && (sender?.line !== undefined || end.routed || kernel.network.rules.any)) {
    return ordered.carry(kernel, flags, sender, target, chunk, credit)
  }
  const segment = new Segment(flags, sender, target, chunk, credit, arrive)
  // what goes by a path is on no wire
  if (end.paths === undefined) kernel.trace.segment("Segment", kernel.name, socketOf(sender), segment)
  kernel.network.carry(segment)
}

const socketOf = (end: Connection | undefined): number => end?.socket?.handle ?? 0

const optionsOf = (connection: Connection): ReadonlyArray<number> =>
  (connection.socket ?? connection.listener)?.options ?? SocketOptions.defaults

/** How many bytes this end keeps for its program. */
export const receiveBuffer = (connection: Connection): number => {
  const size = optionsOf(connection)[SocketOptions.RCVBUF]
  return size === 0 ? leastWindow : size
}

// --- opening ---

// observed practice: a refused SYN is sent again after half a second, an unanswered one after a time that doubles, four
// times (SIO_TCP_INITIAL_RTO changes it), and a connect takes 21 s at most; TcpMaxConnectRetransmissions has been other numbers
const afterRefusal = 500
const defaultRto = 1000
const defaultRetransmissions = 4
const longestConnect = 21_000
// TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS
const noRetransmissions = 0xfe

const retransmissionsOf = (socket: TcpSocket | undefined): number => {
  const wanted = socket?.synRetransmissions ?? -1
  return wanted === -1 ? defaultRetransmissions : wanted === noRetransmissions ? 0 : wanted
}

/** Sends the SYN of a new connection. */
export const open = (connection: Connection): void => {
  const { kernel, paths, peer } = connection
  if (paths === undefined) {
    connection.routed = isRouted(connection)
    connection.mss = Math.min(connection.mss, learned(kernel, peer))
  }
  kernel.connections.add(connection)
  sendSyn(connection, now(kernel) + longestConnect)
}

const sendSyn = (connection: Connection, deadline: number): void => {
  const { kernel, socket } = connection
  if (connection.paths !== undefined) return carry(kernel, SYN, connection, undefined)
  const rto = (socket?.initialRto ?? 0) || defaultRto
  const wait = Math.min(rto * 2 ** connection.synTries, Math.max(deadline - now(kernel), 1))
  connection.synTries++
  connection.timer = new ScheduledTask(() => {
    if (connection.synTries > retransmissionsOf(connection.socket)) {
      fail(connection, connection.softError || STATUS_IO_TIMEOUT)
    } else sendSyn(connection, deadline)
  })
  kernel.turns.after(wait, connection.timer)
  carry(kernel, SYN, connection, undefined)
}

const now = (kernel: Kernel): number => preciseMillis(kernel.turns.clock)

const refused = (connection: Connection): void => {
  connection.timer?.withdraw()
  connection.remote = undefined
  connection.line?.stop()
  // nothing is asked twice without a network
  if (connection.paths !== undefined || connection.synTries > retransmissionsOf(connection.socket)) {
    return fail(connection, STATUS_CONNECTION_REFUSED)
  }
  const deadline = now(connection.kernel) + longestConnect
  connection.timer = new ScheduledTask(() => sendSyn(connection, deadline))
  connection.kernel.turns.after(afterRefusal, connection.timer)
}

const arriveSyn = (segment: Segment, client: Connection): void => {
  const { network, trace } = client.kernel
  const { paths } = client
  const kernel = network.hostOf(client.kernel, client.peer)
  if (kernel === undefined) {
    if (paths !== undefined) return
    const reason = Journey.downAt(network.kernels, client.peer) === undefined ? "no such host" : "host is down"
    return trace.segment("SegmentDropped", client.kernel.name, socketOf(client), segment, reason)
  }
  if (paths === undefined) kernel.trace.segment("SegmentArrived", kernel.name, 0, segment)
  // answered already, or given up
  if (client.state !== "SYN_SENT" || client.remote !== undefined) return
  const { connections } = kernel
  const orphan = connections.orphans.size === 0 ? undefined : connections.orphanOf(client)
  // half-open: its peer does not know it and resets it when it is asked, and sends the SYN again (RFC 9293, 3.5.1)
  if (orphan !== undefined) return probe(orphan)
  const listener =
    paths === undefined ? Bindings.findListener(kernel, client.peer, client.peerPort) : findListener(kernel, paths.peer)
  const listening = listener?.listening
  if (
    listener === undefined ||
    listening === undefined ||
    listening.backlog.size + listening.halfOpen >= listening.limit
  ) {
    return carry(kernel, RST, undefined, client)
  }
  const { local, localPort, peer, peerPort } = client
  const index = local.isLinkLocal ? (Machine.owner(kernel.machine, peer)?.index ?? 0) : 0
  const mss = paths === undefined ? announced(kernel, local) : client.mss
  const server = new Connection(kernel, "SYN_RECEIVED", peer, peerPort, index, local, localPort, index, mss)
  server.routed = client.routed
  if (paths === undefined) server.mss = Math.min(mss, client.announced, learned(kernel, local))
  else server.paths = { local: paths.peer, peer: paths.local }
  server.listener = listener
  server.exclusive = listener.boundExclusive
  server.remote = client
  client.remote = server
  listening.halfOpen++
  kernel.connections.add(server)
  carry(kernel, SYN | ACK, server, client, undefined, receiveBuffer(server))
}

const established = (connection: Connection, credit: number): void => {
  connection.state = "ESTABLISHED"
  connection.credit = credit
  connection.connectedAt = now(connection.kernel)
  connection.heardAt = connection.connectedAt
}

// --- sending ---

/** Puts bytes behind what waits to be sent; `pump` sends them. */
export const put = (connection: Connection, chunk: Chunk): void => {
  connection.accepted += chunk.size
  connection.outgoing.add(chunk)
}

/** Sends what there is room for, and the FIN behind the last byte. */
export const pump = (connection: Connection): void => {
  const { kernel, remote } = connection
  if (remote === undefined || connection.isConnecting || connection.state === "CLOSED") return
  while (connection.unsent > 0) {
    const { credit, outgoing } = connection
    if (credit <= 0) return awaitRoom(connection)
    let size = outgoing.run(Math.min(credit, connection.mss))
    // Nagle's algorithm: a small segment waits for the acknowledgement of what went before
    if (size < connection.mss && size === connection.unsent && connection.inFlight > 0 && delays(connection)) return
    if (kernel.settings.segmentation === "seeded") size = 1 + kernel.random.below(size)
    const chunk = outgoing.take(size)
    connection.credit -= size
    connection.inFlight += size
    connection.bytesOut += size
    carry(kernel, ACK, connection, remote, chunk)
  }
  if (connection.finWanted && !connection.finSent && (connection.socket?.sends.size ?? 0) === 0) sendFin(connection)
}

/** Has the peer tell of the next room that it has. */
export const awaitRoom = (connection: Connection): void => {
  connection.stalled = true
  if (connection.line !== undefined) connection.line.persist()
  else if (connection.remote!.kernel.isDown) ordered.persist(connection)
  else if (connection.remote!.debt > 0) tellWindow(connection.remote!)
}

const delays = (connection: Connection): boolean =>
  optionsOf(connection)[SocketOptions.NODELAY] === 0 && !connection.finWanted && !connection.outgoing.first!.urgent

/** Ends this side once everything is sent. */
export const finish = (connection: Connection): void => {
  connection.finWanted = true
  pump(connection)
  expectFin(connection)
}

// observed practice, and TcpFinWait2Delay in its time: a connection that nobody has any more is forgotten when the FIN that
// it waits for, which may be lost with the peer, takes longer than TIME_WAIT
const expectFin = (connection: Connection): void => {
  const { kernel, line, remote, socket, state } = connection
  if (state !== "FIN_WAIT_2" || socket !== undefined || (line === undefined && !remote!.kernel.isDown)) return
  connection.timer?.withdraw()
  connection.timer = new ScheduledTask(() => forget(connection))
  kernel.turns.after(kernel.settings.timeWait, connection.timer)
}

const sendFin = (connection: Connection): void => {
  connection.finSent = true
  connection.state = connection.state === "CLOSE_WAIT" ? "LAST_ACK" : "FIN_WAIT_1"
  carry(connection.kernel, FIN | ACK, connection, connection.remote)
  connection.kernel.streams.ended(connection)
}

// --- windows ---

/** The size of the buffer that receives what comes changed by `more` bytes. */
export const resized = (connection: Connection, more: number): void => consumed(connection, more)

/** The program took `size` bytes: the peer may send as many more. */
export const consumed = (connection: Connection, size: number): void => {
  connection.debt += size
  const { line } = connection
  // the peer is told when it could send no full segment
  if (line !== undefined) {
    if (line.window < connection.mss && connection.state !== "CLOSED") tellWindow(connection)
  } else if (connection.remote?.stalled === true) tellWindow(connection)
}

/** Tells the peer of room; also of room that SO_RCVBUF made. */
const tellWindow = (connection: Connection): void => {
  if (connection.debt <= 0 || connection.remote === undefined) return
  const credit = connection.debt
  if (connection.line !== undefined) {
    return ordered.acknowledge(connection, WINDOW | ACK)
  }
  connection.debt = 0
  carry(connection.kernel, WINDOW | ACK, connection, connection.remote, undefined, credit)
}

// --- arriving ---

const arrive = (segment: Segment): void => {
  const { chunk, flags, sender, target } = segment
  if (target === undefined) return arriveSyn(segment, sender!)
  if (target.kernel.isDown) return arriveForgotten(segment, target)
  if (target.paths === undefined) {
    target.kernel.trace.segment("SegmentArrived", target.kernel.name, socketOf(target), segment)
  }
  if ((flags & RST) !== 0) return arriveRst(target)
  if (target.state === "CLOSED") {
    // nobody here knows it any more
    if (sender!.state !== "CLOSED") carry(target.kernel, RST, target, sender)
    return
  }
  target.heardAt = now(target.kernel)
  if (segment.order !== undefined) return ordered.arrive(segment, target, sender!)
  if ((flags & SYN) !== 0) return arriveSynAck(segment, target)
  if (target.state === "SYN_RECEIVED") arriveHandshake(target, segment.credit)
  if ((flags & PROBE) !== 0) sender!.heardAt = now(sender!.kernel)
  else if ((flags & WINDOW) !== 0) arriveWindow(target, segment.credit)
  else if (chunk !== undefined) arriveData(target, sender!, chunk, true)
  else if ((flags & FIN) !== 0) arriveFin(target, true)
  else arriveAck(target)
}

/** The machine of the other end lost its power. */
export const forgotten = (connection: Connection): void => {
  if (connection.kernel.isDown) return
  connection.kernel.connections.orphans.add(connection)
  // its SYN has met nobody, then
  if (connection.state === "SYN_SENT") connection.remote = undefined
  else if (connection.stalled && connection.line === undefined) ordered.persist(connection)
  else expectFin(connection)
}

/** A segment of a connection that its machine has lost with its power: one that is up again knows nothing of it. */
const arriveForgotten = (segment: Segment, target: Connection): void => {
  const { flags, sender } = segment
  if (sender === undefined || sender.kernel.isDown) return
  const kernel = sender.kernel.network.hostOf(sender.kernel, target.local)
  if (kernel === undefined) {
    sender.kernel.trace.segment("SegmentDropped", sender.kernel.name, socketOf(sender), segment, "host is down")
    if (segment.order === undefined && sender.state !== "CLOSED") ordered.missed(segment, sender)
    return
  }
  kernel.trace.segment("SegmentArrived", kernel.name, 0, segment)
  if ((flags & RST) === 0 && sender.state !== "CLOSED") carry(kernel, RST, undefined, sender)
}

const arriveSynAck = (segment: Segment, target: Connection): void => {
  const sender = segment.sender!
  if (target.state !== "SYN_SENT") return carry(target.kernel, RST, target, sender)
  target.timer?.withdraw()
  target.timer = undefined
  // its machine may have lost its power since
  target.remote = sender
  target.mss = Math.min(target.mss, sender.announced)
  // what its order says is counted already
  established(target, segment.order === undefined ? segment.credit : target.credit)
  carry(target.kernel, ACK, target, sender, undefined, receiveBuffer(target))
  target.kernel.streams.connected(target)
  pump(target)
}

const arriveHandshake = (target: Connection, credit: number): void => {
  const listener = target.listener!
  established(target, credit)
  listener.listening!.halfOpen--
  target.kernel.streams.arrived(listener, target)
}

const arriveWindow = (target: Connection, credit: number): void => {
  target.credit += credit
  target.stalled = false
  target.kernel.streams.writable(target)
  pump(target)
}

const arriveData = (target: Connection, sender: Connection, chunk: Chunk, acknowledges: boolean): void => {
  const { size } = chunk
  const { socket } = target
  // nobody will ever receive it
  if (socket === undefined ? target.listener === undefined : socket.noReceive && socket.receives.size === 0) {
    return abort(target, STATUS_CONNECTION_ABORTED)
  }
  target.bytesIn += size
  if (chunk.urgent && optionsOf(target)[SocketOptions.OOBINLINE] === 0) {
    target.urgent.add(chunk)
    target.debt += size
  } else {
    target.incoming.add(chunk)
  }
  target.kernel.streams.readable(target)
  if (!acknowledges || sender.state === "CLOSED") return
  // the acknowledgement comes back at once
  sender.heardAt = target.heardAt
  sender.inFlight -= size
  sender.acknowledged += size
  sender.credit += target.debt
  target.debt = 0
  if (sender.credit > 0) sender.stalled = false
  sender.kernel.streams.writable(sender)
  pump(sender)
}

const arriveFin = (target: Connection, acknowledges: boolean): void => {
  target.ended = true
  const isLast = target.state === "FIN_WAIT_2"
  switch (target.state) {
    case "ESTABLISHED":
      target.state = "CLOSE_WAIT"
      break
    case "FIN_WAIT_1":
      target.state = "CLOSING"
      break
    case "FIN_WAIT_2":
      target.timer?.withdraw()
      timeWait(target)
  }
  if (acknowledges) carry(target.kernel, ACK, target, target.remote)
  target.kernel.streams.readable(target)
  if (isLast) target.kernel.streams.finished(target)
}

const arriveAck = (target: Connection): void => {
  switch (target.state) {
    case "FIN_WAIT_1":
      target.state = "FIN_WAIT_2"
      expectFin(target)
      break
    case "CLOSING":
      timeWait(target)
      target.kernel.streams.finished(target)
      break
    case "LAST_ACK":
      forget(target)
      target.kernel.streams.finished(target)
  }
}

const arriveRst = (target: Connection): void => {
  if (target.state === "SYN_SENT") refused(target)
  else if (target.state !== "CLOSED" && target.state !== "TIME_WAIT") fail(target, STATUS_CONNECTION_RESET)
}

// --- ending ---

const timeWait = (connection: Connection): void => {
  const { kernel } = connection
  // a path has nothing to wait for
  if (connection.paths !== undefined) return forget(connection)
  connection.state = "TIME_WAIT"
  kernel.connections.wait(connection, now(kernel) + kernel.settings.timeWait)
}

const forget = (connection: Connection): void => {
  if (connection.state === "CLOSED") return
  if (connection.state === "SYN_RECEIVED") connection.listener!.listening!.halfOpen--
  connection.timer?.withdraw()
  connection.timer = undefined
  connection.line?.stop()
  connection.state = "CLOSED"
  connection.kernel.connections.remove(connection)
}

// what was received and not taken is gone too
const fail = (connection: Connection, status: number): void => {
  forget(connection)
  connection.failure = status
  connection.discard()
  connection.inFlight = 0
  connection.kernel.streams.broken(connection)
}

/** The connection's address is gone: this end gets the status, and the peer hears nothing. */
export const lose = (connection: Connection, status: number): void => {
  if (connection.state !== "CLOSED" && connection.state !== "TIME_WAIT") fail(connection, status)
}

/** Breaks a connection: the peer gets a RST, this end the status. */
export const abort = (connection: Connection, status: number): void => {
  const { kernel, remote } = connection
  const heard = connection.state !== "CLOSED" && connection.state !== "TIME_WAIT"
  if (heard && remote !== undefined) carry(kernel, RST, connection, remote)
  if (connection.state === "TIME_WAIT") return
  fail(connection, status)
}

/** Asks the other end for a sign of life. */
export const probe = (connection: Connection): void =>
  carry(connection.kernel, PROBE | ACK, connection, connection.remote)

const ordered = Ordered.make({
  arrive,
  synAck: arriveSynAck,
  handshake: (target) => arriveHandshake(target, 0),
  data: (target, sender, chunk) => arriveData(target, sender, chunk, false),
  fin: (target) => arriveFin(target, false),
  finAcknowledged: arriveAck,
  rst: arriveRst,
  refused,
  fail,
  pump
})
