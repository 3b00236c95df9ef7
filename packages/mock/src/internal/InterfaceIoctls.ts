/**
 * Control codes about the machine's interfaces, and the waits for their changes.
 */
import * as InterfaceList from "@effect-winsock/schema/InterfaceList"
import * as Io from "@effect-winsock/schema/Ioctls"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Addresses from "./Addresses.ts"
import * as Ip from "./Ip.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import type { Operation } from "./Operation.ts"

export interface InterfaceRequest {
  readonly kernel: Kernel
  readonly socket: AnySocket
  readonly input: number
  readonly inputSize: number
  readonly output: number
  readonly outputSize: number
  /** Where the size of the output goes, also of one that is too large. */
  readonly bytesAt: number
}

/** Answers with the size of the output, or -1 after making the call fail. */
type InterfaceIoctl = (request: InterfaceRequest) => number

const refuse = (kernel: Kernel, code: number): number => {
  kernel.error = code
  return -1
}

// --- the answers ---

const scopeOf = (own: Machine.Interface, ip: Ip.Ip): number => (ip.isLinkLocal ? own.index : 0)

// loopback addresses are left out (the page of SIO_ADDRESS_LIST_QUERY)
const bindable = (kernel: Kernel, v6: boolean): Array<NetAddress.InetAddress> =>
  kernel.machine.interfaces
    .filter((own) => !own.loopback)
    .flatMap((own) => own.addresses.filter(({ ip }) => ip.isV4 !== v6).map(({ ip }) => inet(ip, scopeOf(own, ip))))

const inet = (ip: Ip.Ip, scopeId: number): NetAddress.InetAddress => {
  const address = Ip.toNetAddress(ip)
  return NetAddress.isIpv4Address(address)
    ? NetAddress.inetAddressUnsafe(address, 0)
    : Result.getOrThrow(NetAddress.inetAddressV6(address, 0, { scopeId }))
}

const queryAddresses: InterfaceIoctl = ({ bytesAt, kernel, output, outputSize, socket }) => {
  const { abi } = kernel.settings
  const list = bindable(kernel, socket.v6)
  const size = InterfaceList.addressesSize(abi, list)
  if (output === 0 || outputSize < size) {
    // how much room it takes is told all the same
    if (output !== 0) kernel.memory.setU32(bytesAt, size)
    return refuse(kernel, sdk.WSAEFAULT)
  }
  const view = kernel.memory.locate(output, size)
  return InterfaceList.writeAddresses(abi, view, kernel.memory.at, output, list)
}

const ipv4 = (ip: Ip.Ip): NetAddress.Ipv4Address => Ip.toNetAddress(ip) as NetAddress.Ipv4Address

const flagsOf = (own: Machine.Interface): number =>
  InterfaceList.IFF_UP |
  InterfaceList.IFF_MULTICAST |
  (own.loopback ? InterfaceList.IFF_LOOPBACK : InterfaceList.IFF_BROADCAST)

const queryInterfaces: InterfaceIoctl = ({ kernel, output, outputSize, socket }) => {
  if (socket.v6) return refuse(kernel, sdk.WSAEINVAL)
  const list = kernel.machine.interfaces.flatMap((own) =>
    own.addresses.filter(({ ip }) => ip.isV4).map(({ ip, prefix }) => ({ own, ip, prefix }))
  )
  const size = list.length * InterfaceList.INTERFACE_INFO.size[kernel.settings.abi]
  if (output === 0 || outputSize < size) return refuse(kernel, sdk.WSAEFAULT)
  if (size === 0) return 0
  const view = kernel.memory.locate(output, size)
  let { at } = kernel.memory
  for (const { ip, own, prefix } of list) {
    const netmask = Ip.v4(prefix === 0 ? 0 : 0xffff_ffff << (32 - prefix))
    at += InterfaceList.writeInterface(view, at, {
      flags: flagsOf(own),
      address: ipv4(ip),
      // Windows tells the limited broadcast address of every interface
      broadcast: ipv4(Ip.broadcastV4),
      netmask: ipv4(netmask)
    })
  }
  return size
}

interface Route {
  readonly ip: Ip.Ip
  readonly scope: number
}

const routeTo = (kernel: Kernel, to: Addresses.Endpoint): Route | undefined => {
  const via = Machine.route(kernel.machine, to.ip, to.scope)
  const ip = via === undefined ? undefined : Machine.sourceFor(kernel.machine, via, to.ip)
  return ip === undefined ? undefined : { ip, scope: scopeOf(via!, ip) }
}

const queryRoute: InterfaceIoctl = ({ input, inputSize, kernel, output, outputSize, socket }) => {
  const to = Addresses.read(kernel, socket.v6, input, inputSize)
  if (to === undefined) return -1
  const size = Addresses.sizeFor(socket.v6)
  if (output === 0 || outputSize < size) return refuse(kernel, sdk.WSAEFAULT)
  const route = routeTo(kernel, to)
  if (route === undefined) return refuse(kernel, sdk.WSAENETUNREACH)
  Addresses.write(kernel.memory, socket.v6, output, route.ip, 0, route.scope)
  return size
}

export const ioctls: { readonly [code: number]: InterfaceIoctl } = {
  [Io.SIO_ADDRESS_LIST_QUERY]: queryAddresses,
  [Io.SIO_GET_INTERFACE_LIST]: queryInterfaces,
  [Io.SIO_ROUTING_INTERFACE_QUERY]: queryRoute
}

// --- waiting for changes ---

/** Says, after each change of the machine, whether it is one that was waited for. */
type Watches = (kernel: Kernel, socket: AnySocket, input: number, inputSize: number) => (() => boolean) | undefined

const watchAddresses: Watches = (kernel, socket) => {
  const show = (): string => bindable(kernel, socket.v6).map(NetAddress.formatInet).join()
  let last = show()
  return () => last !== (last = show())
}

const watchRoute: Watches = (kernel, socket, input, inputSize) => {
  const to = Addresses.read(kernel, socket.v6, input, inputSize)
  if (to === undefined) return undefined
  const show = (): string => {
    const route = routeTo(kernel, to)
    return route === undefined ? "none" : Ip.formatEndpoint(route.ip, route.scope)
  }
  let last = show()
  return () => last !== (last = show())
}

const watches: { readonly [code: number]: Watches } = {
  [Io.SIO_ADDRESS_LIST_CHANGE]: watchAddresses,
  [Io.SIO_ROUTING_INTERFACE_CHANGE]: watchRoute
}

interface Watch {
  readonly operation: Operation
  readonly isChanged: () => boolean
}

/** The waits of a machine. */
export class InterfaceWatches {
  private list: Array<Watch> = []

  add(watch: Watch): void {
    this.list.push(watch)
  }

  /** The machine's addresses have changed: what waited for that ends in a later turn. */
  changed(kernel: Kernel): void {
    const { list } = this
    this.list = []
    for (const watch of list) {
      const { operation } = watch
      // cancelled, or closed with its socket
      if (operation.state !== "pending" && operation.state !== "cancelling") continue
      if (!watch.isChanged()) this.list.push(watch)
      else kernel.finishLater(operation)
    }
  }
}

/** Whether the code is one that waits for a change. */
export const isWait = (code: number): boolean => code in watches

/** Begins a wait for a change; it stays pending until there is one. */
export const wait = (
  kernel: Kernel,
  socket: AnySocket,
  code: number,
  input: number,
  inputSize: number,
  overlapped: number,
  routine: number
): number => {
  const isChanged = watches[code](kernel, socket, input, inputSize)
  if (isChanged === undefined) return 0
  if (overlapped === 0 || !socket.overlapped) {
    return socket.nonBlocking ? kernel.fail(sdk.WSAEWOULDBLOCK) : kernel.wouldWait(sdk.WSAEINTR)
  }
  const operation = kernel.operation("ioctl", socket)
  if (!kernel.begin(operation, overlapped, routine)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  operation.state = "pending"
  socket.controls.add(operation)
  kernel.watches.add({ operation, isChanged })
  return kernel.pend(operation)
}
