/**
 * What a test lets happen to a machine: addresses that come and go, and the end of the thread that made its calls.
 */
import { STATUS_CONNECTION_ABORTED } from "@effect-winsock/schema/NtStatus"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Sockets from "./Sockets.ts"
import * as Tcp from "./Tcp.ts"

const replace = (kernel: Kernel, own: Machine.Interface, addresses: ReadonlyArray<Machine.InterfaceAddress>): void => {
  const { machine } = kernel
  const changed = { ...own, addresses }
  machine.interfaces = machine.interfaces.map((other) => (other === own ? changed : other))
}

/** Gives an interface an address; throws a RangeError where that cannot be. */
export const addAddress = (kernel: Kernel, index: number, text: string): void => {
  const own = Machine.byIndex(kernel.machine, index)
  if (own === undefined || own.loopback) throw new RangeError(`not the index of an interface: ${index}`)
  const address = Machine.parseAddress(text)
  if (Machine.owner(kernel.machine, address.ip) !== undefined) throw new RangeError(`the machine has it: ${text}`)
  replace(kernel, own, [...own.addresses, address])
  kernel.watches.changed(kernel)
}

/**
 * Takes an address away; throws a RangeError for one that no interface has. Sockets stay bound to it and go on waiting;
 * connections of it break at once, and nobody tells the peer.
 */
export const removeAddress = (kernel: Kernel, text: string): void => {
  const { ip } = Machine.parseAddress(text)
  const own = Machine.owner(kernel.machine, ip)
  if (own === undefined || own.loopback) throw new RangeError(`no interface has the address: ${text}`)
  replace(
    kernel,
    own,
    own.addresses.filter((address) => !address.ip.equals(ip))
  )
  for (const connection of kernel.connections.list()) {
    if (connection.local.equals(ip)) Tcp.lose(connection, STATUS_CONNECTION_ABORTED)
  }
  kernel.watches.changed(kernel)
}

/**
 * The thread that made the calls is gone. What it began and has not ended is aborted, unless its socket is on a port: since
 * Windows Vista that goes on (`ports` "survive").
 */
export const threadExit = (kernel: Kernel, ports: "survive" | "aborted"): void => {
  for (const operation of Array.from(kernel.guard.pending.values())) {
    if (operation.socket.port !== undefined && ports === "survive") continue
    Sockets.abort(kernel, operation)
  }
}
