/**
 * The network between simulated machines: takes what they send and delivers it in a later turn, in the order in which
 * it was sent.
 */
import { IPPROTO_UDP, MSG_BCAST, MSG_MCAST } from "@effect-winsock/schema/Flags"
import { STATUS_HOPLIMIT_EXCEEDED, STATUS_PORT_UNREACHABLE } from "@effect-winsock/schema/NtStatus"
import * as Bindings from "./Bindings.ts"
import { Datagram, type Report } from "./Datagram.ts"
import * as Icmp from "./Icmp.ts"
import type { Ip } from "./Ip.ts"
import * as Journey from "./Journey.ts"
import * as Judging from "./Judging.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Multicast from "./Multicast.ts"
import type { Operation } from "./Operation.ts"
import * as PathMtu from "./PathMtu.ts"
import * as Raw from "./Raw.ts"
import * as Receive from "./Receive.ts"
import type { Routes, Way } from "./Routes.ts"
import type { Rules } from "./Rules.ts"
import * as Send from "./Send.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { Delivery } from "./Settings.ts"
import * as Timestamps from "./Timestamps.ts"
import { ScheduledTask, type Task, type Turns } from "./Turns.ts"
import type { UdpSocket } from "./UdpSocket.ts"

/** Something under way. */
export interface Flight {
  arrive(network: Network): void
}

/** A datagram under way, and the socket that sent it, for reports about it. */
export class DatagramFlight implements Flight {
  readonly kernel: Kernel
  /** Undefined for what a machine says by itself. */
  readonly socket: UdpSocket | undefined
  readonly datagram: Datagram
  /** The send that ends when the network takes the datagram. */
  readonly operation: Operation | undefined
  constructor(kernel: Kernel, socket: UdpSocket | undefined, datagram: Datagram, operation: Operation | undefined) {
    this.kernel = kernel
    this.socket = socket
    this.datagram = datagram
    this.operation = operation
  }
  arrive(network: Network): void {
    network.deliver(this)
  }
  /** The flight of another datagram instead. */
  of(datagram: Datagram): DatagramFlight {
    return datagram === this.datagram ? this : new DatagramFlight(this.kernel, this.socket, datagram, undefined)
  }
}

/** A datagram at the end of its way. */
class Arrival implements Flight {
  private readonly act: (network: Network) => void
  constructor(act: (network: Network) => void) {
    this.act = act
  }
  arrive(network: Network): void {
    this.act(network)
  }
}

export class Network implements Task {
  readonly turns: Turns
  readonly delivery: Delivery
  readonly routes: Routes
  readonly rules: Rules
  readonly kernels: Array<Kernel> = []
  private flights: Array<Flight> = []
  private posted = false
  private delivering = false
  private holds = 0
  private lastId = 0
  private readonly touched: Array<UdpSocket> = []

  constructor(turns: Turns, delivery: Delivery, routes: Routes, rules: Rules) {
    this.turns = turns
    this.delivery = delivery
    this.routes = routes
    this.rules = rules
  }

  nextId(): number {
    return ++this.lastId
  }

  /** How much is under way. */
  get size(): number {
    return this.flights.length
  }

  get isHeld(): boolean {
    return this.holds > 0
  }

  /** Keeps what is under way from arriving, and so send buffers from draining. */
  hold(): void {
    this.holds++
  }

  release(): void {
    this.holds--
    this.start()
  }

  send(kernel: Kernel, socket: UdpSocket, datagram: Datagram, operation: Operation | undefined): void {
    this.carry(new DatagramFlight(kernel, socket, datagram, operation))
  }

  carry(flight: Flight): void {
    this.flights.push(flight)
    if (this.delivery === "immediate" && !this.isHeld && !this.delivering) this.run()
    else this.start()
  }

  run(): void {
    this.posted = false
    if (this.isHeld) return
    this.delivering = true
    // what a delivery sets off (a send that waited for room, an ICMP report) travels in the next turn
    const flights = this.flights
    this.flights = []
    for (let i = 0; i < flights.length; i++) flights[i].arrive(this)
    // coalescing sockets are served once all of this turn's datagrams are there
    for (const socket of this.touched.splice(0)) Receive.serve(socket.kernel, socket)
    this.delivering = false
    this.start()
  }

  /** Lets arrive what is under way, within the call that is being made. */
  arriveNow(): void {
    if (!this.delivering) this.run()
  }

  private start(): void {
    if (this.flights.length === 0 || this.posted || this.isHeld) return
    this.posted = true
    this.turns.post(this)
  }

  /** Returns the machine that has an address, as seen from one of them. */
  hostOf(kernel: Kernel, ip: Ip): Kernel | undefined {
    if (Machine.owner(kernel.machine, ip) !== undefined) return kernel.isDown ? undefined : kernel
    return this.routes.owner(this.kernels, kernel, ip)
  }

  /** The machine of a kernel as it is now; undefined while it is down. */
  private present(kernel: Kernel): Kernel | undefined {
    if (!kernel.isDown) return kernel
    return this.kernels.find((other) => other.machine === kernel.machine && !other.isDown)
  }

  deliver(flight: DatagramFlight): void {
    const { datagram, kernel, socket } = flight
    // what left the machine before its power went is under way all the same
    if (socket !== undefined && !kernel.isDown) {
      Timestamps.departs(this.turns, socket, datagram)
      Send.drained(kernel, socket, datagram.payload.length, flight.operation)
    }
    const ip = datagram.destination
    if (ip.isMulticast) return this.multicast(flight)
    if (Machine.isBroadcast(kernel.machine, ip)) return this.broadcast(flight)
    if (isForged(kernel, flight)) return this.drop(kernel, datagram, "source of another")
    if (this.rules.any) Judging.judge(this, flight, this.hostOf(kernel, ip), (judged) => this.go(judged))
    else this.go(flight)
  }

  private go(flight: DatagramFlight): void {
    const { datagram, kernel } = flight
    const ip = datagram.destination
    const narrowAt = (mtus: ReadonlyArray<number>): number => PathMtu.narrowAt(kernel, datagram, mtus)
    const { delay, end, narrow, passed, target, way } = Journey.of(this, kernel, ip, datagram.ttl, narrowAt)
    if (target?.isDown === true) return this.drop(kernel, datagram, "host is down")
    if (end === "nobody") return this.drop(kernel, datagram, "no such host")
    if (end === "narrow") return this.tooBig(flight, way, narrow)
    this.after(delay, () => {
      datagram.ttl -= end === "expired" ? passed - 1 : passed
      const refusal = Journey.refusals[end]
      if (refusal !== undefined) {
        const [failure, reason] = refusal
        const from = Judging.speakerOf(way.routers[passed - 1], datagram)
        return this.refuse({ flight, from, ttl: Icmp.routerTtl, delay, failure, reason })
      }
      if (end === "router") return this.atRouter(flight, delay)
      const own = Machine.owner(target!.machine, ip)!
      if (PathMtu.isTooBig(datagram, own.mtu)) {
        // a router says so, and the sender's machine knows from now on
        kernel.pathMtus.learn(ip, own.mtu)
        return this.drop(kernel, datagram, "too big for the path")
      }
      this.arrive(flight, target!, own.index)
    })
  }

  // at once, or when the clock says so: then it may be held once more
  after(delay: number, act: () => void): void {
    if (delay === 0) return act()
    this.turns.after(delay, new ScheduledTask(() => this.carry(new Arrival(act))))
  }

  private arrive(flight: DatagramFlight, to: Kernel, index: number): void {
    const { datagram } = flight
    const target = this.present(to)
    if (target === undefined) return this.drop(to, datagram, "host is down")
    if (datagram.damaged) return this.drop(target, datagram, "damaged")
    datagram.interfaceIndex = index
    const raws = Raw.deliver(this, target, datagram)
    if (datagram.protocol !== IPPROTO_UDP) return this.arriveAsOther(flight, target, raws)
    const socket = Bindings.find(target, datagram)
    if (socket !== undefined) return this.hand(target, socket, datagram)
    if (Bindings.isOpen(target, datagram)) return this.drop(target, datagram, "not from the peer")
    if (raws === 0) this.drop(target, datagram, "port closed")
    this.unreachable(flight, target, "port")
  }

  private arriveAsOther(flight: DatagramFlight, target: Kernel, raws: number): void {
    const { datagram } = flight
    if (!Icmp.isIcmp(datagram)) {
      if (raws > 0) return
      this.drop(target, datagram, "protocol unknown")
      return this.unreachable(flight, target, "protocol")
    }
    if (datagram.report !== undefined) this.report(target, datagram.report)
    const reply = target.machine.answersEcho ? Icmp.replyTo(this.nextId(), datagram, Icmp.ownTtl) : undefined
    if (reply !== undefined) this.flights.push(new DatagramFlight(target, undefined, reply, undefined))
  }

  /** A machine says that it does not have what a datagram was for. */
  private unreachable(flight: DatagramFlight, target: Kernel, failure: Icmp.Failure): void {
    if (!target.machine.answersUnreachable) return
    const icmp = this.complaint(flight, flight.datagram.destination, failure, Icmp.ownTtl)
    if (icmp !== undefined) this.flights.push(new DatagramFlight(target, undefined, icmp, undefined))
  }

  /** What ICMP says of a datagram, and what of that Windows tells the socket that sent it. */
  private complaint(
    flight: DatagramFlight,
    from: Ip,
    failure: Icmp.Failure,
    ttl: number,
    mtu = 0
  ): Datagram | undefined {
    const { datagram, socket } = flight
    const id = this.nextId()
    const icmp = Icmp.about(id, from, datagram, failure, ttl, mtu)
    const status = told[failure]
    if (icmp !== undefined && status !== undefined && socket !== undefined && socket.raw === undefined) {
      const { destination, destinationPort, source, sourcePort, ttl } = datagram
      const report = new Datagram(id, destination, destinationPort, source, sourcePort, nothing, ttl, 0)
      report.status = status
      icmp.report = { socket, datagram: report }
    }
    return icmp
  }

  /** Somebody on the way says why a datagram goes no further; a router without an address of the family is silent. */
  refuse({ delay, failure, flight, from, mtu, reason, ttl }: Judging.Refusal): void {
    const { datagram, kernel } = flight
    this.drop(kernel, datagram, reason)
    const icmp = from && this.complaint(flight, from, failure, ttl, mtu)
    if (icmp === undefined) return
    this.sendBack(kernel, icmp, delay, () => {
      if (mtu !== undefined) kernel.pathMtus.learn(datagram.destination, mtu)
    })
  }

  /** A part of the way is too narrow: the router before it says so, and the sender's machine knows from now on. */
  private tooBig({ datagram, kernel }: DatagramFlight, { mtus, routers }: Way, at: number): void {
    kernel.pathMtus.learn(datagram.destination, mtus[at])
    this.drop(kernel, datagram, "too big for the path")
    // before the first router it is the machine itself that finds out
    const from = Judging.speakerOf(routers[at - 1] ?? [], datagram)
    const icmp = from && Icmp.about(this.nextId(), from, datagram, "size", Icmp.routerTtl, mtus[at])
    if (icmp !== undefined) this.sendBack(kernel, icmp, 0)
  }

  private atRouter(flight: DatagramFlight, delay: number): void {
    const { datagram, kernel } = flight
    if (datagram.damaged) return this.drop(kernel, datagram, "damaged")
    const reply = Icmp.replyTo(this.nextId(), datagram, Icmp.routerTtl)
    if (reply === undefined) return this.drop(kernel, datagram, "only a router")
    this.sendBack(kernel, reply, delay)
  }

  // to the machine that a router heard from
  private sendBack(kernel: Kernel, datagram: Datagram, delay: number, then?: () => void): void {
    const own = Machine.owner(kernel.machine, datagram.destination)
    if (own === undefined) return this.drop(kernel, datagram, "no such host")
    const act = (): void => {
      then?.()
      this.arrive(new DatagramFlight(kernel, undefined, datagram, undefined), kernel, own.index)
    }
    if (delay === 0) this.flights.push(new Arrival(act))
    else this.after(delay, act)
  }

  /** An ICMP error tells the socket whose datagram met it, if that wants to hear of its kind. */
  private report(kernel: Kernel, { datagram, socket }: Report): void {
    const wanted = datagram.status === STATUS_PORT_UNREACHABLE ? socket.connectionReset : socket.networkReset
    if (socket.kernel !== kernel || socket.handle === 0 || !wanted || socket.noReceive) return
    if (socket.peer !== undefined && (socket.peerPort !== datagram.sourcePort || !socket.peer.equals(datagram.source)))
      return
    this.hand(kernel, socket, datagram)
  }

  private broadcast(flight: DatagramFlight): void {
    const { datagram, kernel } = flight
    const via = Machine.byIndex(kernel.machine, datagram.interfaceIndex)
    let reached = 0
    for (const target of this.kernels) {
      if (target.isDown) continue
      const own =
        target === kernel
          ? via
          : target.machine.interfaces.find(
              (own) =>
                !own.loopback &&
                own.link === via?.link &&
                own.addresses.some(({ ip, prefix }) => ip.samePrefix(datagram.source, prefix))
            )
      if (own === undefined) continue
      const copy = flight.of(copyAt(datagram, own.index, MSG_BCAST))
      reached += this.eachJudged(copy, target, (judged) => this.spread(target, judged.datagram))
    }
    if (reached === 0) this.drop(kernel, datagram, "nobody listens")
  }

  /** To all sockets of a machine that a broadcast is for; how many there are. */
  private spread(target: Kernel, datagram: Datagram): number {
    if (datagram.damaged) return this.dropDamaged(target, datagram)
    let reached = Raw.deliver(this, target, datagram)
    if (datagram.protocol !== IPPROTO_UDP) return reached
    for (const socket of Bindings.findAll(target, datagram)) {
      this.hand(target, socket, Judging.copyOf(datagram))
      reached++
    }
    return reached
  }

  /** To the sockets that are in the group, of the machines on the link. */
  private multicast(flight: DatagramFlight): void {
    const { datagram, kernel } = flight
    const via = Machine.byIndex(kernel.machine, datagram.interfaceIndex)
    let reached = 0
    for (const at of via === undefined ? [] : Multicast.arrivals(this.kernels, kernel, via, datagram)) {
      if (PathMtu.isTooBig(datagram, Machine.mtuOf(Machine.byIndex(at.kernel.machine, at.index)!))) continue
      // who is not in the group hears nothing that a rule could stop
      if (this.rules.any && members(at, flight).length === 0) continue
      const copy = flight.of(copyAt(datagram, at.index, MSG_MCAST))
      reached += this.eachJudged(copy, at.kernel, (judged) => this.spreadInGroup(at, judged))
    }
    if (reached === 0) this.drop(kernel, datagram, "nobody is in the group")
  }

  private spreadInGroup(at: Multicast.Arrival, flight: DatagramFlight): number {
    const { datagram } = flight
    if (datagram.damaged) return this.dropDamaged(at.kernel, datagram)
    const sockets = members(at, flight)
    for (const socket of sockets) this.hand(at.kernel, socket, Judging.copyOf(datagram))
    return sockets.length
  }

  private dropDamaged(kernel: Kernel, datagram: Datagram): number {
    this.drop(kernel, datagram, "damaged")
    return 1
  }

  /** One of several that a datagram becomes goes its way; how many sockets it reached, or 1 where rules had a say. */
  private eachJudged(flight: DatagramFlight, target: Kernel, go: (flight: DatagramFlight) => number): number {
    if (!this.rules.any) return go(flight)
    let reached = 0
    const here = Judging.judge(this, flight, target, (judged) => {
      reached += go(judged)
    })
    return here ? reached : 1
  }

  hand(kernel: Kernel, socket: UdpSocket, datagram: Datagram): void {
    if (socket.noReceive && datagram.status === 0) return this.drop(kernel, datagram, "shut down")
    if (
      datagram.status === 0 &&
      !SocketOptions.takesFrom(socket, !datagram.destination.isV4, datagram.interfaceIndex)
    ) {
      return this.drop(kernel, datagram, "an interface that is not listed")
    }
    if (socket.timestamps) {
      datagram.arrived = Timestamps.counter(this.turns)
    }
    if (socket.coalesce > 0 && datagram.status === 0) {
      if (!this.merge(kernel, socket, datagram)) this.enqueue(kernel, socket, datagram)
      if (!this.touched.includes(socket)) this.touched.push(socket)
      return
    }
    if (socket.receives.size > 0 && socket.queued === 0) {
      kernel.trace.datagram("Delivered", kernel.name, datagram, socket.number, "")
      const operation = socket.receives.first!
      if (operation.peek) socket.putQueue(datagram)
      Receive.finish(kernel, operation, datagram)
      if (operation.peek) Receive.serve(kernel, socket)
      return
    }
    this.enqueue(kernel, socket, datagram)
  }

  private enqueue(kernel: Kernel, socket: UdpSocket, datagram: Datagram): void {
    const room = socket.options[SocketOptions.RCVBUF]
    const waits = socket.receives.size > 0
    const size = datagram.payload.length
    // an empty buffer takes one datagram whatever its size
    if (
      datagram.status === 0 &&
      !waits &&
      (room === 0 || (socket.queuedBytes > 0 && socket.queuedBytes + size > room))
    ) {
      socket.overflowed++
      return this.drop(kernel, datagram, "receive buffer full")
    }
    socket.putQueue(datagram)
    kernel.trace.datagram("Delivered", kernel.name, datagram, socket.number, "")
  }

  // receive offload: datagrams of one flow and one size become one, until a shorter one ends it
  private merge(kernel: Kernel, socket: UdpSocket, datagram: Datagram): boolean {
    const last = socket.lastQueued
    if (last === undefined || last.status !== 0) return false
    const segment = last.segment === 0 ? last.payload.length : last.segment
    const total = last.payload.length + datagram.payload.length
    if (
      segment === 0 ||
      last.payload.length % segment !== 0 ||
      datagram.payload.length > segment ||
      datagram.payload.length === 0 ||
      total > socket.coalesce ||
      total > socket.options[SocketOptions.RCVBUF] ||
      last.sourcePort !== datagram.sourcePort ||
      !last.source.equals(datagram.source) ||
      !last.destination.equals(datagram.destination) ||
      last.tos !== datagram.tos ||
      last.ttl !== datagram.ttl
    )
      return false
    const payload = new Uint8Array(total)
    payload.set(last.payload)
    payload.set(datagram.payload, last.payload.length)
    const { destination, destinationPort, id, source, sourcePort, tos, ttl } = last
    const merged = new Datagram(id, source, sourcePort, destination, destinationPort, payload, ttl, tos)
    merged.segment = segment
    merged.interfaceIndex = last.interfaceIndex
    merged.arrived = last.arrived
    socket.replaceLast(merged)
    kernel.trace.datagram("Delivered", kernel.name, datagram, socket.number, "")
    return true
  }

  drop(kernel: Kernel, datagram: Datagram, reason: string): void {
    kernel.trace.datagram("Dropped", kernel.name, datagram, 0, reason)
  }
}

/** One of several that a datagram becomes. */
const copyAt = (datagram: Datagram, index: number, flags: number): Datagram => {
  const copy = Judging.copyOf(datagram)
  copy.interfaceIndex = index
  copy.flags = flags
  return copy
}

/** Who on a machine gets a datagram to a group. */
const members = (at: Multicast.Arrival, { datagram, kernel }: DatagramFlight): Array<UdpSocket> =>
  Bindings.findAll(at.kernel, datagram).filter((socket) => Multicast.isFor(socket, datagram, at, at.kernel === kernel))

// what Windows documents that a UDP socket hears: WSAECONNRESET and WSAENETRESET
const told: { readonly [F in Icmp.Failure]?: number } = {
  port: STATUS_PORT_UNREACHABLE,
  hops: STATUS_HOPLIMIT_EXCEEDED
}

// of UDP over a raw socket Windows lets nobody's address pass but the machine's own
const isForged = (kernel: Kernel, { datagram: { protocol, source }, socket }: DatagramFlight): boolean =>
  socket?.raw !== undefined && protocol === IPPROTO_UDP && Machine.owner(kernel.machine, source) === undefined

const nothing = new Uint8Array(0)
