/** The calls on one SOCKET that take or give small values, and answer at once. */
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import type { OptionValue } from "@effect-winsock/schema/OptionValue"
import { dword } from "@effect-winsock/schema/OptionValue"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { WSAEAFNOSUPPORT } from "@effect-winsock/schema/WsaError"
import type * as NetAddress from "effect/net/NetAddress"
import type { SocketHandle } from "../Seam.ts"
import type { Engine } from "./engine.ts"

const anyDword = dword()
/** Takes a name of the families that a socket can have, and no other. */
export type ReadName<A> = (name: ReturnType<typeof SockAddr.read>) => A | undefined

/** The addresses of IPv4 and IPv6. */
export const inet: ReadName<NetAddress.InetAddress> = (name) => (name._tag === "Inet" ? name.address : undefined)

/** They go through the engine's scratch memory. */
export class SocketCalls {
  readonly engine: Engine
  readonly socket: SocketHandle

  constructor(engine: Engine, socket: SocketHandle) {
    this.engine = engine
    this.socket = socket
  }

  /** Sets an option that is a DWORD, or one that lies in memory as `form` says. */
  set(level: number, option: number, value: number, form: OptionValue<number> = anyDword): boolean {
    const { calls, scratch, seam } = this.engine
    const length = form.write(seam.abi, scratch.view, 0, value)
    return calls.setsockopt(this.socket, level, option, scratch.address, length) === 0
  }

  /** Sets an option that has no value. */
  setNothing(level: number, option: number): boolean {
    return this.engine.calls.setsockopt(this.socket, level, option, 0, 0) === 0
  }

  /** The option's value, or -1. */
  get(level: number, option: number): number {
    const { calls, scratch } = this.engine
    scratch.view.setUint32(0, 0, true)
    scratch.view.setInt32(8, 4, true)
    const rc = calls.getsockopt(this.socket, level, option, scratch.address, scratch.address + 8)
    return rc === 0 ? scratch.view.getUint32(0, true) : -1
  }

  ioctl(code: number, value: number): boolean {
    const { calls, scratch } = this.engine
    scratch.view.setUint32(0, value, true)
    return calls.WSAIoctl(this.socket, code, scratch.address, 4, 0, 0, scratch.address + 8, 0, 0) === 0
  }

  /** The JS thread must never wait in a call. */
  doNotBlock(): boolean {
    const { calls, scratch } = this.engine
    scratch.view.setUint32(0, 1, true)
    return calls.ioctlsocket(this.socket, FIONBIO, scratch.address) === 0
  }

  bind(address: NetAddress.SocketAddress): boolean {
    const { calls, scratch } = this.engine
    return calls.bind(this.socket, scratch.address, SockAddr.write(scratch.view, 0, address)) === 0
  }

  /** Sets the peer; `undefined` takes it back (AF_UNSPEC). */
  connect(peer: NetAddress.SocketAddress | undefined): boolean {
    const { calls, scratch } = this.engine
    scratch.bytes.fill(0, 0, 32)
    const length = peer === undefined ? 16 : SockAddr.write(scratch.view, 0, peer)
    return calls.connect(this.socket, scratch.address, length) === 0
  }

  localAddress(): NetAddress.InetAddress | undefined {
    return this.address("getsockname", inet)
  }

  peerAddress(): NetAddress.InetAddress | undefined {
    return this.address("getpeername", inet)
  }

  /** The address that the call gives, or `undefined` where it fails or gives one that `read` does not take. */
  address<A>(call: "getsockname" | "getpeername", read: ReadName<A>): A | undefined {
    const { calls, scratch } = this.engine
    const capacity = 128
    scratch.view.setInt32(capacity, capacity, true)
    if (calls[call](this.socket, scratch.address, scratch.address + capacity) !== 0) return undefined
    const name = read(SockAddr.read(scratch.view, 0, Math.min(scratch.view.getInt32(capacity, true), capacity)))
    if (name === undefined) calls.WSASetLastError(WSAEAFNOSUPPORT)
    return name
  }
}
