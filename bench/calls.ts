/**
 * The calls of the seam alone, made in a plain loop without the engine: what a case's operations cost in the provider,
 * which is taken off before anything is compared.
 */
import type { Block, Calls, Extensions, Handle, SocketHandle } from "@effect-winsock/core/Seam"
import { AF_INET, SOCK_DGRAM, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import { FIONBIO, SIO_GET_EXTENSION_FUNCTION_POINTER } from "@effect-winsock/schema/Ioctls"
import { readPointer } from "@effect-winsock/schema/Layout"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { OVERLAPPED_ENTRY, WSAMSG } from "@effect-winsock/schema/Structs"
import type * as NetAddress from "effect/net/NetAddress"
import type { SlotShape } from "../packages/core/src/internal/slots.ts"
import { makeShape, writeConstants } from "../packages/core/src/internal/slots.ts"
import type { Machine, Rig } from "./rig.ts"
import { localhost, makeRig, payloadSize } from "./rig.ts"

/** How many packets one dequeue takes, as the pump's does. */
const batch = 64

/** A socket with a port of its own, and memory for `slots` receives. */
export class PlainSocket {
  readonly rig: Rig
  readonly deliver: (n: number) => void
  private readonly calls: Calls
  private readonly handle: SocketHandle
  private readonly port: Handle
  private readonly recvMsg: Extensions["WSARecvMsg"]
  private readonly sendMsg: Extensions["WSASendMsg"]
  private readonly shape: SlotShape
  private readonly slots: Block
  private readonly entries: Block
  private readonly removedAt: number

  constructor(machine: Machine, slots: number) {
    this.rig = makeRig(machine, "loop")
    const { seam } = this.rig
    const { calls, memory } = seam
    this.calls = calls
    this.shape = makeShape(seam.abi, 0, payloadSize)
    // one more slot for the calls that answer at once
    this.slots = memory.alloc((slots + 1) * this.shape.stride + 16)
    for (let slot = 0; slot <= slots; slot++) writeConstants(this.shape, this.slots, slot * this.shape.stride)
    this.removedAt = OVERLAPPED_ENTRY.size[seam.abi] * batch
    this.entries = memory.alloc(this.removedAt + 16)
    const scratch = memory.alloc(256)
    calls.WSAStartup(0x0202, memory.alloc(512).address)
    this.port = calls.CreateIoCompletionPort(-1, 0, 0, 1)
    this.handle = calls.WSASocketW(AF_INET, SOCK_DGRAM, 0, 0, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT)
    const extension = <K extends "WSARecvMsg" | "WSASendMsg">(name: K): Extensions[K] => {
      scratch.bytes.set(Guids.toBytes(Guids.extensions[name]), 0)
      const to = scratch.address + 16
      this.must(
        calls.WSAIoctl(
          this.handle,
          SIO_GET_EXTENSION_FUNCTION_POINTER,
          scratch.address,
          16,
          to,
          8,
          scratch.address + 32,
          0,
          0
        ) === 0
      )
      return seam.bind(name, readPointer(seam.abi, scratch.view, 16))
    }
    this.recvMsg = extension("WSARecvMsg")
    this.sendMsg = extension("WSASendMsg")
    scratch.view.setUint32(0, 1, true)
    this.must(calls.ioctlsocket(this.handle, FIONBIO, scratch.address) === 0)
    this.must(calls.bind(this.handle, scratch.address, SockAddr.write(scratch.view, 0, localhost)) === 0)
    this.must(calls.CreateIoCompletionPort(this.handle, this.port, 0, 0) !== 0)
    scratch.view.setInt32(128, 128, true)
    this.must(calls.getsockname(this.handle, scratch.address, scratch.address + 128) === 0)
    const name = SockAddr.read(scratch.view, 0, scratch.view.getInt32(128, true))
    const udpPort = name._tag === "Inet" ? name.address.port : 0
    this.deliver = (n) => machine.deliver(udpPort, n)
  }

  private must(ok: boolean): void {
    if (!ok) throw new Error(`a call of the seam failed with ${this.calls.WSAGetLastError()}`)
  }

  /** Posts a receive; it stays pending, or is answered at once. */
  post(slot: number): void {
    const address = this.slots.address + slot * this.shape.stride
    if (this.recvMsg(this.handle, address + this.shape.message, 0, address, 0) !== 0) this.calls.WSAGetLastError()
  }

  /** Receives without waiting; whether there was a datagram. */
  receiveNow(): boolean {
    const last = this.slots.size - 16 - this.shape.stride
    const { address } = this.slots
    const size = address + this.slots.size - 16
    if (this.recvMsg(this.handle, address + last + this.shape.message, size, 0, 0) === 0) return true
    this.calls.WSAGetLastError()
    return false
  }

  cancel(slot: number): void {
    this.calls.CancelIoEx(this.handle, this.slots.address + slot * this.shape.stride)
  }

  /** How many packets one look found. */
  look(): number {
    const { address, view } = this.entries
    const ok = this.calls.GetQueuedCompletionStatusEx(this.port, address, batch, address + this.removedAt, 0, 0)
    return ok === 0 ? 0 : view.getUint32(this.removedAt, true)
  }

  /** Points the message of the calls that answer at once at a peer. */
  aim(to: NetAddress.InetAddress): void {
    const at = this.slots.size - 16 - this.shape.stride
    const { view } = this.slots
    const length = SockAddr.write(view, at + this.shape.name, to)
    view.setInt32(at + this.shape.message + WSAMSG.offsets[this.rig.seam.abi].namelen, length, true)
  }

  sendNow(): void {
    const last = this.slots.address + this.slots.size - 16 - this.shape.stride
    this.must(
      this.sendMsg(this.handle, last + this.shape.message, 0, this.slots.address + this.slots.size - 16, 0, 0) === 0
    )
  }

  close(): void {
    this.calls.closesocket(this.handle)
    for (let n = this.look(); n > 0; n = this.look());
    this.calls.CloseHandle(this.port)
    this.calls.WSACleanup()
  }
}
