/**
 * IP addresses as the simulated stack keeps them: four 32-bit words. An IPv4 address is its IPv4-mapped form, so one
 * comparison serves plain and dual-stack sockets.
 */
import * as NetAddress from "effect/net/NetAddress"

export class Ip {
  readonly w0: number
  readonly w1: number
  readonly w2: number
  readonly w3: number
  constructor(w0: number, w1: number, w2: number, w3: number) {
    this.w0 = w0
    this.w1 = w1
    this.w2 = w2
    this.w3 = w3
  }
  get isV4(): boolean {
    return this.w2 === 0xffff && this.w1 === 0 && this.w0 === 0
  }
  get isAny(): boolean {
    return this.w3 === 0 && this.w1 === 0 && this.w0 === 0 && (this.w2 === 0 || this.w2 === 0xffff)
  }
  get isLoopback(): boolean {
    return this.isV4 ? this.w3 >>> 24 === 127 : this.w3 === 1 && this.w2 === 0 && this.w1 === 0 && this.w0 === 0
  }
  get isLinkLocal(): boolean {
    return this.w0 >>> 22 === 0x3fa
  }
  get isMulticast(): boolean {
    return this.isV4 ? this.w3 >>> 28 === 14 : this.w0 >>> 24 === 0xff
  }
  equals(that: Ip): boolean {
    return this.w3 === that.w3 && this.w2 === that.w2 && this.w1 === that.w1 && this.w0 === that.w0
  }
  /** Says whether both are of one family and agree in the first `length` bits of it. */
  samePrefix(that: Ip, length: number): boolean {
    if (this.isV4 !== that.isV4) return false
    let bits = this.isV4 ? length + 96 : length
    for (const [a, b] of [
      [this.w0, that.w0],
      [this.w1, that.w1],
      [this.w2, that.w2],
      [this.w3, that.w3]
    ]) {
      if (bits <= 0) return true
      const shift = bits >= 32 ? 0 : 32 - bits
      if (a >>> shift !== b >>> shift) return false
      bits -= 32
    }
    return true
  }
}

export const v4 = (word: number): Ip => new Ip(0, 0, 0xffff, word >>> 0)

export const anyV4 = v4(0)
export const anyV6 = new Ip(0, 0, 0, 0)
export const loopbackV4 = v4(0x7f000001)
export const loopbackV6 = new Ip(0, 0, 0, 1)
export const broadcastV4 = v4(0xffffffff)

const words = (octets: ReadonlyArray<number>): Array<number> => {
  const out: Array<number> = []
  for (let i = 0; i < octets.length; i += 4) {
    out.push(((octets[i] << 24) | (octets[i + 1] << 16) | (octets[i + 2] << 8) | octets[i + 3]) >>> 0)
  }
  return out
}

/** Parses an address; throws for text that is none. */
export const parse = (text: string): Ip => {
  const address = NetAddress.ipFromStringUnsafe(text)
  if (NetAddress.isIpv4Address(address)) return v4(words(NetAddress.ipv4ToOctets(address))[0])
  const [w0, w1, w2, w3] = words(Array.from(NetAddress.ipv6ToOctets(address)))
  return new Ip(w0, w1, w2, w3)
}

const octets = (word: number): Array<number> => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]

export const toNetAddress = (ip: Ip): NetAddress.IpAddress =>
  ip.isV4
    ? NetAddress.ipv4FromBytesUnsafe(new Uint8Array(octets(ip.w3)))
    : NetAddress.ipv6FromBytesUnsafe(new Uint8Array([ip.w0, ip.w1, ip.w2, ip.w3].flatMap(octets)))

export const format = (ip: Ip): string => NetAddress.formatIp(toNetAddress(ip))

export const formatEndpoint = (ip: Ip, port: number): string => {
  const text = format(ip)
  return ip.isV4 ? `${text}:${port}` : `[${text}]:${port}`
}
