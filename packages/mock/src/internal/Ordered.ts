/**
 * A connection whose segments may be lost: they are numbered by the bytes of their stream, judged when they leave, and
 * taken in order. A SYN and a FIN count as a byte each.
 */
import { STATUS_HOST_UNREACHABLE, STATUS_IO_TIMEOUT, STATUS_NETWORK_UNREACHABLE } from "@effect-winsock/schema/NtStatus"
import type { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import type { Kernel } from "./Kernel.ts"
import { type Answers, headers, Lane, pass } from "./Passage.ts"
import { type Actions, Line } from "./Retransmission.ts"
import { ACK, type Arrive, FIN, PROBE, RST, Segment, SYN, WINDOW } from "./Segment.ts"
import { ScheduledTask } from "./Turns.ts"

/** What the protocol does with what came. */
export interface Protocol {
  readonly arrive: Arrive
  readonly synAck: (segment: Segment, target: Connection) => void
  /** The first segment behind the SYN,ACK came. */
  readonly handshake: (target: Connection) => void
  readonly data: (target: Connection, sender: Connection, chunk: Chunk) => void
  readonly fin: (target: Connection) => void
  readonly finAcknowledged: (target: Connection) => void
  readonly rst: (target: Connection) => void
  /** Nobody answers a SYN there. */
  readonly refused: (connection: Connection) => void
  readonly fail: (connection: Connection, status: number) => void
  readonly pump: (connection: Connection) => void
}

export interface Ordered {
  readonly carry: (
    kernel: Kernel,
    flags: number,
    sender: Connection | undefined,
    target: Connection | undefined,
    chunk: Chunk | undefined,
    credit: number
  ) => void
  /** Tells the peer what came, and of all the room there is. */
  readonly acknowledge: (connection: Connection, flags: number) => void
  readonly arrive: (segment: Segment, target: Connection, sender: Connection) => void
  /** A segment of before the two ends counted met a machine that is silent: it is sent again. */
  readonly missed: (segment: Segment, sender: Connection) => void
  /** The peer's machine is silent: it is asked for room all the same. */
  readonly persist: (connection: Connection) => void
}

/** Tells of all the room there is with the next segment. */
const grant = (line: Line): void => {
  const { connection } = line
  line.granted += connection.debt
  line.window += connection.debt
  connection.debt = 0
}

// a SYN that nobody has answered meets another end each time
const lineFor = (connection: Connection, peer: Connection, actions: Actions): Line => {
  if (connection.line?.peer !== peer) {
    connection.line?.stop()
    connection.line = new Line(connection, peer, peer.credit, actions)
  }
  return connection.line
}

// turns that a program has to read what passed before a reset, if it waits for it
const toRead = 4

export const make = (protocol: Protocol): Ordered => {
  const carry: Ordered["carry"] = (kernel, flags, sender, target, chunk, credit) => {
    if (sender === undefined || target === undefined || (flags & RST) !== 0) {
      const segment = new Segment(flags, sender, target, undefined, 0, protocol.arrive)
      return dispatch(kernel, segment, sender?.line?.lane ?? new Lane())
    }
    if (sender.remote !== target) return
    // the two ends begin to count
    const line = lineFor(sender, target, actions)
    lineFor(target, sender, actions)
    if ((flags & WINDOW) === 0) {
      // the first window
      line.granted += credit
      line.window += credit
    }
    if (sender.debt > 0) grant(line)
    const offset = sender.bytesOut - (chunk?.size ?? 0)
    if (chunk === undefined && (flags & (SYN | FIN)) === 0) return send(sender, flags, undefined, -1, offset, 0)
    const item = line.add(flags, chunk, offset)
    send(sender, flags, item.chunk, item.number, offset, 0)
  }

  const send = (
    sender: Connection,
    flags: number,
    chunk: Chunk | undefined,
    number: number,
    offset: number,
    retransmissions: number
  ): void => {
    const line = sender.line!
    const segment = new Segment(flags, sender, sender.remote, chunk, 0, protocol.arrive)
    const { granted, received } = line
    segment.order = { number, acknowledges: received, granted, offset, retransmissions }
    dispatch(sender.kernel, segment, line.lane)
  }

  const dispatch = (kernel: Kernel, segment: Segment, lane: Lane): void => {
    kernel.trace.segment("Segment", kernel.name, segment.sender?.socket?.handle ?? 0, segment)
    pass(kernel, segment, lane, answersTo(segment))
  }

  const answersTo = ({ sender, target }: Segment): Answers => ({
    refused: (failure) => {
      // of a connection that is there it is a soft error (RFC 1122, 4.2.3.9)
      if (sender?.state !== "SYN_SENT") return
      if (failure === "port" || failure === "protocol") return protocol.refused(sender)
      sender.softError = failure === "network" ? STATUS_NETWORK_UNREACHABLE : STATUS_HOST_UNREACHABLE
    },
    tooBig: (mtu) => {
      if (sender === undefined || sender.state === "CLOSED") return
      const most = Math.max(1, mtu - headers(sender.peer.isV4))
      // what was cut already is on its way
      if (most >= sender.mss) return
      sender.mss = most
      sender.line?.cut(most)
    },
    reset: () => {
      if (sender === undefined) return
      const other = target ?? sender.remote
      // behind what is under way already
      if (other !== undefined) {
        const rst = new Segment(RST, sender, other, undefined, 0, (segment) =>
          other.kernel.turns.later({ turns: toRead, delay: 0 }, () => protocol.arrive(segment))
        )
        ;(sender.line?.lane ?? new Lane()).add(sender.kernel, rst, 0)
      }
      sender.kernel.turns.post(new ScheduledTask(() => protocol.rst(sender)))
    }
  })

  const acknowledge: Ordered["acknowledge"] = (connection, flags) => {
    if (connection.remote !== undefined) {
      carry(connection.kernel, flags, connection, connection.remote, undefined, 0)
    }
  }

  const arrive: Ordered["arrive"] = (segment, target, sender) => {
    const order = segment.order!
    const { line } = target
    // of a handshake that was given up
    if (target.remote !== sender || line?.peer !== sender) return
    if (target.state === "SYN_RECEIVED") protocol.handshake(target)
    target.credit += line.allow(order.granted)
    if (target.credit > 0) target.stalled = false
    line.answered()
    for (const { flags, size } of line.acknowledge(order.acknowledges)) {
      target.inFlight -= size
      target.acknowledged += size
      if ((flags & FIN) !== 0) protocol.finAcknowledged(target)
    }
    if (order.number !== -1) {
      for (let next = line.take(segment); next !== undefined; next = line.take(undefined)) {
        if (next.chunk !== undefined) line.window -= next.chunk.size
        if ((next.flags & SYN) !== 0) protocol.synAck(next, target)
        else if (next.chunk !== undefined) protocol.data(target, sender, next.chunk)
        else protocol.fin(target)
        if (target.failure !== 0) return
      }
    }
    // its ends may have ended meanwhile, and the peer is to know that all came
    if (order.number !== -1 || (segment.flags & PROBE) !== 0) acknowledge(target, ACK)
    if (target.state === "CLOSED" || target.isConnecting) return
    target.kernel.streams.writable(target)
    protocol.pump(target)
  }

  const missed: Ordered["missed"] = ({ chunk, flags }, sender) => {
    const { remote } = sender
    if (remote === undefined || (chunk === undefined && (flags & (SYN | FIN)) === 0)) return
    const line = lineFor(sender, remote, actions)
    line.add(flags, chunk, sender.acknowledged + line.bytes)
  }

  const persist: Ordered["persist"] = (connection) => {
    const { remote } = connection
    if (remote !== undefined) lineFor(connection, remote, actions).persist()
  }

  const actions: Actions = {
    resend: (connection, item) =>
      send(connection, item.flags, item.chunk, item.number, item.offset, item.retransmissions),
    ask: (connection) => acknowledge(connection, PROBE | ACK),
    giveUp: (connection) => {
      const { remote } = connection
      // the next SYN finds nothing of it
      if (remote?.state === "SYN_SENT") remote.remote = undefined
      protocol.fail(connection, STATUS_IO_TIMEOUT)
    }
  }

  return { carry, acknowledge, arrive, missed, persist }
}
