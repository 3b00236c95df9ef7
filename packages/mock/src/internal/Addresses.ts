/**
 * SOCKADDR_IN and SOCKADDR_IN6 in simulated memory.
 */
import { Ip, v4 } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { MockMemory } from "./Memory.ts"
import { AF_INET, AF_INET6 } from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"

export const sizeFor = (v6: boolean): 28 | 16 => (v6 ? 28 : 16)

/** What a socket address said. */
export class Endpoint {
  readonly ip: Ip
  readonly port: number
  readonly scope: number
  constructor(ip: Ip, port: number, scope: number) {
    this.ip = ip
    this.port = port
    this.scope = scope
  }
}

/**
 * Reads a socket address for a socket of the family; undefined when the call failed. A wrong family is
 * WSAEAFNOSUPPORT, one that is too short WSAEFAULT.
 */
export const read = (kernel: Kernel, v6: boolean, address: number, length: number): Endpoint | undefined => {
  const size = sizeFor(v6)
  if (address === 0 || length < 2) {
    kernel.error = sdk.WSAEFAULT
    return undefined
  }
  const family = kernel.memory.u16(address)
  if (length < size) {
    kernel.error = sdk.WSAEFAULT
    return undefined
  }
  if (family !== (v6 ? AF_INET6 : AF_INET)) {
    kernel.error = sdk.WSAEAFNOSUPPORT
    return undefined
  }
  const view = kernel.memory.locate(address, size)
  const at = kernel.memory.at
  const port = view.getUint16(at + 2, false)
  if (!v6) return new Endpoint(v4(view.getUint32(at + 4, false)), port, 0)
  const ip = new Ip(
    view.getUint32(at + 8, false),
    view.getUint32(at + 12, false),
    view.getUint32(at + 16, false),
    view.getUint32(at + 20, false)
  )
  return new Endpoint(ip, port, view.getUint32(at + 24, true))
}

/** Writes a whole socket address; an IPv4 address on an IPv6 socket comes out v4-mapped. */
export const write = (memory: MockMemory, v6: boolean, address: number, ip: Ip, port: number, scope: number): void => {
  const view = memory.locate(address, sizeFor(v6))
  const at = memory.at
  view.setUint16(at, v6 ? AF_INET6 : AF_INET, true)
  view.setUint16(at + 2, port, false)
  view.setUint32(at + 4, v6 ? 0 : ip.w3, false)
  if (!v6) {
    view.setUint32(at + 8, 0, true)
    view.setUint32(at + 12, 0, true)
    return
  }
  view.setUint32(at + 8, ip.w0, false)
  view.setUint32(at + 12, ip.w1, false)
  view.setUint32(at + 16, ip.w2, false)
  view.setUint32(at + 20, ip.w3, false)
  view.setUint32(at + 24, scope, true)
}

/** Writes an address where the caller said how much room there is, and the length it took. */
export const report = (
  kernel: Kernel,
  v6: boolean,
  address: number,
  lengthAt: number,
  ip: Ip,
  port: number,
  scope: number
): number => {
  const size = sizeFor(v6)
  if (kernel.memory.i32(lengthAt) < size) return kernel.fail(sdk.WSAEFAULT)
  write(kernel.memory, v6, address, ip, port, scope)
  kernel.memory.setU32(lengthAt, size)
  return 0
}
