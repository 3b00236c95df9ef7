/**
 * What a test sees of a simulated machine.
 */
import * as Effect from "effect/Effect"
import type { Route as NetworkRoute } from "../MockNetwork.ts"
import type { MachineOptions, Mock, SocketInfo } from "../MockWinsock.ts"
import * as MockTrace from "../MockTrace.ts"
import * as Happenings from "./Happenings.ts"
import { interfaceMtu } from "./Layout.ts"
import { format, formatEndpoint, type Ip, parse } from "./Ip.ts"
import { Loop, preciseMillis } from "./Loop.ts"
import * as Report from "./Report.ts"
import type { Route } from "./Routes.ts"
import { type Machine, loopbackInterface, parseAddress } from "./Machine.ts"
import { type Node, type Simulation, audit, live } from "./Simulation.ts"
import * as Steps from "./Steps.ts"
import type { Connection } from "./Connection.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import type { UdpSocket } from "./UdpSocket.ts"
import { UnixSocket } from "./UnixSocket.ts"

/** Puts a machine together; throws a RangeError for an interface that cannot be. */
export const machine = (name: string, options: MachineOptions): Machine => {
  const interfaces = (options.interfaces ?? []).map((own) => {
    if (!Number.isInteger(own.index) || own.index < 2) throw new RangeError(`not an interface index: ${own.index}`)
    return {
      index: own.index,
      name: own.name,
      loopback: false,
      mtu: interfaceMtu(own.name, own.mtu),
      addresses: own.addresses.map(parseAddress),
      link: undefined
    }
  })
  return {
    name,
    interfaces: [loopbackInterface, ...interfaces],
    answersUnreachable: options.portUnreachable ?? true,
    answersEcho: options.echoReply ?? true,
    administrator: options.administrator ?? true,
    toward: undefined
  }
}

/** Throws a RangeError for an address or an interface index that is there twice, where all machines reach each other. */
export const distinct = (machines: ReadonlyArray<Machine>): ReadonlyArray<Machine> => {
  const owners = new Map<string, string>()
  for (const { interfaces, name } of machines) {
    const indices = new Set<number>()
    for (const { addresses, index, loopback } of interfaces) {
      if (indices.has(index)) throw new RangeError(`interface index of ${name} is used twice: ${index}`)
      indices.add(index)
      if (loopback) continue
      for (const { ip } of addresses) {
        const text = format(ip)
        const other = owners.get(text)
        if (other !== undefined) throw new RangeError(`address of ${name} is used twice, by ${other} too: ${text}`)
        owners.set(text, name)
      }
    }
  }
  return machines
}

/** Puts a route together; throws a RangeError for one that cannot be. */
export const route = (names: ReadonlyArray<string>, { between, delay = 0, routers }: NetworkRoute<string>): Route => {
  for (const name of between) {
    if (!names.includes(name)) throw new RangeError(`not a host of this network: ${name}`)
  }
  if (between[0] === between[1]) throw new RangeError(`not two hosts: ${between[0]}`)
  if (!(delay >= 0 && Number.isFinite(delay))) throw new RangeError(`not a delay: ${delay}`)
  return { ends: between, routers: routers.map((addresses) => addresses.map(parse)), delay }
}

const describe = (host: string, socket: AnySocket): SocketInfo =>
  socket.protocol === "UDP" ? describeUdp(host, socket) : describeTcp(host, socket)

// a raw socket has no ports
const endpointOf = (socket: UdpSocket, ip: Ip, port: number): string =>
  socket.raw === undefined ? formatEndpoint(ip, port) : format(ip)

const describeUdp = (host: string, socket: UdpSocket): SocketInfo => ({
  host,
  socket: socket.handle,
  protocol: socket.raw === undefined ? "UDP" : "RAW",
  state: undefined,
  backlog: 0,
  family: socket.v6 ? "IPv6" : "IPv4",
  local: socket.localPort === 0 ? undefined : endpointOf(socket, socket.local, socket.localPort),
  peer: socket.peer === undefined ? undefined : endpointOf(socket, socket.peer, socket.peerPort),
  pendingReceives: socket.receives.size,
  pendingSends: socket.sends.size,
  queued: socket.queued,
  queuedBytes: socket.queuedBytes,
  sendBuffered: socket.sendBuffered,
  dropped: socket.overflowed
})

const describeTcp = (host: string, socket: TcpSocket): SocketInfo => {
  const { connection, listening } = socket
  return {
    ...describeConnection(host, connection),
    socket: socket.handle,
    protocol: socket.isUnix ? "UNIX" : "TCP",
    family: socket.isUnix ? "Unix" : socket.v6 ? "IPv6" : "IPv4",
    state: listening !== undefined ? "LISTENING" : connection?.state,
    local:
      connection !== undefined
        ? endOf(connection, false)
        : socket instanceof UnixSocket
          ? socket.path
          : socket.localPort === 0
            ? undefined
            : formatEndpoint(socket.local, socket.localPort),
    backlog: listening === undefined ? 0 : listening.backlog.size,
    pendingReceives: socket.receives.size,
    pendingSends: socket.sends.size
  }
}

const endOf = (connection: Connection, peer: boolean): string => {
  const { paths } = connection
  if (paths !== undefined) return peer ? paths.peer : paths.local
  return peer
    ? formatEndpoint(connection.peer, connection.peerPort)
    : formatEndpoint(connection.local, connection.localPort)
}

// also of connections that no socket has: in a backlog, or closed and not over
const describeConnection = (host: string, connection: Connection | undefined): SocketInfo => ({
  host,
  socket: 0,
  protocol: connection?.paths === undefined ? "TCP" : "UNIX",
  state: connection?.state,
  family:
    connection?.paths !== undefined ? "Unix" : connection === undefined || connection.local.isV4 ? "IPv4" : "IPv6",
  local: connection === undefined ? undefined : endOf(connection, false),
  peer: connection === undefined ? undefined : endOf(connection, true),
  pendingReceives: 0,
  pendingSends: 0,
  queued: 0,
  queuedBytes: connection?.queuedBytes ?? 0,
  sendBuffered: connection?.buffered ?? 0,
  dropped: 0,
  backlog: 0
})

export const netstat = (kernel: Kernel): Array<SocketInfo> => {
  const { connections, handles, isDown, name } = kernel
  if (isDown) return []
  connections.expire(preciseMillis(kernel.turns.clock))
  return [
    ...handles.list().flatMap((object) => (object.type === "socket" ? [describe(name, object)] : [])),
    ...connections
      .list()
      .filter((connection) => connection.socket === undefined)
      .map((connection) => describeConnection(name, connection))
  ]
}

export const make = (simulation: Simulation, node: Node): Mock => {
  const { network, trace, turns } = simulation
  const settled = Effect.callback<void>((resume) =>
    simulation.settle((settled) =>
      resume(settled ? Effect.void : Effect.die(new Error("the simulation never comes to rest")))
    )
  )
  const hosts = simulation.nodes.map((other) => other.kernel.name)
  const mock: Mock = {
    name: node.kernel.name,
    get seam() {
      return node.seam
    },
    trace: Effect.sync(() => trace.list()),
    clearTrace: Effect.sync(() => trace.clear()),
    sockets: Effect.sync(() => netstat(node.kernel)),
    settled,
    advance: (duration) => Steps.advance(turns.clock, settled, duration),
    guard: Effect.sync(() => node.kernel.guard.violations.slice()),
    fault: (fault) =>
      Effect.acquireRelease(
        Effect.sync(() => node.kernel.faults.add(fault)),
        (remove) => Effect.sync(remove)
      ),
    rules: (...rules) =>
      Effect.acquireRelease(
        Effect.sync(() => network.rules.add(rules, hosts)),
        (remove) => Effect.sync(remove)
      ),
    hold: Effect.acquireRelease(
      Effect.sync(() => network.hold()),
      () => Effect.sync(() => network.release())
    ),
    file: (path, content) => Effect.sync(() => node.kernel.files.add(path, content)),
    addAddress: (index, address) => Effect.sync(() => Happenings.addAddress(node.kernel, index, address)),
    removeAddress: (address) => Effect.sync(() => Happenings.removeAddress(node.kernel, address)),
    threadExit: (ports = "survive") => Effect.sync(() => Happenings.threadExit(node.kernel, ports)),
    keptAlive: Effect.sync(() => node.kernel.keepAlive > 0),
    exit: Effect.sync(() => {
      for (const task of node.kernel.exitTasks) task()
    }),
    counts: Effect.sync(() => {
      const { guard, handles, memory } = node.kernel
      return { blocks: memory.live, handles: handles.open, pending: guard.pending.size }
    })
  }
  powers.set(mock, {
    get isUp() {
      return !node.kernel.isDown
    },
    off: () => simulation.powerOff(node),
    on: () => simulation.powerOn(node)
  })
  return mock
}

/** The power of a machine, which a network has in its hands. */
export interface Power {
  readonly isUp: boolean
  readonly off: () => void
  readonly on: () => void
}

const powers = new WeakMap<Mock, Power>()

export const powerOf = (mock: Mock): Power => powers.get(mock)!

// how much of the trace goes into the defect
const shown = 60

/** Ends a simulation; dies of what a strict guard found. */
export const release = (simulation: Simulation): Effect.Effect<void> =>
  Effect.suspend(() => {
    live.simulations--
    simulation.turns.close()
    const { clock } = simulation.turns
    if (clock instanceof Loop) clock.simulations.delete(simulation)
    const level = simulation.settings.guard
    if (level === "off") return Effect.void
    for (const { kernel } of simulation.nodes) audit(kernel)
    const violations = simulation.nodes.flatMap(({ kernel }) => kernel.guard.violations)
    if (level !== "strict" || violations.length === 0) return Effect.void
    const all = simulation.trace.list()
    const events = all.slice(-shown)
    const lines = [
      `the simulated kernel found ${Report.counted(violations.length)}:`,
      ...Report.violationLines(violations, all, events),
      ...(events.length === 0 ? [] : ["what happened last:", ...events.map((event) => `  ${MockTrace.format(event)}`)])
    ]
    return Effect.die(new Error(lines.join("\n")))
  })
