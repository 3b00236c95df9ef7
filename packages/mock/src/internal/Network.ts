/**
 * The network between simulated machines: takes what they send and delivers it in a later turn, in the order in which
 * it was sent.
 */
import { MSG_BCAST, MSG_MCAST } from "@effect-winsock/schema/Flags"
import { STATUS_PORT_UNREACHABLE } from "@effect-winsock/schema/NtStatus"
import * as Bindings from "./Bindings.ts"
import { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Multicast from "./Multicast.ts"
import type { Operation } from "./Operation.ts"
import * as PathMtu from "./PathMtu.ts"
import * as Receive from "./Receive.ts"
import * as Send from "./Send.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { Delivery } from "./Settings.ts"
import * as Timestamps from "./Timestamps.ts"
import type { Task, Turns } from "./Turns.ts"
import type { UdpSocket } from "./UdpSocket.ts"

/** Something under way. */
export interface Flight {
  arrive(network: Network): void
}

/** A datagram under way, and the socket that sent it, for reports about it. */
class DatagramFlight implements Flight {
  readonly kernel: Kernel
  readonly socket: UdpSocket
  readonly datagram: Datagram
  /** The send that ends when the network takes the datagram. */
  readonly operation: Operation | undefined
  constructor(kernel: Kernel, socket: UdpSocket, datagram: Datagram, operation: Operation | undefined) {
    this.kernel = kernel
    this.socket = socket
    this.datagram = datagram
    this.operation = operation
  }
  arrive(network: Network): void {
    network.deliver(this)
  }
}

export class Network implements Task {
  readonly turns: Turns
  readonly delivery: Delivery
  readonly kernels: Array<Kernel> = []
  private flights: Array<Flight> = []
  private posted = false
  private delivering = false
  private holds = 0
  private lastId = 0
  private readonly touched: Array<UdpSocket> = []

  constructor(turns: Turns, delivery: Delivery) {
    this.turns = turns
    this.delivery = delivery
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

  private start(): void {
    if (this.flights.length === 0 || this.posted || this.isHeld) return
    this.posted = true
    this.turns.post(this)
  }

  /** Returns the machine that has an address, as seen from one of them. */
  hostOf(kernel: Kernel, ip: Ip): Kernel | undefined {
    if (Machine.owner(kernel.machine, ip) !== undefined) return kernel
    return this.kernels.find((other) => other !== kernel && Machine.owner(other.machine, ip) !== undefined)
  }

  deliver(flight: DatagramFlight): void {
    const { datagram, kernel, socket } = flight
    if (datagram.status !== 0) return this.report(flight)
    Timestamps.departs(this.turns, socket, datagram)
    Send.drained(kernel, socket, datagram.payload.length, flight.operation)
    const ip = datagram.destination
    if (ip.isMulticast) return this.multicast(flight)
    if (Machine.isBroadcast(kernel.machine, ip)) return this.broadcast(flight)
    const target = this.hostOf(kernel, ip)
    if (target === undefined) return this.drop(kernel, datagram, "no such host")
    const own = Machine.owner(target.machine, ip)!
    if (PathMtu.isTooBig(datagram, own.mtu)) {
      // a router says so, and the sender's machine knows from now on
      kernel.pathMtus.learn(ip, own.mtu)
      return this.drop(kernel, datagram, "too big for the path")
    }
    this.arrive(flight, target, own.index)
  }

  private arrive(flight: DatagramFlight, target: Kernel, index: number): void {
    const { datagram } = flight
    datagram.interfaceIndex = index
    const socket = Bindings.find(target, datagram)
    if (socket !== undefined) return this.hand(target, socket, datagram)
    if (Bindings.isOpen(target, datagram)) return this.drop(target, datagram, "not from the peer")
    this.drop(target, datagram, "port closed")
    if (!target.machine.answersUnreachable || datagram.source.isAny) return
    const icmp = new Datagram(
      this.nextId(),
      datagram.destination,
      datagram.destinationPort,
      datagram.source,
      datagram.sourcePort,
      nothing,
      datagram.ttl,
      0
    )
    icmp.status = STATUS_PORT_UNREACHABLE
    this.flights.push(new DatagramFlight(flight.kernel, flight.socket, icmp, undefined))
  }

  /** An ICMP port unreachable comes back to the socket whose datagram met it. */
  private report(flight: DatagramFlight): void {
    const { datagram, kernel, socket } = flight
    if (socket.handle === 0 || !socket.connectionReset || socket.noReceive) return
    if (socket.peer !== undefined && (socket.peerPort !== datagram.sourcePort || !socket.peer.equals(datagram.source)))
      return
    this.hand(kernel, socket, datagram)
  }

  private broadcast(flight: DatagramFlight): void {
    const { datagram, kernel } = flight
    let reached = 0
    for (const target of this.kernels) {
      const own =
        target === kernel
          ? Machine.byIndex(kernel.machine, datagram.interfaceIndex)
          : target.machine.interfaces.find(
              (own) => !own.loopback && own.addresses.some(({ ip, prefix }) => ip.samePrefix(datagram.source, prefix))
            )
      if (own === undefined) continue
      for (const socket of Bindings.findAll(target, datagram)) {
        this.hand(target, socket, copyOf(datagram, own.index, MSG_BCAST))
        reached++
      }
    }
    if (reached === 0) this.drop(kernel, datagram, "nobody listens")
  }

  /** To the sockets that are in the group, of the machines on the link. */
  private multicast(flight: DatagramFlight): void {
    const { datagram, kernel } = flight
    const via = Machine.byIndex(kernel.machine, datagram.interfaceIndex)
    let reached = 0
    for (const at of via === undefined ? [] : Multicast.arrivals(this.kernels, kernel, via, datagram)) {
      if (PathMtu.isTooBig(datagram, Machine.byIndex(at.kernel.machine, at.index)!.mtu)) continue
      for (const socket of Bindings.findAll(at.kernel, datagram)) {
        if (!Multicast.isFor(socket, datagram, at, at.kernel === kernel)) continue
        this.hand(at.kernel, socket, copyOf(datagram, at.index, MSG_MCAST))
        reached++
      }
    }
    if (reached === 0) this.drop(kernel, datagram, "nobody is in the group")
  }

  private hand(kernel: Kernel, socket: UdpSocket, datagram: Datagram): void {
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

  private drop(kernel: Kernel, datagram: Datagram, reason: string): void {
    kernel.trace.datagram("Dropped", kernel.name, datagram, 0, reason)
  }
}

/** One of several that a datagram becomes. */
const copyOf = (datagram: Datagram, index: number, flags: number): Datagram => {
  const { destination, destinationPort, id, payload, source, sourcePort, tos, ttl } = datagram
  const copy = new Datagram(id, source, sourcePort, destination, destinationPort, payload, ttl, tos)
  copy.interfaceIndex = index
  copy.flags = flags
  return copy
}

const nothing = new Uint8Array(0)
