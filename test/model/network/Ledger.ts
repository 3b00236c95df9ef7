/**
 * What a run of the network's model knows without asking the simulation: each datagram by its number, where it was to
 * go and with what control data, each socket, and of each packet which rules could have a say in it.
 */
import type { Datagram } from "@effect-winsock/core/Datagram"
import type * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as MockRule from "@effect-winsock/mock/MockRule"

export type HostName = "a" | "b" | "c"

/** What a rule may do to the packets that it applies to. */
export interface Say {
  readonly applies: (packet: MockRule.Packet) => boolean
  readonly drops: "always" | "sometimes" | "never"
  /** Milliseconds that it adds. */
  readonly delay: readonly [least: number, most: number]
  /** Copies that it makes at most. */
  readonly copies: number
  /** Bits that it turns over. */
  readonly bits: number
  /** Whether damage is received. */
  readonly undetected: boolean
}

export const harmless: Omit<Say, "applies"> = { drops: "never", delay: [0, 0], copies: 0, bits: 0, undetected: false }

/** A packet that was judged: the rules that it met, and what they made of it if none stopped it. */
export interface Judged {
  readonly at: number
  readonly says: Array<Say>
  passed: MockRule.Change | undefined
}

export interface SocketPlan {
  readonly v6: boolean
  /** An index into the host's addresses of the family; -1 for all of them. */
  readonly address: number
  readonly options: UdpSocket.Options
  readonly control: ReadonlyArray<"packetInfo" | "hopLimit" | "trafficClass" | "ecn">
  /** SO_RCVBUF, 0 to leave it alone. */
  readonly receiveBuffer: number
}

/** One socket; its port is no other's in the run. */
export interface Life {
  readonly host: HostName
  readonly port: number
  readonly plan: SocketPlan
  readonly socket: UdpSocket.UdpSocket
  readonly given: Array<Given>
  /** Datagrams that it lost for want of room, as netstat counts them; undefined where it was not asked. */
  counted: number | undefined
  /** Whether its machine's power went, or it began to be closed. */
  isOver: boolean
  /** Whether its machine's power went: what an operation of the kernel's had taken went with it. */
  crashed: boolean
}

export interface Given {
  readonly life: Life
  readonly message: Datagram
}

/** A datagram that was to be sent. */
export interface Sent {
  readonly n: number
  readonly length: number
  readonly life: Life
  /** The address and port it was sent to. */
  readonly to: string
  readonly toHost: HostName
  readonly toPort: number
  readonly hopLimit: number
  readonly tos: number
  /** The address it must come from, undefined for the system's choice. */
  readonly source: string | undefined
  outcome: "under way" | "sent" | "interrupted" | number
}

const header = 8
const mark = 0x6d6f_6465

export const least = header

const byteOf = (n: number, i: number): number => (n * 31 + i * 7 + (i >>> 8)) & 255

/** Writes datagram `n`. */
export const write = (n: number, into: Uint8Array): void => {
  const view = new DataView(into.buffer, into.byteOffset)
  view.setUint32(0, mark)
  view.setUint32(4, n)
  for (let i = header; i < into.length; i++) into[i] = byteOf(n, i)
}

/** The number of a datagram, undefined for one that is none of the model's. */
export const numberOf = (payload: Uint8Array): number | undefined => {
  if (payload.length < header) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset)
  return view.getUint32(0) === mark ? view.getUint32(4) : undefined
}

export const bytesOf = (n: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  write(n, bytes)
  return bytes
}

export class Ledger {
  readonly sends: Array<Sent> = []
  readonly lives: Array<Life> = []
  readonly judged = new Map<number, Judged>()
  readonly problems: Array<string> = []
  /** Codes that calls may fail with, for the plan's faults say so. */
  readonly codes = new Set<number>()
  /** Hosts whose cancellations may come to nothing, so that sockets are closed in their place. */
  readonly closers = new Set<HostName>()
  /** Whether something breaks connections: a crash, a reset, ICMP. */
  breaks = false
  private current: MockRule.Packet | undefined
  private now: Judged | undefined

  private see(packet: MockRule.Packet): Judged | undefined {
    if (this.current === packet) return this.now
    this.current = packet
    const n = packet.protocol === "UDP" ? numberOf(packet.payload) : undefined
    this.now = undefined
    if (n === undefined) return undefined
    if (this.judged.has(n)) this.problems.push(`datagram ${n} was judged twice`)
    this.now = { at: packet.at, says: [], passed: undefined }
    this.judged.set(n, this.now)
    return this.now
  }

  crash(host: HostName): void {
    this.breaks = true
    for (const life of this.lives) if (life.host === host) life.isOver = life.crashed = true
  }

  /** Whether a socket may be closed: also by the engine, where a cancellation came to nothing. */
  mayBeClosed(life: Life): boolean {
    return life.isOver || this.closers.has(life.host)
  }

  /** Goes before a rule: who comes here is next asked of that. */
  before(say: Say): MockRule.Rule {
    return MockRule.make("seen before", (packet) => {
      const judged = this.see(packet)
      if (say.applies(packet)) judged?.says.push(say)
      return undefined
    })
  }

  /** Is asked last: what comes here has passed. */
  readonly after = MockRule.make("seen last", (packet, change) => {
    const judged = this.see(packet)
    if (judged !== undefined) judged.passed = { ...change, copies: change.copies.slice() }
    return undefined
  })
}
