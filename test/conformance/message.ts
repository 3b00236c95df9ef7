// A WSAMSG with its buffers, name and control data in one block.
import type { Block } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Bench } from "./bench.ts"

export interface ControlMessage {
  readonly level: number
  readonly type: number
  readonly data: ReadonlyArray<number>
}

const names: ReadonlyArray<readonly [level: number, type: number, name: string]> = [
  [Flags.IPPROTO_IP, Options.IP_PKTINFO, "IP_PKTINFO"],
  [Flags.IPPROTO_IP, Options.IP_PKTINFO_EX, "IP_PKTINFO_EX"],
  [Flags.IPPROTO_IP, Options.IP_TTL, "IP_TTL"],
  [Flags.IPPROTO_IP, Options.IP_HOPLIMIT, "IP_HOPLIMIT"],
  [Flags.IPPROTO_IP, Options.IP_TOS, "IP_TOS"],
  [Flags.IPPROTO_IP, Options.IP_TCLASS, "IP_TCLASS"],
  [Flags.IPPROTO_IP, Options.IP_ECN, "IP_ECN"],
  [Flags.IPPROTO_IP, Options.IP_ORIGINAL_ARRIVAL_IF, "IP_ORIGINAL_ARRIVAL_IF"],
  [Flags.IPPROTO_IP, Options.IP_RECVIF, "IP_RECVIF"],
  [Flags.IPPROTO_IP, Options.IP_RECVDSTADDR, "IP_RECVDSTADDR"],
  [Flags.IPPROTO_IP, Options.IP_RECVERR, "IP_RECVERR"],
  [Flags.IPPROTO_IPV6, Options.IPV6_PKTINFO, "IPV6_PKTINFO"],
  [Flags.IPPROTO_IPV6, Options.IPV6_PKTINFO_EX, "IPV6_PKTINFO_EX"],
  [Flags.IPPROTO_IPV6, Options.IPV6_HOPLIMIT, "IPV6_HOPLIMIT"],
  [Flags.IPPROTO_IPV6, Options.IPV6_TCLASS, "IPV6_TCLASS"],
  [Flags.IPPROTO_IPV6, Options.IPV6_ECN, "IPV6_ECN"],
  [Flags.IPPROTO_IPV6, Options.IP_ORIGINAL_ARRIVAL_IF, "IPV6_ORIGINAL_ARRIVAL_IF"],
  [Flags.IPPROTO_IPV6, Options.IPV6_RECVIF, "IPV6_RECVIF"],
  [Flags.IPPROTO_IPV6, Options.IPV6_RECVDSTADDR, "IPV6_RECVDSTADDR"],
  [Flags.IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, "UDP_SEND_MSG_SIZE"],
  [Flags.IPPROTO_UDP, Options.UDP_COALESCED_INFO, "UDP_COALESCED_INFO"],
  [Flags.SOL_SOCKET, Options.SO_TIMESTAMP, "SO_TIMESTAMP"]
]

/** "IP_TTL", or "level 0 type 4" for a message without a name. */
export const nameOfControl = ({ level, type }: Pick<ControlMessage, "level" | "type">): string =>
  names.find((known) => known[0] === level && known[1] === type)?.[2] ?? `level ${level} type ${type}`

export const i32 = (n: number): Array<number> => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255]

export const toNumber = (data: ReadonlyArray<number>): number =>
  data.length === 4 ? data.reduceRight((sum, byte) => sum * 256 + byte, 0) : Number.NaN

export interface MessageOptions {
  /** The sizes of the payload's buffers. */
  readonly sizes?: ReadonlyArray<number>
  /** Room for control data; without it Control is { NULL, 0 }. */
  readonly control?: number
  /** Room for the name, of which 128 are there; 0 gives none. */
  readonly name?: number
}

const nameRoom = 128

export class Message {
  readonly block: Block
  readonly view: Layout.View<typeof Structs.WSAMSG.fields>
  readonly nameAt: number
  readonly controlAt: number
  private readonly bench: Bench
  private readonly payloadAt: ReadonlyArray<number>

  constructor(bench: Bench, options: MessageOptions) {
    const { sizes = [64], control = 0, name = nameRoom } = options
    const { abi } = bench
    const nameAt = 64
    const buffersAt = nameAt + nameRoom + 16
    const controlAt = buffersAt + 16 * sizes.length
    const firstAt = controlAt + Math.ceil(control / 16) * 16
    this.bench = bench
    this.nameAt = nameAt
    this.controlAt = controlAt
    this.block = bench.alloc(firstAt + sizes.reduce((sum, size) => sum + size, 16))
    const { address, view } = this.block
    this.view = Structs.WSAMSG.view(abi, view, 0)
    let at = firstAt
    this.payloadAt = sizes.map((size, i) => {
      const buffer = Structs.WSABUF.view(abi, view, buffersAt + i * Structs.WSABUF.size[abi])
      buffer.len = size
      buffer.buf = address + at
      at += size
      return at - size
    })
    this.view.lpBuffers = address + buffersAt
    this.view.dwBufferCount = sizes.length
    if (name > 0) {
      this.view.name = address + nameAt
      this.view.namelen = name
      view.setInt32(nameAt + nameRoom, name, true)
    }
    if (control > 0) {
      this.view.Control.buf = address + controlAt
      this.view.Control.len = control
    }
  }

  get address(): number {
    return this.block.address
  }

  /** Where in the block the first buffer is. */
  get payloadStart(): number {
    return this.payloadAt[0]
  }

  /** Where WSARecvFrom finds the room for the name; NULL where there is no name. */
  get nameLengthAt(): number {
    return this.view.name === 0 ? 0 : this.block.address + this.nameAt + nameRoom
  }

  get nameLength(): number {
    return this.block.view.getInt32(this.nameAt + nameRoom, true)
  }

  write(buffer: number, text: string): void {
    for (let i = 0; i < text.length; i++) this.block.bytes[this.payloadAt[buffer] + i] = text.charCodeAt(i)
  }

  /** What the kernel wrote into the buffer: its text up to the first zero byte. */
  text(buffer = 0): string {
    const at = this.payloadAt[buffer]
    const end = this.block.bytes.indexOf(0, at)
    return Array.from(this.block.bytes.slice(at, end), (byte) => String.fromCharCode(byte)).join("")
  }

  /** What the kernel wrote as the sender. */
  get from(): { readonly ip: string; readonly port: number } {
    return this.bench.readAddress(this.block, this.nameAt)
  }

  to(ip: string, port: number): this {
    this.view.name = this.block.address + this.nameAt
    this.view.namelen = this.bench.writeAddress(this.block, this.nameAt, ip, port)
    return this
  }

  /** The control messages that the kernel wrote. */
  get controls(): ReadonlyArray<ControlMessage> {
    const width = Layout.pointerSize(this.bench.abi)
    const header = width + 8
    const { bytes, view } = this.block
    const out: Array<ControlMessage> = []
    const end = this.controlAt + this.view.Control.len
    for (let at = this.controlAt; at + header <= end;) {
      const length = view.getUint32(at, true)
      if (length < header || at + length > end) break
      out.push({
        level: view.getInt32(at + width, true),
        type: view.getInt32(at + width + 4, true),
        data: Array.from(bytes.slice(at + header, at + length))
      })
      at += (length + width - 1) & ~(width - 1)
    }
    return out
  }

  /** Their names, in the kernel's order. */
  get controlNames(): string {
    return this.controls.map(nameOfControl).join(", ") || "none"
  }

  /** Writes control data to send. */
  withControl(...messages: ReadonlyArray<ControlMessage>): this {
    const width = Layout.pointerSize(this.bench.abi)
    const header = width + 8
    const { bytes, view } = this.block
    let at = this.controlAt
    for (const { data, level, type } of messages) {
      view.setUint32(at, header + data.length, true)
      view.setInt32(at + width, level, true)
      view.setInt32(at + width + 4, type, true)
      bytes.set(data, at + header)
      at += (header + data.length + width - 1) & ~(width - 1)
    }
    this.view.Control.buf = this.block.address + this.controlAt
    this.view.Control.len = at - this.controlAt
    return this
  }
}

/** WSA_CMSG_SPACE. */
export const space = (abi: Layout.Abi, payload: number): number => {
  const width = Layout.pointerSize(abi)
  return width + 8 + ((payload + width - 1) & ~(width - 1))
}
